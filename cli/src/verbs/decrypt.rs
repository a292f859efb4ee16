//! `lockstep decrypt`.

use crate::Exit;
use crate::failure::Failure;
use crate::files::{
    Files, Job, Many, Origin, Outcome, Sink, Tally, Types, deliver, read_standard_input,
};
use crate::identities::{self, Found};
use crate::terminal::Terminal;
use lockstep_age::Identities;
use lockstep_repo::{
    Change, Holds, LARGEST_FILE, Privacy, Shown, UnsealError, format_of, look_at, read_raw, rewrite,
};
use lockstep_secret::SecretBytes;
use lockstep_sops::Format;
use std::path::Path;

/// Decrypt files with the identities at hand, after verifying that nobody changed them.
///
/// Identities come from where sops looks: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD,
/// ~/.config/sops/age/keys.txt, and SSH keys; all that are found count. Of a folder, the encrypted files
/// in it are decrypted and others are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        lockstep decrypt db-secret.yaml     one file, to standard output\n  \
        lockstep decrypt -i db-secret.yaml  one file, in place")]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let job = arguments.files.job()?;
    let found = identities::find();
    let result = match job {
        Job::One { from, name, to } => {
            let types = arguments.files.types();
            one(&found, from.as_deref(), (&name, types), &to, terminal)
        }
        Job::Many(files) => many(&found, files, terminal),
    };
    found.tell_warnings(terminal);
    result
}

fn one(
    found: &Found,
    from: Option<&Path>,
    (name, types): (&Path, Types),
    to: &Sink,
    terminal: Terminal,
) -> Result<(), Failure> {
    let shown = from.unwrap_or(Path::new("standard input"));
    let failed = |error: &UnsealError| {
        explain_missing_key(error, found, terminal);
        Failure::unsealing(shown, error)
    };
    if let Some(path) = from.filter(|_| matches!(to, Sink::InPlace)) {
        let format = format_if_there(path, types, name)?;
        let work = |_: &&Path, content| open(content, format, &found.identities);
        for result in rewrite(&[path], |path| path, work) {
            result.map_err(|error| Failure::rewriting(error, |error| failed(&error)))?;
        }
        if terminal.is_watched() {
            terminal.say(&format!("{}: decrypted", Shown(path)));
        }
        return Ok(());
    }
    let (content, format) = match from {
        Some(path) => {
            let source = read_raw(path, LARGEST_FILE)?;
            (source.content, types.to_decrypt(name)?)
        }
        None if name.as_os_str().is_empty() && types.are_open() => {
            let content = read_standard_input()?;
            let format = guess(&content);
            (content, format)
        }
        None => {
            let format = types.to_decrypt(name)?;
            (read_standard_input()?, format)
        }
    };
    let decrypted = lockstep_repo::decrypt(content, format, &found.identities)
        .map_err(|error| failed(&error))?;
    deliver(to, decrypted.content.expose(), Privacy::OwnerOnly, terminal)
}

/// Standard input without a name: a binary file, as sops takes it, if it can be one.
fn guess(content: &SecretBytes) -> Format {
    match look_at(content, Format::Binary) {
        Holds::Encrypted => Format::Binary,
        _ => Format::Yaml,
    }
}

/// A file that is not there is that first, whatever its name.
fn format_if_there(path: &Path, types: Types, name: &Path) -> Result<Format, Failure> {
    if path.exists() {
        types.to_decrypt(name)
    } else {
        Ok(Format::Yaml)
    }
}

fn open(
    content: SecretBytes,
    format: Format,
    identities: &Identities,
) -> Result<Change<Outcome>, UnsealError> {
    let decrypted = lockstep_repo::decrypt(content, format, identities)?;
    Ok(Change::Write(decrypted.content, Outcome::Done))
}

fn many(found: &Found, many: Many, terminal: Terminal) -> Result<(), Failure> {
    let mut tally = Tally::of(many.unreadable, terminal);
    let files = many.files;
    let results = rewrite(
        &files,
        |file| file.path.as_path(),
        |file, content| {
            let format = format_of(&file.path);
            let held = look_at(&content, format);
            if file.origin == Origin::Found && matches!(held, Holds::ClearSecret | Holds::Other) {
                return Ok(Change::Leave(Outcome::LeftAlone));
            }
            match open(content, format, &found.identities) {
                Err(UnsealError::NotEncrypted) => Ok(Change::Leave(Outcome::Skipped)),
                result => result,
            }
        },
    );
    let mut told = false;
    for (file, result) in files.iter().zip(results) {
        match result {
            Ok(outcome) => tally.count(outcome),
            Err(error) => {
                let failure =
                    Failure::rewriting(error, |error| Failure::unsealing(&file.path, &error));
                told |= failure.exit == Exit::NoKey;
                tally.fail(&failure, terminal);
            }
        }
    }
    if told {
        found.tell_problems(terminal);
    }
    tally.finish("decrypted", terminal)
}

/// What could not be read of the identities matters once they were missed.
fn explain_missing_key(error: &UnsealError, found: &Found, terminal: Terminal) {
    if matches!(error, UnsealError::Unwrap(_)) {
        found.tell_problems(terminal);
    }
}
