//! `lockstep key`: the operator's keys, saved and put back.

pub(crate) mod backup;
mod bundle;
pub(crate) mod restore;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Save the keys that the operator holds, and put them back.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Backup(backup::Arguments),
    Restore(restore::Arguments),
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Backup(arguments) => backup::run(arguments, terminal),
        Verb::Restore(arguments) => restore::run(arguments, terminal),
    }
}
