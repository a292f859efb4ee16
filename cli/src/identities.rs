//! Identities from the places where sops looks for them.
//!
//! Everything found counts: the variables add to the default file. What cannot be read is told only
//! if it mattered, that is, if nothing else opens the file. SSH keys, commands, and whatever asks for a
//! passphrase are kept in reserve: sops tries them for every file, and here only those files need them
//! that nothing else opens.

mod reserve;
mod words;

use crate::environment;
use crate::failure::chain;
use crate::terminal::Terminal;
use lockstep_age::{Identities, Source};
use lockstep_repo::{Fingerprint, Shown, read_raw};
use lockstep_secret::SecretString;
use reserve::{Kind, LockedFile, Program, SshFile};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The largest identity file that is read, as for age.
const LARGEST: u64 = 16 << 20;

/// What was found, and what was wrong with the rest.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) identities: Identities,
    notes: Arc<Notes>,
}

/// What is said of identities. Some of it is learned only when a reserve is tried.
#[derive(Debug, Default)]
struct Notes {
    problems: Mutex<Vec<String>>,
    warnings: Mutex<Vec<String>>,
}

impl Notes {
    /// A source that should have given identities and did not.
    fn problem(&self, text: String) {
        add(&self.problems, text);
    }

    /// Something to look after, whatever becomes of the work.
    fn warning(&self, text: String) {
        add(&self.warnings, text);
    }

    fn warn_if_open(&self, path: &Path, fingerprint: &Fingerprint) {
        if fingerprint.is_open_to_others() {
            self.warning(format!(
                "{}: others may read these identities; run `chmod 600` on it",
                Shown(path)
            ));
        }
    }
}

fn add(list: &Mutex<Vec<String>>, text: String) {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    if !list.contains(&text) {
        list.push(text);
    }
}

fn listed(list: &Mutex<Vec<String>>) -> Vec<String> {
    list.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Collects the identities at hand, and in reserve.
pub(crate) fn find() -> Found {
    find_with(&[])
}

/// Collects the identities at hand, and those in `files`.
pub(crate) fn find_with(files: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut locked = Vec::new();
    if let Some(text) = environment::age_key() {
        locked.extend(found.add_text(text, "SOPS_AGE_KEY"));
    }
    if let Some(path) = environment::age_key_file() {
        locked.extend(found.add_file(&path, Missing::IsAProblem));
    }
    if let Some(path) = environment::default_key_file() {
        locked.extend(found.add_file(&path, Missing::IsFine));
    }
    for path in files {
        locked.extend(found.add_file(path, Missing::IsAProblem));
    }
    found.reserve(locked);
    found
}

/// Whether a file has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsAProblem,
    IsFine,
}

impl Found {
    /// Sources that should have given identities and did not, as far as they were tried.
    pub(crate) fn problems(&self) -> Vec<String> {
        listed(&self.notes.problems)
    }

    /// Tells what could not be read: it matters once an identity was missed.
    pub(crate) fn tell_problems(&self, terminal: Terminal) {
        for problem in &self.problems() {
            terminal.warn(problem);
        }
    }

    /// Tells what to look after.
    pub(crate) fn tell_warnings(&self, terminal: Terminal) {
        for warning in &listed(&self.notes.warnings) {
            terminal.warn(warning);
        }
    }

    fn add_text(&mut self, text: SecretString, origin: &str) -> Option<LockedFile> {
        self.add(Source::read(text.into_bytes(), origin))
    }

    fn add_file(&mut self, path: &Path, missing: Missing) -> Option<LockedFile> {
        match read_raw(path, LARGEST) {
            Ok(read) => {
                self.notes.warn_if_open(path, &read.fingerprint);
                return self.add(Source::read(read.content, &Shown(path).to_string()));
            }
            Err(error) if error.is_not_found() && missing == Missing::IsFine => {}
            Err(error) => self.notes.problem(chain(&error)),
        }
        None
    }

    fn add(&mut self, read: Result<Source, lockstep_age::IdentitiesError>) -> Option<LockedFile> {
        match read {
            Ok(Source::Open(identities)) => self.identities.extend(identities),
            Ok(Source::Locked(locked)) => {
                return Some(LockedFile::new(locked, Arc::clone(&self.notes)));
            }
            Err(error) => self.notes.problem(chain(&error)),
        }
        None
    }

    /// What costs something, cheapest first: reading keys, running programs, asking.
    fn reserve(&mut self, locked: Vec<LockedFile>) {
        let notes = &self.notes;
        let ssh = |path, missing| SshFile::new(path, missing, Arc::clone(notes));
        let given = environment::ssh_key_file().map(|path| ssh(path, Missing::IsAProblem));
        let own = environment::own_ssh_keys().into_iter();
        let own = own.map(|path| ssh(path, Missing::IsFine));
        for file in given.into_iter().chain(own) {
            self.identities.keep_in_reserve(Arc::new(file));
        }
        let commands = [
            (
                environment::ssh_key_command(),
                "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
                Kind::Ssh,
            ),
            (
                environment::age_key_command(),
                "SOPS_AGE_KEY_CMD",
                Kind::Age,
            ),
        ];
        for (command, variable, kind) in commands {
            if let Some(command) = command {
                let program = Program::new(command, variable, kind, Arc::clone(notes));
                self.identities.keep_in_reserve(Arc::new(program));
            }
        }
        for file in locked {
            self.identities.keep_in_reserve(Arc::new(file));
        }
    }
}
