//! Why a text is not read as YAML: position and rule, never the text itself.

use granit_parser::{ErrorKind, ScanError};

/// A text that is not read as YAML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct YamlError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub kind: YamlErrorKind,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlErrorKind {
    /// It breaks a rule of YAML.
    #[error("{0}")]
    Syntax(String),
    /// A character that some readers take for a line break, and others do not; or one that YAML does
    /// not have at all. In double quotes it can be written as an escape.
    #[error("the character U+{:04X} cannot stand in a file", u32::from(*.0))]
    Character(char),
    /// A mapping has a key twice.
    #[error("the key {key:?} is already in line {first}")]
    DuplicateKey {
        /// The key's text.
        key: String,
        /// The line where it stands first.
        first: usize,
    },
    /// A mapping key is a list, a mapping or an alias.
    #[error("mapping keys other than scalars are not supported")]
    KeyNotScalar,
    /// Collections nest deeper than is read.
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
    /// More nodes than are read.
    #[error("more than {0} nodes")]
    TooManyNodes(usize),
}

impl YamlError {
    /// Takes over the parser's finding, without the characters that some of its messages quote.
    pub(crate) fn from_scan(error: &ScanError, depth: usize) -> Self {
        let kind = match error.kind() {
            ErrorKind::RecursionLimitExceeded => YamlErrorKind::TooDeep(depth),
            ErrorKind::UnexpectedCharacter { .. } => {
                YamlErrorKind::Syntax("unexpected character".to_owned())
            }
            other => YamlErrorKind::Syntax(other.to_string()),
        };
        let mark = error.marker();
        Self {
            line: mark.line(),
            column: mark.col() + 1,
            kind,
        }
    }
}
