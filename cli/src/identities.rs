//! Identities from the places where sops looks for them.
//!
//! Everything found counts: the variables add to the default file. What cannot be read is told only
//! if it mattered, that is, if nothing else opens the file.

use crate::environment;
use crate::failure::chain;
use crate::terminal::Terminal;
use lockstep_age::Identities;
use lockstep_repo::{Shown, read_file};
use lockstep_secret::SecretString;
use std::path::{Path, PathBuf};

/// The largest identity file that is read, as for age.
const LARGEST: u64 = 16 << 20;

/// What was found, and what was wrong with the rest.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) identities: Identities,
    /// Sources that should have given identities and did not.
    pub(crate) problems: Vec<String>,
    /// Things to look after, whatever becomes of the work.
    pub(crate) warnings: Vec<String>,
}

/// Collects the identities at hand.
pub(crate) fn find() -> Found {
    let mut found = Found::default();
    if let Some(text) = environment::age_key() {
        found.add(&text, "SOPS_AGE_KEY");
    }
    if let Some(path) = environment::age_key_file() {
        found.add_file(&path, Missing::IsAProblem);
    }
    if let Some(path) = environment::default_key_file() {
        found.add_file(&path, Missing::IsFine);
    }
    for name in environment::unsupported_identities() {
        found
            .problems
            .push(format!("{name}: not supported yet, so it was not used"));
    }
    found
}

/// Collects the identities at hand, and those in `files`.
pub(crate) fn find_with(files: &[PathBuf]) -> Found {
    let mut found = find();
    for path in files {
        found.add_file(path, Missing::IsAProblem);
    }
    found
}

/// Whether a file has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsAProblem,
    IsFine,
}

impl Found {
    /// Tells what could not be read: it matters once an identity was missed.
    pub(crate) fn tell_problems(&self, terminal: Terminal) {
        for problem in &self.problems {
            terminal.warn(problem);
        }
    }

    /// Tells what to look after.
    pub(crate) fn tell_warnings(&self, terminal: Terminal) {
        for warning in &self.warnings {
            terminal.warn(warning);
        }
    }

    fn add(&mut self, text: &SecretString, origin: &str) {
        match Identities::parse(text, origin) {
            Ok(identities) => self.identities.extend(identities),
            Err(error) => self.problems.push(chain(&error)),
        }
    }

    fn add_file(&mut self, path: &Path, missing: Missing) {
        match read_file(path, LARGEST) {
            Ok(source) => {
                if source.fingerprint.is_open_to_others() {
                    self.warnings.push(format!(
                        "{}: others may read these identities; run `chmod 600` on it",
                        Shown(path)
                    ));
                }
                self.add(&source.text, &Shown(path).to_string());
            }
            Err(error) if error.is_not_found() && missing == Missing::IsFine => {}
            Err(error) => self.problems.push(chain(&error)),
        }
    }
}
