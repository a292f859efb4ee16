//! What the API server refused, in our words.
//!
//! The server's own text never gets in: it can quote the object it refused, a Secret's values
//! included. What is kept is chosen piece by piece: the kind of failure, field paths, manager and
//! webhook names.

use crate::refusal::IMMUTABLE;
use std::fmt;

/// Why a request came to nothing. Holds no text of the server's and no value of any field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Others own fields that the object wants.
    #[error("other managers own {}", list(.fields))]
    Conflict {
        /// Which fields, and who owns each.
        fields: Vec<ConflictingField>,
    },
    /// The object changed in between; trying again helps.
    #[error("the object changed while it was being written")]
    Changed,
    /// The account has no right to this.
    #[error("the account may not do this")]
    Forbidden,
    /// The operator has no right to act as the account.
    #[error("the operator may not act as the account")]
    ImpersonationForbidden,
    /// The operator's own credentials were not accepted.
    #[error("the API server does not accept the operator's credentials")]
    Unauthorized,
    /// The object breaks the rules of its kind.
    #[error("the object is not valid{}", at(.fields))]
    Invalid {
        /// Which fields, and the API server's reason code for each.
        fields: Vec<InvalidField>,
    },
    /// The API server could not read the object.
    #[error("the API server could not read the object{}", at(.fields))]
    Malformed {
        /// Which fields, where the API server named them.
        fields: Vec<InvalidField>,
    },
    /// The namespace does not exist.
    #[error("the namespace does not exist")]
    NamespaceNotFound,
    /// The kind is not served, or not any more.
    #[error("the API server does not know this kind")]
    KindUnknown,
    /// The object does not exist.
    #[error("the object does not exist")]
    NotFound,
    /// The namespace is being deleted.
    #[error("the namespace is being deleted")]
    Terminating,
    /// A quota of the namespace is used up.
    #[error("the namespace's quota is used up")]
    Quota,
    /// An admission webhook or policy said no.
    #[error("admission was denied{}", denier(.by))]
    Denied {
        /// Which webhook or policy, where the API server named it.
        by: Option<String>,
    },
    /// The object is larger than the API server takes.
    #[error("the object is too large for the API server")]
    TooLarge,
    /// The API server asked to slow down, also after several tries.
    #[error("the API server has too much to do")]
    Throttled,
    /// The API server failed or was not ready, also after several tries.
    #[error("the API server could not answer (status {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// No answer came in time; whether the write took place is not known.
    #[error("the API server did not answer in time")]
    Timeout,
    /// The API server could not be reached, or the connection broke.
    #[error("the connection to the API server failed")]
    Unreachable,
    /// The watch has to start anew.
    #[error("the resource version is too old")]
    Expired,
    /// The answer made no sense.
    #[error("the API server's answer could not be read (status {status})")]
    Unreadable {
        /// The HTTP status.
        status: u16,
    },
    /// A name cannot be part of a request.
    #[error("the name cannot be used in a request")]
    BadName,
    /// The work was called off before this object's turn.
    #[error("stopped before this object's turn")]
    Stopped,
}

/// A field that somebody else owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictingField {
    /// Which field, such as `.data.password`.
    pub path: String,
    /// Its manager, by the name the writer gave.
    pub manager: String,
}

/// A field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    /// Which field, such as `data[tls.key]`; may be empty.
    pub path: String,
    /// The API server's reason code, such as `FieldValueInvalid`.
    pub reason: String,
}

impl ApiError {
    /// A stable name for conditions and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "Conflict",
            Self::Changed => "Changed",
            Self::Forbidden => "Forbidden",
            Self::ImpersonationForbidden => "ImpersonationForbidden",
            Self::Unauthorized => "Unauthorized",
            Self::Invalid { .. } => "Invalid",
            Self::Malformed { .. } => "Malformed",
            Self::NamespaceNotFound => "NamespaceNotFound",
            Self::KindUnknown => "KindUnknown",
            Self::NotFound => "NotFound",
            Self::Terminating => "Terminating",
            Self::Quota => "Quota",
            Self::Denied { .. } => "Denied",
            Self::TooLarge => "TooLarge",
            Self::Throttled => "Throttled",
            Self::Unavailable { .. } => "Unavailable",
            Self::Timeout => "Timeout",
            Self::Unreachable => "Unreachable",
            Self::Expired => "Expired",
            Self::Unreadable { .. } => "Unreadable",
            Self::BadName => "BadName",
            Self::Stopped => "Stopped",
        }
    }

    /// Whether it was refused because a field may not change any more.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        let Self::Invalid { fields } = self else {
            return false;
        };
        fields.iter().any(|field| field.reason == IMMUTABLE)
    }

    /// Whether the same request may well succeed a little later, with nobody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Changed
            | Self::Throttled
            | Self::Unavailable { .. }
            | Self::Timeout
            | Self::Unreachable
            | Self::Expired
            // A token that has run out is read again within a minute.
            | Self::Unauthorized
            | Self::Unreadable { .. }
            | Self::Stopped => true,
            Self::Conflict { .. }
            | Self::Forbidden
            | Self::ImpersonationForbidden
            | Self::Invalid { .. }
            | Self::Malformed { .. }
            | Self::NamespaceNotFound
            | Self::KindUnknown
            | Self::NotFound
            | Self::Terminating
            | Self::Quota
            | Self::Denied { .. }
            | Self::TooLarge
            | Self::BadName => false,
        }
    }

    /// Whether the same request may succeed later with nothing changed in Git: because time heals it, or
    /// because somebody may change the cluster: rights, quotas, namespaces, kinds, webhooks.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        match self {
            Self::Forbidden
            | Self::ImpersonationForbidden
            | Self::NamespaceNotFound
            | Self::KindUnknown
            | Self::NotFound
            | Self::Terminating
            | Self::Quota
            | Self::Denied { .. } => true,
            Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::Malformed { .. }
            | Self::TooLarge
            | Self::BadName => false,
            Self::Changed
            | Self::Throttled
            | Self::Unavailable { .. }
            | Self::Timeout
            | Self::Unreachable
            | Self::Expired
            | Self::Unauthorized
            | Self::Unreadable { .. }
            | Self::Stopped => self.is_transient(),
        }
    }

    /// What a person could do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Conflict { .. } => {
                "take the fields out of Git, or set the Sync's conflictPolicy to Force"
            }
            Self::Forbidden => "give the team's service account the rights in its namespace",
            Self::ImpersonationForbidden => {
                "apply what `lockstep-operator rbac` prints for the team"
            }
            Self::Invalid { .. } if self.is_immutable() => {
                "give it a new name, or delete the object in the cluster: it is made again as Git has it"
            }
            Self::Invalid { .. } | Self::Malformed { .. } => {
                "`kubectl apply --dry-run=server` of the decrypted file shows the server's own words"
            }
            Self::NamespaceNotFound => "create the namespace; a Sync does not",
            Self::KindUnknown => "install the CustomResourceDefinition first",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn list(fields: &[ConflictingField]) -> String {
    const SHOWN: usize = 5;
    let mut parts: Vec<_> = fields.iter().take(SHOWN).map(ToString::to_string).collect();
    if fields.len() > SHOWN {
        parts.push(format!("{} more", fields.len() - SHOWN));
    }
    if parts.is_empty() {
        "fields of it".to_owned()
    } else {
        parts.join(", ")
    }
}

fn at(fields: &[InvalidField]) -> String {
    let parts: Vec<_> = fields
        .iter()
        .take(5)
        .filter(|field| !field.path.is_empty())
        .map(ToString::to_string)
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" at {}", parts.join(", "))
    }
}

fn denier(name: &Option<String>) -> String {
    name.as_ref()
        .map(|name| format!(" by {name}"))
        .unwrap_or_default()
}

impl fmt::Display for ConflictingField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.manager)
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.reason)
    }
}
