//! `lockstep view`.

use crate::failure::Failure;
use crate::opened::open;
use crate::terminal::Terminal;
use crate::{Exit, environment};
use std::path::PathBuf;

/// Show what is in an encrypted file, on the terminal and nowhere else.
///
/// The file is verified as by decrypt. Into a pipe or a file nothing is written: that is what decrypt
/// is for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The encrypted file.
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    if !environment::output_is_seen() {
        return Err(
            Failure::new(Exit::Failure, "view shows secrets on a terminal only")
                .hint("lockstep decrypt writes them into a pipe or a file"),
        );
    }
    let file = open(&arguments.file, terminal)?;
    terminal.data(file.document().plaintext().expose().as_bytes())
}
