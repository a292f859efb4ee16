//! `lockstep edit`.

use crate::editor::Editor;
use crate::failure::{Failure, chain};
use crate::memory::{DiskArguments, folder};
use crate::opened::Target;
use crate::policy_arguments::PolicyArguments;
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{
    Expected, LARGEST_FILE, Plan, Policies, Privacy, Shown, format_of, read_file, write_file,
};
use lockstep_secret::SecretString;
use lockstep_sops::Format;
use std::path::{Path, PathBuf};

/// What a new file holds at first.
const EXAMPLE: &str = "hello: Welcome to Lockstep! Edit this file as you please.\n\
    example_key: example_value\n# Example comment\nexample_list:\n    - one\n    - two\n\
    example_number: 1234.5678\nexample_booleans:\n    - true\n    - false\n";

/// Open an encrypted file in an editor, and encrypt it again.
///
/// The editor is SOPS_EDITOR, EDITOR, or the first of vim, nano and vi. It sees a decrypted copy in
/// memory, never on a disk; vim, nano, emacs and code are told to keep no copies of their own. Values
/// that stay keep their ciphertext. A text that cannot be read is opened again. A file that does not
/// exist is made, for whom the policy file says.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file; it is changed in place.
    file: Option<PathBuf>,

    #[command(flatten)]
    disk: DiskArguments,

    #[command(flatten)]
    policy: PolicyArguments,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let Some(file) = &arguments.file else {
        return Err(Failure::new(Exit::NoFile, "no file is named"));
    };
    if format_of(file) != Format::Yaml {
        return Err(Failure::new(
            Exit::Failure,
            format!("{}: only YAML files can be edited yet", Shown(file)),
        )
        .hint("decrypt it, change it, and encrypt it again"));
    }
    let work = if file.exists() {
        Work::Change(Box::new(Target::open(file, terminal)?))
    } else {
        let current = environment::current_folder()?;
        let mut policies = Policies::new(arguments.policy.overrides()?, &current);
        let plan = policies.plan(file);
        Work::Make(Box::new(
            plan.map_err(|error| Failure::policy(file, &error))?,
        ))
    };
    let editor = Editor::find()?;
    let folder = folder(&arguments.disk)?;
    let name = Path::new(file.file_name().unwrap_or_default());
    let before = work.text();
    let copy = folder
        .write(name, before.expose().as_bytes())
        .map_err(|error| Failure::new(Exit::Unwritable, chain(&error)))?;
    let mut refused = false;
    let sealed = loop {
        editor.edit(&copy)?;
        let edited = read_file(&copy, LARGEST_FILE)
            .map_err(|error| Failure::new(Exit::Unreadable, chain(&error)))?
            .text;
        if edited.expose() == before.expose() {
            return Err(Failure::new(
                Exit::Unedited,
                format!("{}: not changed", Shown(file)),
            ));
        }
        match work.seal(file, edited) {
            Ok(sealed) => break sealed,
            Err(failure) => {
                again(failure, terminal)?;
                refused = true;
            }
        }
    };
    write(&work, file, &sealed)?;
    if refused || terminal.is_watched() {
        terminal.say(&format!("{}: encrypted", Shown(file)));
    }
    Ok(())
}

/// What is edited.
enum Work {
    /// A file that is there.
    Change(Box<Target>),
    /// A new one.
    Make(Box<Plan>),
}

impl Work {
    fn text(&self) -> SecretString {
        match self {
            Self::Change(target) => target.file.document().plaintext(),
            Self::Make(_) => SecretString::new(EXAMPLE.to_owned()),
        }
    }

    fn seal(&self, file: &Path, text: SecretString) -> Result<String, Failure> {
        match self {
            Self::Change(target) => target.seal(text),
            Self::Make(plan) => lockstep_repo::encrypt(text.into_bytes(), Format::Yaml, plan)
                .map(|sealed| sealed.text)
                .map_err(|error| Failure::sealing(file, &error)),
        }
    }
}

/// Says what is wrong, and waits until somebody wants to go on. The text stays in the editor's file.
fn again(failure: Failure, terminal: Terminal) -> Result<(), Failure> {
    if !environment::somebody_is_there() {
        return Err(failure);
    }
    terminal.fail(&failure);
    terminal.say("press Enter to return to the editor, or Ctrl+C to give up the text");
    match environment::typed_line() {
        Some(line) if !line.is_empty() => Ok(()),
        _ => Err(Failure::new(failure.exit, "the text is given up")),
    }
}

/// Writes the file; if that fails, what was edited is not lost with it.
fn write(work: &Work, file: &Path, sealed: &str) -> Result<(), Failure> {
    let written = match work {
        Work::Change(target) => target.file.replace(sealed),
        Work::Make(_) => write_file(file, sealed.as_bytes(), Expected::Absent, Privacy::AsUsual),
    };
    let Err(error) = written else {
        return Ok(());
    };
    let failure = Failure::from(error);
    let mut beside = file.as_os_str().to_owned();
    beside.push(".edited.yaml");
    let beside = PathBuf::from(beside);
    let kept = write_file(
        &beside,
        sealed.as_bytes(),
        Expected::Absent,
        Privacy::AsUsual,
    );
    Err(match kept {
        Ok(()) => failure.hint(format!(
            "what you edited is, encrypted, in {}",
            Shown(&beside)
        )),
        Err(_) => failure,
    })
}
