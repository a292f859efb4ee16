//! `lockstep filestatus`.

use crate::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use lockstep_repo::{LARGEST_FILE, Shown, format_of, read_raw};
use lockstep_sops::{Parsed, parse_as};
use std::path::PathBuf;

/// Say whether a file is encrypted, as JSON: {"encrypted":true}.
///
/// It is if it has the metadata. No key is needed, and nothing is verified.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file.
    file: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let Some(file) = &arguments.file else {
        return Err(Failure::new(Exit::NoFile, "no file is named"));
    };
    // sops has one code for whatever goes wrong here.
    let failed = |failure: Failure| Failure {
        exit: Exit::Failure,
        ..failure
    };
    let content = read_raw(file, LARGEST_FILE)
        .map_err(|error| failed(error.into()))?
        .content;
    let format = format_of(file);
    let parsed = parse_as(content, format).map_err(|error| {
        let message = crate::failure::chain(&error);
        let failure = Failure::new(Exit::Failure, format!("{}: {message}", Shown(file)));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let encrypted = match parsed {
        Parsed::Encrypted(document) => document.metadata().has_mac(),
        Parsed::Clear(_) => false,
    };
    terminal.data(format!("{{\"encrypted\":{encrypted}}}\n").as_bytes())
}
