//! `lockstep set`.

use crate::failure::Failure;
use crate::files::read_standard_input;
use crate::opened::Target;
use crate::terminal::Terminal;
use crate::{Exit, index, json};
use lockstep_repo::{LARGEST_FILE, Shown, read_file};
use lockstep_secret::SecretString;
use lockstep_sops::Altering;
use std::path::{Path, PathBuf};

/// Set one value of an encrypted file.
///
/// The index names the place in the first document, and mappings that are missing on the way are made;
/// a list position behind the last appends. The value is JSON: a text needs quotes. Only this value's
/// line and three of the metadata change: every other value keeps its ciphertext.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        pass show db | jq -Rs . | lockstep set --value-stdin db.yaml '[\"stringData\"][\"password\"]'\n  \
        lockstep set --value-file db.yaml '[\"stringData\"][\"password\"]' password.json\n  \
        lockstep set db.yaml '[\"metadata\"][\"name\"]' '\"db\"'")]
pub(crate) struct Arguments {
    /// The encrypted file; it is changed in place.
    file: Option<PathBuf>,

    /// The place, such as '["stringData"]["password"]' or '["users"][0]'.
    index: Option<String>,

    /// The value as JSON. Others on this machine can see it while the program runs.
    value: Option<String>,

    /// VALUE is a file that holds the value.
    #[arg(long, conflicts_with = "value_stdin")]
    value_file: bool,

    /// Read the value from standard input.
    #[arg(long)]
    value_stdin: bool,

    /// Leave the file alone if the value is there already.
    #[arg(long)]
    idempotent: bool,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let (Some(file), Some(place)) = (&arguments.file, &arguments.index) else {
        return Err(incomplete());
    };
    let path = index::parse(place)?;
    let value = json::parse(&value(arguments, terminal)?)?;
    let target = Target::open(file, terminal)?;
    let altered = target
        .file
        .document()
        .set(&path, value)
        .map_err(|error| Failure::altering(file, &error))?;
    if arguments.idempotent && altered.change == Altering::Nothing {
        return Ok(());
    }
    target.save(altered.text)?;
    if terminal.is_watched() {
        terminal.say(&format!("{}: {path} set", Shown(file)));
    }
    Ok(())
}

fn value(arguments: &Arguments, terminal: Terminal) -> Result<SecretString, Failure> {
    match &arguments.value {
        None if arguments.value_stdin => read_standard_input()?
            .into_string()
            .map_err(|_| Failure::new(Exit::BadValue, "standard input: the value is not text")),
        Some(file) if arguments.value_file => {
            let source = read_file(Path::new(file), LARGEST_FILE).map_err(|error| {
                let failure = Failure::from(error);
                let exit = Exit::Failure;
                Failure { exit, ..failure }
            })?;
            Ok(source.text)
        }
        Some(value) if !arguments.value_stdin => {
            terminal.warn(
                "others on this machine can see a value on the command line, and the shell's \
                 history keeps it; --value-stdin and --value-file do without",
            );
            Ok(SecretString::new(value.clone()))
        }
        _ => Err(incomplete()),
    }
}

fn incomplete() -> Failure {
    Failure::new(
        Exit::NoFile,
        "set takes a file, an index and a value; with --value-stdin, a file and an index",
    )
}
