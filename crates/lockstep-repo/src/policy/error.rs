//! Why there is no plan for a file.

use super::POLICY_FILE;
use crate::{ReadError, Shown};
use lockstep_age::RecipientError;
use lockstep_rules::{RecipientsError, RulesError};
use std::path::PathBuf;
use std::rc::Rc;

/// Why there is no plan for a file. The file itself is the caller's to name.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Nothing says for whom.
    #[error("no recipients: there is no {POLICY_FILE} with creation rules, and none are given")]
    NoPolicy,
    /// The policy file has no rule for it.
    #[error("no rule of {} is for this path", Shown(policy))]
    NoMatch {
        /// The policy file.
        policy: PathBuf,
    },
    /// The policy file cannot be used.
    #[error("the policy file {} cannot be used", Shown(policy))]
    Rules {
        /// The policy file.
        policy: PathBuf,
        /// Why not.
        source: Rc<RulesError>,
    },
    /// The policy file cannot be read.
    #[error("the policy file cannot be read")]
    Read(#[source] Rc<ReadError>),
    /// The policy file belongs to somebody else.
    #[error("the policy file {} belongs to another user", Shown(policy))]
    Foreign {
        /// The policy file.
        policy: PathBuf,
    },
    /// The policy file is not what it was when it was read.
    #[error("the policy file {} was changed meanwhile", Shown(policy))]
    Changed {
        /// The policy file.
        policy: PathBuf,
    },
    /// A policy file in a folder speaks of teams, and so does one above it.
    #[error(
        "{}: `lockstep` stands in {} already, and counts only there",
        Shown(policy),
        Shown(guard)
    )]
    NestedTeams {
        /// The policy file.
        policy: PathBuf,
        /// The one above it.
        guard: PathBuf,
    },
    /// A rule names somebody whom the file's team does not.
    #[error(
        "{}, line {line}: rule {rule} names {who}, and team {team} does not",
        Shown(policy)
    )]
    NotOfTeam {
        /// The policy file.
        policy: PathBuf,
        /// The line of the recipient.
        line: u64,
        /// The rule's position, from 1.
        rule: usize,
        /// The recipient, by name if it has one.
        who: String,
        /// The team.
        team: String,
    },
    /// A rule names somebody who has left.
    #[error(
        "{}, line {line}: rule {rule} names {who}, who stands under former",
        Shown(policy)
    )]
    Former {
        /// The policy file.
        policy: PathBuf,
        /// The line of the recipient.
        line: u64,
        /// The rule's position, from 1.
        rule: usize,
        /// The recipient, by name if it has one.
        who: String,
    },
    /// The rule's recipients cannot be used.
    #[error("the policy file {} cannot be used", Shown(policy))]
    Recipients {
        /// The policy file.
        policy: PathBuf,
        /// Why not.
        source: RecipientsError,
    },
    /// One of the rule's recipients cannot be used.
    #[error("{}, line {line}", Shown(policy))]
    Recipient {
        /// The policy file.
        policy: PathBuf,
        /// The line of the recipient.
        line: u64,
        /// What is wrong with it.
        source: RecipientError,
    },
}

impl PolicyError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPolicy => Some(
                "run `lockstep init` in the repository, or name recipients with --age".to_owned(),
            ),
            Self::NoMatch { policy } => Some(format!(
                "rename the file so that a path_regex of {} is found in its path, or add a rule",
                Shown(policy)
            )),
            Self::Foreign { policy } => Some(format!(
                "if you trust it, name it: --config {}",
                Shown(policy)
            )),
            Self::Rules { source, .. } => source.hint(),
            Self::Read(_) => None,
            Self::Changed { .. } => Some("run it again".to_owned()),
            Self::NotOfTeam { team, .. } => Some(format!(
                "give the team's files a rule of their own above, or add the recipient to team {team}"
            )),
            Self::NestedTeams { guard, .. } => Some(format!(
                "whoever may write in a folder must not say who left it: move this to {}",
                Shown(guard)
            )),
            Self::Former { .. } => Some(
                "remove the recipient from the rule, or from former if they came back".to_owned(),
            ),
            Self::Recipients { source, .. } => source.hint(),
            Self::Recipient { source, .. } => source.hint(),
        }
    }
}
