//! `lockstep unset`.

use crate::failure::Failure;
use crate::opened::Target;
use crate::terminal::Terminal;
use crate::{Exit, index};
use lockstep_repo::Shown;
use lockstep_sops::AlterError;
use std::path::PathBuf;

/// Take one value, or a whole branch, out of an encrypted file.
///
/// Every other value keeps its ciphertext. Comments above the value stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lockstep unset db.yaml '[\"stringData\"][\"old-password\"]'")]
pub(crate) struct Arguments {
    /// The encrypted file; it is changed in place.
    file: Option<PathBuf>,

    /// The place, such as '["stringData"]["password"]' or '["users"][0]'.
    index: Option<String>,

    /// It is no failure if there is nothing at this place.
    #[arg(long)]
    idempotent: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let (Some(file), Some(place)) = (&arguments.file, &arguments.index) else {
        return Err(Failure::new(
            Exit::NoFile,
            "unset takes a file and an index",
        ));
    };
    let path = index::parse(place)?;
    let target = Target::open(file, terminal)?;
    let altered = match target.file.document().unset(&path) {
        Err(AlterError::NotThere(_)) if arguments.idempotent => return Ok(()),
        result => result.map_err(|error| Failure::altering(file, &error))?,
    };
    target.save(altered.text)?;
    if terminal.is_watched() {
        terminal.say(&format!("{}: {path} taken out", Shown(file)));
    }
    Ok(())
}
