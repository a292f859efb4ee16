//! `lockstep exec-env`.

use crate::Exit;
use crate::child::{self, Environment};
use crate::failure::Failure;
use crate::opened::open;
use crate::terminal::Terminal;
use lockstep_repo::Shown;
use std::path::PathBuf;

/// Run a command with the values of an encrypted file in its environment.
///
/// Each top-level key of the first document is a variable; a value must be a text, a number, true or
/// false. The command is one word for /bin/sh, and its exit code is passed on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockstep exec-env db.yaml 'psql -h \"$HOST\"'")]
pub(crate) struct Arguments {
    /// The encrypted file.
    file: PathBuf,

    /// The command, for /bin/sh -c.
    command: String,

    /// Give the command nothing but the file's values.
    #[arg(long)]
    pristine: bool,

    /// Run the command in place of this process instead of as a child.
    #[arg(long)]
    same_process: bool,

    #[command(flatten)]
    user: child::UserArguments,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<u8, Failure> {
    arguments.user.check()?;
    let file = open(&arguments.file, terminal)?;
    let variables = file.document().variables().map_err(|path| {
        Failure::new(
            Exit::Failure,
            format!("{}: {path}: this cannot be a variable", Shown(&arguments.file)),
        )
        .hint("a variable is a top-level key without `=`, with a value that is not a mapping, a list or null")
    })?;
    let environment = if arguments.pristine {
        Environment::Pristine
    } else {
        Environment::Inherited
    };
    let mut command = child::shell(&arguments.command, environment);
    for (name, value) in &variables {
        command.env(name, value.expose());
    }
    drop(variables);
    drop(file);
    if arguments.same_process {
        return Err(child::replace(&mut command));
    }
    child::wait(command)
}
