//! `lockstep exec-file`.

use crate::Exit;
use crate::child::{self, Environment};
use crate::failure::{Failure, chain};
use crate::memory::{DiskArguments, folder, folder_for_pipe};
use crate::opened::open;
use crate::terminal::Terminal;
use lockstep_secret::SecretString;
use std::path::{Component, Path, PathBuf};

/// Run a command with a file that holds what an encrypted file holds.
///
/// `{}` in the command stands for the file's name. It is a pipe, which can be read once, unless
/// --no-fifo is given: then it is a file in memory. It is gone when the command ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockstep exec-file db.yaml 'kubectl apply -f {}'")]
pub(crate) struct Arguments {
    /// The encrypted file.
    file: PathBuf,

    /// The command, for /bin/sh -c.
    command: String,

    /// Use a file in memory instead of a pipe.
    #[arg(long)]
    no_fifo: bool,

    /// What the file is called.
    #[arg(long, value_name = "NAME", default_value = "tmp-file")]
    filename: PathBuf,

    #[command(flatten)]
    disk: DiskArguments,

    #[command(flatten)]
    user: child::UserArguments,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<u8, Failure> {
    arguments.user.check()?;
    let mut parts = arguments.filename.components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        return Err(Failure::new(
            Exit::Failure,
            "--filename takes a name without folders",
        ));
    };
    let text = open(&arguments.file, terminal)?.document().plaintext();
    let (folder, path) = if arguments.no_fifo {
        let folder = folder(&arguments.disk)?;
        let path = folder
            .write(&arguments.filename, text.expose().as_bytes())
            .map_err(|error| Failure::new(Exit::Unwritable, chain(&error)))?;
        drop(text);
        (folder, path)
    } else {
        let folder = folder_for_pipe()?;
        let path = folder.path().join(&arguments.filename);
        feed(&path, text)?;
        (folder, path)
    };
    let command = arguments.command.replace("{}", &path.to_string_lossy());
    let ended = child::wait(child::shell(&command, Environment::Inherited));
    drop(folder);
    ended
}

/// Makes a pipe and writes into it once somebody reads. If nobody ever does, the thread ends with the
/// program.
fn feed(path: &Path, text: SecretString) -> Result<(), Failure> {
    child::make_pipe(path)?;
    let path = path.to_owned();
    std::thread::spawn(move || {
        let opened = std::fs::File::options().write(true).open(path);
        if let Ok(mut pipe) = opened {
            // The command may read as little of it as it likes.
            let _ = std::io::Write::write_all(&mut pipe, text.expose().as_bytes());
        }
    });
    Ok(())
}
