//! The command line as a whole: verbs, and what happens when it is not understood.

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::verbs::{
    check, completion, decrypt, edit, encrypt, exec_env, exec_file, filestatus, init, key, keygen,
    rotate, set, unset, updatekeys, view,
};
use crate::{Ended, Exit, usage};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// Keeps Kubernetes secrets in Git, encrypted, in files that sops can read.
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    max_term_width = 100,
    subcommand_required = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Keygen(keygen::Arguments),
    Init(init::Arguments),
    Encrypt(encrypt::Arguments),
    Decrypt(decrypt::Arguments),
    Edit(edit::Arguments),
    View(view::Arguments),
    Set(set::Arguments),
    Unset(unset::Arguments),
    ExecEnv(exec_env::Arguments),
    ExecFile(exec_file::Arguments),
    Filestatus(filestatus::Arguments),
    Rotate(rotate::Arguments),
    Updatekeys(updatekeys::Arguments),
    Check(check::Arguments),
    Key(key::Arguments),
    Completion(completion::Arguments),
}

/// Runs the program on its arguments, the first of which is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Ended {
    let terminal = Terminal::new();
    let arguments: Vec<_> = arguments.into_iter().collect();
    let parsed = match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => return Ended::With(explain(terminal, &error, &arguments)),
    };
    let result = match parsed.verb {
        Verb::Keygen(arguments) => keygen::run(&arguments, terminal),
        Verb::Init(arguments) => init::run(&arguments, terminal),
        Verb::Encrypt(arguments) => encrypt::run(&arguments, terminal),
        Verb::Decrypt(arguments) => decrypt::run(&arguments, terminal),
        Verb::Edit(arguments) => edit::run(&arguments, terminal),
        Verb::ExecEnv(arguments) => return command(exec_env::run(&arguments, terminal), terminal),
        Verb::ExecFile(arguments) => {
            return command(exec_file::run(&arguments, terminal), terminal);
        }
        Verb::View(arguments) => view::run(&arguments, terminal),
        Verb::Set(arguments) => set::run(&arguments, terminal),
        Verb::Unset(arguments) => unset::run(&arguments, terminal),
        Verb::Filestatus(arguments) => filestatus::run(&arguments, terminal),
        Verb::Rotate(arguments) => rotate::run(&arguments, terminal),
        Verb::Updatekeys(arguments) => updatekeys::run(&arguments, terminal),
        Verb::Check(arguments) => check::run(&arguments, terminal),
        Verb::Key(arguments) => key::run(&arguments, terminal),
        Verb::Completion(arguments) => completion::run(&arguments, terminal),
    };
    Ended::With(match result {
        Ok(()) => Exit::Success,
        Err(failure) => {
            terminal.fail(&failure);
            failure.exit
        }
    })
}

/// What a verb comes to that runs a command.
fn command(result: Result<u8, Failure>, terminal: Terminal) -> Ended {
    match result {
        Ok(code) => Ended::AsCommand(code),
        Err(failure) => {
            terminal.fail(&failure);
            Ended::With(failure.exit)
        }
    }
}

/// Shows help where it was asked for, and what is wrong otherwise.
fn explain(terminal: Terminal, error: &clap::Error, arguments: &[OsString]) -> Exit {
    // Fails only if nobody reads, which is no failure.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Exit::Success,
        ErrorKind::ArgumentConflict => return Exit::Conflict,
        _ => {}
    }
    if let Some(hint) = usage::hint(arguments) {
        terminal.hint(&hint);
    }
    Exit::Failure
}
