//! One encrypted file that a verb opens, and changes under its own data key.

use crate::failure::Failure;
use crate::identities::{self, Found};
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{OpenFile, Overrides, Plan, Policies, Shown, UnsealError, format_of};
use lockstep_secret::SecretString;
use lockstep_sops::{Format, Selector};
use std::path::{Path, PathBuf};

/// An open file, and the policy that holds for it.
pub(crate) struct Target {
    path: PathBuf,
    pub(crate) file: OpenFile,
    plan: Option<Plan>,
}

/// Opens a file with the identities at hand.
pub(crate) fn open(path: &Path, terminal: Terminal) -> Result<OpenFile, Failure> {
    let found = identities::find();
    let opened = open_with(path, &found, terminal);
    found.tell_warnings(terminal);
    opened
}

fn open_with(path: &Path, found: &Found, terminal: Terminal) -> Result<OpenFile, Failure> {
    if path.exists() {
        check_format(path)?;
    }
    OpenFile::open(path, &found.identities).map_err(|error| {
        let mut failure = Failure::rewriting(error, |error| {
            if matches!(error, UnsealError::Unwrap(_)) {
                found.tell_problems(terminal);
            }
            Failure::unsealing(path, &error)
        });
        // sops has a code for a missing file in some verbs only.
        if failure.exit == Exit::NoFile {
            failure.exit = Exit::Unreadable;
        }
        failure
    })
}

/// Refuses formats that are not changed in place yet.
fn check_format(path: &Path) -> Result<(), Failure> {
    match format_of(path) {
        Format::Yaml => Ok(()),
        format => Err(Failure::new(
            Exit::Failure,
            format!("{}: {format} cannot be opened in place yet", Shown(path)),
        )
        .hint("decrypt it, change it, and encrypt it again")),
    }
}

impl Target {
    /// Opens a file that is to be changed.
    pub(crate) fn open(path: &Path, terminal: Terminal) -> Result<Self, Failure> {
        let file = open(path, terminal)?;
        let target = Self {
            path: path.to_owned(),
            plan: plan(path)?,
            file,
        };
        if let Some(plan) = &target.plan
            && let Some(who) = target.file.strangers(plan)
        {
            terminal.warn(&format!(
                "{}: it can also be opened by somebody whom the policy does not know at this path: {who}",
                Shown(path)
            ));
        }
        Ok(target)
    }

    /// Encrypts new contents and writes the file.
    pub(crate) fn save(&self, text: SecretString) -> Result<(), Failure> {
        let sealed = self.seal(text)?;
        Ok(self.file.replace(&sealed)?)
    }

    /// Encrypts new contents.
    pub(crate) fn seal(&self, text: SecretString) -> Result<String, Failure> {
        let guard = self.plan.as_ref().map(|plan| &plan.policy.selector);
        let guard = guard.filter(|guard| !is_by_comment(guard));
        self.file
            .reseal(text, guard)
            .map_err(|error| Failure::resealing(&self.path, &error))
    }
}

/// What the policy says about a file, if it says anything that can be read.
fn plan(path: &Path) -> Result<Option<Plan>, Failure> {
    let overrides = Overrides {
        config: environment::config(),
        ..Overrides::default()
    };
    let mut policies = Policies::new(overrides, &environment::current_folder()?);
    Ok(policies.plan(path).ok())
}

fn is_by_comment(selector: &Selector) -> bool {
    matches!(
        selector,
        Selector::EncryptedCommentRegex(_) | Selector::UnencryptedCommentRegex(_)
    )
}
