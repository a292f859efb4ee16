//! Commands that are given secrets.

use crate::Exit;
use crate::failure::Failure;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// sops's options of a command that are refused here.
#[derive(Debug, clap::Args)]
pub(crate) struct UserArguments {
    /// As sops spells it; not supported.
    #[arg(long, value_name = "USER", hide = true)]
    user: Option<String>,

    /// As sops spells it; not supported.
    #[arg(long, hide = true)]
    background: bool,
}

impl UserArguments {
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.user.is_some() {
            return Err(Failure::new(Exit::Failure, "--user is not supported")
                .hint("let the command change the user: 'exec setpriv --reuid USER --regid GROUP --clear-groups COMMAND'"));
        }
        if self.background {
            return Err(Failure::new(Exit::Failure, "--background is not supported")
                .hint("put the whole in the background: lockstep exec-env FILE COMMAND &"));
        }
        Ok(())
    }
}

/// What a command has in its environment besides the secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    Inherited,
    Pristine,
}

/// A command for the shell.
pub(crate) fn shell(line: &str, environment: Environment) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    if environment == Environment::Pristine {
        command.env_clear();
    }
    command
}

/// Runs a command to its end and gives its exit code.
pub(crate) fn wait(mut command: Command) -> Result<u8, Failure> {
    let child = command.spawn();
    // It holds the secrets as well.
    drop(command);
    let status = child.and_then(|mut child| child.wait());
    let status = status.map_err(|error| unstartable(&error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // A signal is one code, as in sops.
    Ok(code.unwrap_or(255))
}

/// Becomes a command; gives why that is not possible.
pub(crate) fn replace(command: &mut Command) -> Failure {
    unstartable(&command.exec())
}

fn unstartable(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("/bin/sh cannot be started: {error}"))
}

/// Makes a pipe that only the user may open.
pub(crate) fn make_pipe(path: &Path) -> Result<(), Failure> {
    #[cfg(target_os = "linux")]
    let made = {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
    };
    #[cfg(not(target_os = "linux"))]
    let made = {
        let _ = path;
        Err(rustix::io::Errno::NOSYS)
    };
    made.map_err(|errno| {
        let error = std::io::Error::from(errno);
        Failure::new(Exit::Unwritable, format!("no pipe can be made: {error}"))
            .hint("--no-fifo does without")
    })
}
