//! Why a text is no document, before anything is decrypted.

use super::MetadataError;
use crate::place::Place;
use crate::store::Format;
use lockstep_secret::NotUtf8;
use lockstep_yaml::YamlError;

/// Why a file cannot be read as a SOPS document.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// There is no document in the file.
    #[error("the file is empty")]
    Empty,
    /// Git left an unresolved merge in the file.
    #[error("line {line}: unresolved Git merge conflict")]
    Conflict {
        /// The line of the first marker.
        line: usize,
    },
    /// It is not YAML, or more than is read of it.
    #[error("not readable as YAML")]
    Yaml(#[from] YamlError),
    /// It is not of the format it should be of.
    #[error("not readable as {format}")]
    Syntax {
        /// The format.
        format: Format,
        /// What is wrong with it, and where.
        source: YamlError,
    },
    /// It is not UTF-8.
    #[error("not a text file")]
    NotText(#[from] NotUtf8),
    /// A document is a list or a single value.
    #[error("{place}: the document is a {found}, not a mapping")]
    RootNotMapping {
        /// Where it starts.
        place: Place,
        /// `list` or `value`.
        found: &'static str,
    },
    /// The top-level key `sops` is there but holds no metadata.
    #[error("line {line}: the top-level key `sops` is reserved for metadata")]
    ReservedKey {
        /// The line of the key.
        line: usize,
    },
    /// The metadata cannot be used.
    #[error("the sops metadata cannot be used")]
    Metadata(#[from] MetadataError),
}

/// What a [`ParseError`] is, for sops's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// Cannot be read (sops: 2).
    Unreadable,
    /// No documents (sops: 92).
    Empty,
    /// Holds the reserved key (sops: 203 when encrypting).
    Reserved,
    /// Bad metadata (sops: 1).
    Metadata,
}

impl ParseError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        match self {
            Self::Empty => ParseErrorKind::Empty,
            Self::Conflict { .. }
            | Self::Yaml(_)
            | Self::Syntax { .. }
            | Self::NotText(_)
            | Self::RootNotMapping { .. } => ParseErrorKind::Unreadable,
            Self::ReservedKey { .. } => ParseErrorKind::Reserved,
            Self::Metadata(_) => ParseErrorKind::Metadata,
        }
    }

    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Conflict { .. } => "resolve the conflict, or check out one side of it",
            Self::ReservedKey { .. } => "rename the key: SOPS cannot encrypt a file that has it",
            Self::RootNotMapping { .. } => "put the document below a key",
            Self::Empty
            | Self::Yaml(_)
            | Self::Syntax { .. }
            | Self::NotText(_)
            | Self::Metadata(_) => return None,
        };
        Some(hint.to_owned())
    }
}
