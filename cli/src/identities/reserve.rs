//! Identities that are had only when nothing else opens a file: SSH keys, what commands print, and what
//! a passphrase protects.

use super::{LARGEST, Missing, Notes, words};
use crate::failure::chain;
use crate::passphrase;
use lockstep_age::{Identities, Locked, Recipient, Reserve, Source, UnlockError};
use lockstep_repo::{Shown, read_raw, read_raw_stream};
use lockstep_secret::SecretBytes;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How often somebody may mistype a passphrase.
const ATTEMPTS: usize = 3;

/// Questions are asked one at a time, whichever thread has them.
static ASKING: Mutex<()> = Mutex::new(());

/// Identities behind a passphrase, and whether it was asked for.
#[derive(Debug)]
pub(super) struct LockedFile {
    locked: Locked,
    opened: OnceLock<Identities>,
    notes: Arc<Notes>,
}

impl LockedFile {
    pub(super) fn new(locked: Locked, notes: Arc<Notes>) -> Self {
        Self {
            locked,
            opened: OnceLock::new(),
            notes,
        }
    }

    /// Asks for the passphrase, once in a run.
    fn open(&self) -> Identities {
        self.opened
            .get_or_init(|| unlock(&self.locked, &self.notes).unwrap_or_default())
            .clone()
    }
}

impl Reserve for LockedFile {
    fn identities_for(&self, _: &str) -> Identities {
        self.open()
    }
}

fn unlock(locked: &Locked, notes: &Notes) -> Option<Identities> {
    let _one_at_a_time = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = locked.origin();
    for _ in 0..ATTEMPTS {
        let Some(passphrase) = passphrase::ask(&format!("Passphrase for {origin}: ")) else {
            notes.problem(format!(
                "{origin}: it needs a passphrase, and there is no terminal to ask at"
            ));
            return None;
        };
        match locked.unlock(&passphrase) {
            Ok(identities) => return Some(identities),
            Err(UnlockError::WrongPassphrase) => {}
            Err(error) => {
                notes.problem(format!("{origin}: {}", chain(&error)));
                return None;
            }
        }
    }
    notes.problem(format!("{origin}: {}", UnlockError::WrongPassphrase));
    None
}

/// A private SSH key.
#[derive(Debug)]
pub(super) struct SshFile {
    path: PathBuf,
    missing: Missing,
    read: OnceLock<Option<SshKey>>,
    notes: Arc<Notes>,
}

#[derive(Debug)]
enum SshKey {
    Open(Identities),
    Locked(Box<LockedFile>, Option<Recipient>),
}

impl SshFile {
    pub(super) fn new(path: PathBuf, missing: Missing, notes: Arc<Notes>) -> Self {
        Self {
            path,
            missing,
            read: OnceLock::new(),
            notes,
        }
    }

    fn read(&self) -> Option<SshKey> {
        let found = match read_raw(&self.path, LARGEST) {
            Ok(read) => read,
            Err(error) if error.is_not_found() && self.missing == Missing::IsFine => return None,
            Err(error) => {
                self.notes.problem(chain(&error));
                return None;
            }
        };
        self.notes.warn_if_open(&self.path, &found.fingerprint);
        let origin = Shown(&self.path).to_string();
        match read_ssh(found.content, &origin, &self.notes)? {
            Source::Open(identities) => Some(SshKey::Open(identities)),
            Source::Locked(locked) => {
                let recipient = locked.recipient().cloned();
                let locked = LockedFile::new(locked, Arc::clone(&self.notes));
                Some(SshKey::Locked(Box::new(locked), recipient))
            }
        }
    }
}

fn read_ssh(bytes: SecretBytes, origin: &str, notes: &Notes) -> Option<Source> {
    let Ok(text) = bytes.into_string() else {
        notes.problem(format!("{origin}: this is no private SSH key"));
        return None;
    };
    let source = Source::read_ssh(&text, origin);
    source.map_err(|error| notes.problem(chain(&error))).ok()
}

impl Reserve for SshFile {
    fn identities_for(&self, recipient: &str) -> Identities {
        let found = match self.read.get_or_init(|| self.read()) {
            Some(SshKey::Open(identities)) => identities.clone(),
            // Its public half is known: nobody is asked for nothing.
            Some(SshKey::Locked(file, public))
                if public
                    .as_ref()
                    .is_some_and(|public| public.to_string() == recipient) =>
            {
                file.open()
            }
            Some(SshKey::Locked(..)) | None => Identities::default(),
        };
        warn_of_rsa(&found, recipient, &self.notes);
        found
    }
}

/// Says so when an RSA key is what opens a file.
fn warn_of_rsa(identities: &Identities, recipient: &str, notes: &Notes) {
    for (held, origin) in identities.recipients() {
        if held.is_rsa() && held.to_string() == recipient {
            notes.warning(format!(
                "{origin}: an RSA key is used: how long it takes to decrypt can give it away to whoever \
                 measures that often; an ssh-ed25519 or age key does not"
            ));
        }
    }
}

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Age,
    Ssh,
}

/// A command that prints identities. It is told for whom, and run once for each.
#[derive(Debug)]
pub(super) struct Program {
    command: String,
    /// The variable that holds the command: the identities come from there.
    variable: &'static str,
    kind: Kind,
    printed: Mutex<HashMap<String, Identities>>,
    notes: Arc<Notes>,
}

impl Program {
    pub(super) fn new(
        command: String,
        variable: &'static str,
        kind: Kind,
        notes: Arc<Notes>,
    ) -> Self {
        Self {
            command,
            variable,
            kind,
            printed: Mutex::default(),
            notes,
        }
    }

    fn run(&self, recipient: &str) -> Result<SecretBytes, String> {
        let words = words::split(&self.command);
        let words = words.ok_or("a quote in the command is not closed")?;
        let (program, arguments) = words.split_first().ok_or("the command is empty")?;
        let mut child = Command::new(program)
            .args(arguments)
            .env("SOPS_AGE_RECIPIENT", recipient)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be run: {error}", Shown(Path::new(program))))?;
        let printed = match child.stdout.take() {
            Some(stdout) => read_raw_stream(stdout, LARGEST, Path::new(self.variable)),
            None => Ok(SecretBytes::new(Vec::new())),
        };
        let ended = child.wait().map_err(|error: io::Error| error.to_string())?;
        if !ended.success() {
            return Err(format!("{} failed: {ended}", Shown(Path::new(program))));
        }
        printed.map_err(|error| chain(&error))
    }

    fn identities(&self, recipient: &str) -> Identities {
        let variable = self.variable;
        let printed = match self.run(recipient) {
            Ok(printed) => printed,
            Err(problem) => {
                self.notes.problem(format!("{variable}: {problem}"));
                return Identities::default();
            }
        };
        let source = match self.kind {
            Kind::Ssh => read_ssh(printed, variable, &self.notes),
            Kind::Age => Source::read(printed, variable)
                .map_err(|error| self.notes.problem(chain(&error)))
                .ok(),
        };
        match (source, self.kind) {
            (None, _) => Identities::default(),
            (Some(Source::Open(identities)), _) => identities,
            (Some(Source::Locked(locked)), Kind::Age) => {
                unlock(&locked, &self.notes).unwrap_or_default()
            }
            (Some(Source::Locked(_)), Kind::Ssh) => {
                self.notes.problem(format!(
                    "{variable}: the key is behind a passphrase, which neither sops nor Lockstep asks for here"
                ));
                Identities::default()
            }
        }
    }
}

impl Reserve for Program {
    fn identities_for(&self, recipient: &str) -> Identities {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match printed.get(recipient) {
            Some(known) => known.clone(),
            None => {
                let found = self.identities(recipient);
                printed.insert(recipient.to_owned(), found.clone());
                found
            }
        };
        warn_of_rsa(&found, recipient, &self.notes);
        found
    }
}
