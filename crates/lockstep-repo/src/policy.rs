//! Which policy holds for a file: finding `.sops.yaml`, and what the command line says over it.
//!
//! The search starts in the file's folder and goes up, not past the root of the repository. sops
//! starts in the current folder instead; where the two would find different files, that is noted.

mod error;
mod lookup;
mod standing;

use crate::Shown;
use lockstep_age::Recipient;
use lockstep_rules::{Choice, RecipientText, RecipientsError, Rule, Rules};
use lockstep_sops::{EncryptionPolicy, MacScope, Selector};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use error::PolicyError;
pub use lookup::POLICY_FILE;
use lookup::{Lookup, PolicyFile};
pub use standing::Standing;

/// What the command line says, which goes before the policy file.
#[derive(Debug, Default)]
pub struct Overrides {
    /// The policy file to use, instead of searching for one.
    pub config: Option<PathBuf>,
    /// The recipients, instead of the rule's; empty for none.
    pub recipients: Vec<Recipient>,
    /// The selector, instead of the rule's.
    pub selector: Option<Selector>,
    /// The MAC's scope, instead of the rule's.
    pub mac_scope: Option<MacScope>,
    /// Of how many key groups a key each is needed, instead of what the rule says; 0 is all of them.
    pub threshold: Option<usize>,
}

/// How one file is to be encrypted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For whom.
    pub recipients: Vec<Recipient>,
    /// How the data key is split over them, if it is.
    pub split: Option<Split>,
    /// What of it.
    pub policy: EncryptionPolicy,
    /// The rule that says so, if any does.
    pub rule: Option<RuleName>,
    /// Whose file it is.
    pub standing: Standing,
}

/// A data key that is split over key groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The recipients of each group.
    pub groups: Vec<Vec<Recipient>>,
    /// Of how many of them a key each is needed.
    pub threshold: usize,
}

/// Which rule of which policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleName {
    /// The policy file.
    pub file: PathBuf,
    /// The rule's position in it, from 1.
    pub number: usize,
}

/// Finds and remembers policy files.
#[derive(Debug)]
pub struct Policies {
    overrides: Overrides,
    lookup: Lookup,
    warnings: BTreeSet<String>,
}

impl Policies {
    /// `current` is the current folder: relative paths start there, and so does sops's search.
    #[must_use]
    pub fn new(overrides: Overrides, current: &Path) -> Self {
        Self {
            overrides,
            lookup: Lookup::new(current),
            warnings: BTreeSet::new(),
        }
    }

    /// Decides how the file at `target` is to be encrypted. The file need not exist.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn plan(&mut self, target: &Path) -> Result<Plan, PolicyError> {
        let plan = self.decide(target)?;
        if plan.recipients.iter().any(Recipient::is_rsa) {
            let origin = plan
                .rule
                .as_ref()
                .map_or_else(String::new, |rule| format!("{}: ", Shown(&rule.file)));
            self.warnings.insert(format!(
                "{origin}ssh-rsa recipients are weaker than others: how long it takes to decrypt can \
                 give the key away; ssh-ed25519 and age keys are safe from that"
            ));
        }
        Ok(plan)
    }

    fn decide(&mut self, target: &Path) -> Result<Plan, PolicyError> {
        let file = match &self.overrides.config {
            Some(config) => Some(self.lookup.named(config)?),
            None => {
                let found = self.lookup.search(target)?;
                self.compare_with_sops(found.as_deref());
                self.note_misnamed(target, found.as_deref());
                found
            }
        };
        if let Some(file) = &file {
            self.note_unknown_fields(file);
        }
        let choice = file.as_ref().map_or(Choice::NoRules, |file| {
            file.rules
                .rule_for(&self.lookup.path_for_rules(target, &file.path))
        });
        match (choice, &file) {
            (Choice::Rule(rule), Some(file)) => {
                let guard = match &self.overrides.config {
                    Some(_) => None,
                    None => self.lookup.guard(target)?,
                };
                let guard = guard.unwrap_or_else(|| Rc::clone(file));
                self.plan_by_rule(target, file, &guard, rule)
            }
            (Choice::NoMatch, Some(file)) => Err(PolicyError::NoMatch {
                policy: file.path.clone(),
            }),
            _ => match self.overrides.recipients.as_slice() {
                [] => Err(PolicyError::NoPolicy),
                given => {
                    let policy = self.overridden(EncryptionPolicy::default());
                    Ok(Plan {
                        recipients: given.to_vec(),
                        split: None,
                        policy,
                        rule: None,
                        standing: Standing::default(),
                    })
                }
            },
        }
    }

    /// `guard` is the policy file whose word on teams counts.
    fn plan_by_rule(
        &self,
        target: &Path,
        file: &PolicyFile,
        guard: &PolicyFile,
        rule: &Rule,
    ) -> Result<Plan, PolicyError> {
        let (recipients, split, standing) = match self.overrides.recipients.as_slice() {
            [] => {
                let texts = rule.recipients();
                let recipients = parse_recipients(&file.path, texts)?;
                let target = self.lookup.path_for_rules(target, &guard.path);
                let named = texts.unwrap_or_default();
                let standing = Standing::of(&target, guard, file, rule.number(), named)?;
                (recipients, self.split(&file.path, rule)?, standing)
            }
            given => (given.to_vec(), None, Standing::default()),
        };
        Ok(Plan {
            recipients,
            split,
            policy: self.overridden(rule.policy().clone()),
            rule: Some(RuleName {
                file: file.path.clone(),
                number: rule.number(),
            }),
            standing,
        })
    }

    fn split(&self, policy: &Path, rule: &Rule) -> Result<Option<Split>, PolicyError> {
        let Some(split) = rule.groups() else {
            return Ok(None);
        };
        let groups = split.groups.iter();
        let groups = groups.map(|texts| parse_recipients(policy, Ok(texts)));
        let groups: Vec<_> = groups.collect::<Result<_, _>>()?;
        let threshold = match self.overrides.threshold {
            Some(0) => groups.len(),
            given => given.unwrap_or(split.threshold),
        };
        Ok(Some(Split { groups, threshold }))
    }

    fn overridden(&self, mut policy: EncryptionPolicy) -> EncryptionPolicy {
        if let Some(selector) = &self.overrides.selector {
            policy.selector = selector.clone();
        }
        if let Some(mac_scope) = self.overrides.mac_scope {
            policy.mac_scope = mac_scope;
        }
        policy
    }

    /// Looks whether the policy files that were used are still what was read.
    ///
    /// # Errors
    /// [`PolicyError::Changed`].
    pub fn check_unchanged(&self) -> Result<(), PolicyError> {
        self.lookup.check_unchanged()
    }

    /// What was noticed and does not keep anything from being done, each thing once.
    #[must_use]
    pub fn warnings(&self) -> &BTreeSet<String> {
        &self.warnings
    }

    fn compare_with_sops(&mut self, found: Option<&PolicyFile>) {
        let sops = self.lookup.where_sops_looks();
        let found = found.map(|file| file.path.clone());
        if sops == found {
            return;
        }
        let warning = match (found, sops) {
            (Some(found), None) => {
                format!(
                    "{}: sops would not find this policy file from the current folder",
                    Shown(&found)
                )
            }
            (Some(found), Some(sops)) => format!(
                "{}: sops, run in the current folder, would use {} instead",
                Shown(&found),
                Shown(&sops)
            ),
            (None, Some(sops)) => format!(
                "{}: sops would use this policy file, which is outside the file's own repository",
                Shown(&sops)
            ),
            (None, None) => return,
        };
        self.warnings.insert(warning);
    }

    fn note_misnamed(&mut self, target: &Path, found: Option<&PolicyFile>) {
        if found.is_none()
            && let Some(path) = self.lookup.misnamed(target)
        {
            let path = Shown(&path);
            self.warnings.insert(format!(
                "{path}: nobody reads this; its name must be {POLICY_FILE}"
            ));
        }
    }

    fn note_unknown_fields(&mut self, file: &PolicyFile) {
        for field in file.rules.unknown_fields() {
            self.warnings.insert(format!(
                "{}: line {}: nobody reads the field {:?}; is it a typing error?",
                Shown(&file.path),
                field.line,
                field.name
            ));
        }
    }
}

fn parse_recipients(
    policy: &Path,
    recipients: Result<&[RecipientText], &RecipientsError>,
) -> Result<Vec<Recipient>, PolicyError> {
    let policy = || policy.to_owned();
    recipients
        .map_err(|source| PolicyError::Recipients {
            policy: policy(),
            source: source.clone(),
        })?
        .iter()
        .map(|recipient| {
            recipient
                .text
                .parse()
                .map_err(|source| PolicyError::Recipient {
                    policy: policy(),
                    line: recipient.line,
                    source,
                })
        })
        .collect()
}

/// Finds the root of the repository that `folder` lies in, by its absolute path.
#[must_use]
pub fn find_repository(folder: &Path) -> Option<PathBuf> {
    lookup::repository(&std::path::absolute(folder).ok()?)
}

/// Finds the policy file that holds in `folder`, in it or further up in its repository.
#[must_use]
pub fn find_policy(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    let found = lookup::find(&absolute)?;
    Some(if found.parent() == Some(&absolute) {
        folder.join(POLICY_FILE)
    } else {
        found
    })
}

/// Reads a policy file that is there already.
///
/// # Errors
/// [`PolicyError`].
pub fn read_policy(path: &Path) -> Result<Rules, PolicyError> {
    lookup::read(path).map(|(rules, _)| rules)
}
