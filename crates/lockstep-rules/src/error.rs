//! What can be wrong with a policy file. Its path is the reader's to say; the line is said here.

use lockstep_sops::{RegexError, SelectorError};

/// Why a policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is not YAML, or a field has the wrong form.
    #[error("line {line}: {message}")]
    Syntax {
        /// The line, from 1; 0 if it is not known.
        line: u64,
        /// What the reader said.
        message: String,
    },
    /// A private key stands in it.
    #[error("line {line}: there is a private key in this file")]
    PrivateKey {
        /// The line, from 1.
        line: u64,
    },
    /// A rule's `path_regex` is not a regular expression.
    #[error("line {line}: path_regex of rule {number} is not a valid regular expression")]
    PathRegex {
        /// The rule's line.
        line: u64,
        /// The rule's position, from 1.
        number: usize,
        /// What is wrong with it.
        source: RegexError,
    },
    /// A rule's selector cannot be used.
    #[error("line {line}: the selector of rule {number} cannot be used")]
    Selector {
        /// The rule's line.
        line: u64,
        /// The rule's position, from 1.
        number: usize,
        /// Why not.
        source: SelectorError,
    },
    /// A rule selects in more than one way.
    #[error("line {line}: rule {number} has both {} and {}; only one may be set", fields[0], fields[1])]
    Selectors {
        /// The rule's line.
        line: u64,
        /// The rule's position, from 1.
        number: usize,
        /// The first two that are set.
        fields: [&'static str; 2],
    },
    /// A team is not described in a way that can be used.
    #[error("line {line}: team {team:?}: {problem}")]
    Team {
        /// The team's line.
        line: u64,
        /// The team as it is called.
        team: String,
        /// What is wrong. Part of this message, hence no `source`.
        problem: TeamProblem,
    },
}

/// What is wrong with a team.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamProblem {
    /// Not a name for a Team in the cluster.
    #[error("a name has lower-case letters, digits and - only")]
    Name,
    /// Not the name of a namespace.
    #[error("{0:?} is not the name of a namespace")]
    Namespace(String),
    /// It has no files.
    #[error("it has no paths")]
    NoPath,
    /// A path that could be taken for more or less than it says.
    #[error(
        "{0:?} is not a folder or file below this one: patterns, `..` and / in front are not taken"
    )]
    Path(String),
    /// Its files are also another team's.
    #[error("{path:?} is also in team {other:?}; a file belongs to one team")]
    Shared {
        /// The path.
        path: String,
        /// The other team.
        other: String,
    },
    /// Somebody has left and is still there.
    #[error("line {line}: this recipient stands under both recipients and former")]
    StillThere {
        /// The line in `former`.
        line: u64,
    },
}

impl RulesError {
    pub(crate) fn syntax(error: serde_saphyr::Error) -> Self {
        let line = error.location().map_or(0, |location| location.line());
        // The first line of the message: the rest would be a picture of the source. The place is said
        // already, and some messages end with advice to programmers.
        let message = error.without_snippet().to_string();
        let mut message = message.lines().next().unwrap_or_default();
        for rest in [" at line ", ", set ", "; use "] {
            message = message.split(rest).next().unwrap_or_default();
        }
        let message = message.to_owned();
        Self::Syntax { line, message }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PrivateKey { .. } => {
                "put its public half (age1…) there, and if the file was ever committed or shared, make a new key"
            }
            Self::PathRegex { .. } | Self::Selector { .. } => {
                "the syntax is that of Go: https://pkg.go.dev/regexp/syntax"
            }
            Self::Syntax { .. } | Self::Selectors { .. } | Self::Team { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why a rule's recipients cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientsError {
    /// It names none.
    #[error("line {line}: the rule names no recipient")]
    Nobody {
        /// The rule's line.
        line: u64,
    },
    /// It names keys of kinds that are not supported; leaving them out would lock their owners out.
    #[error("line {line}: the rule names keys of kinds that are not supported: {}", kinds.join(", "))]
    OtherKinds {
        /// The rule's line.
        line: u64,
        /// The fields that hold them.
        kinds: Vec<&'static str>,
    },
    /// It splits the data key in a way that cannot be.
    #[error(
        "line {line}: of {groups} key groups, shamir_threshold {threshold} cannot be needed; 2 to {groups} can"
    )]
    Threshold {
        /// The rule's line.
        line: u64,
        /// How many groups are to be needed.
        threshold: usize,
        /// How many there are.
        groups: usize,
    },
    /// It has more key groups than a data key can be split over.
    #[error("line {line}: the rule has {groups} key groups; a data key can be split over 255")]
    TooManyGroups {
        /// The rule's line.
        line: u64,
        /// How many.
        groups: usize,
    },
}

impl RecipientsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Nobody { .. } => Some("add an `age:` list of recipients to the rule".to_owned()),
            Self::Threshold { .. } | Self::TooManyGroups { .. } => None,
            Self::OtherKinds { .. } => Some(
                "encrypt this file with sops, or give it a rule of its own with `age:` only"
                    .to_owned(),
            ),
        }
    }
}
