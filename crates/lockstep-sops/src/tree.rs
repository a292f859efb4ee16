//! What a document holds once it may be read: the tree that is rendered.
//!
//! Unencrypted scalars keep their text, style and tag, because who reads them decides their type:
//! sops types like go-yaml (YAML 1.2 with old octals), Kubernetes like YAML 1.1. Decrypted scalars
//! carry the type SOPS stored with them. Aliases are expanded; `<<` is an ordinary key.

use lockstep_secret::SecretString;
pub use lockstep_yaml::ScalarStyle;
use std::fmt;

/// One YAML document of a file.
#[derive(Debug)]
pub struct Tree {
    /// The line it starts on, counted from 1.
    pub line: usize,
    /// The top of the document: a mapping, or for an empty document an empty plain scalar.
    pub root: Value,
}

/// A node of the tree.
#[derive(Debug)]
pub struct Value {
    /// The line it starts on, counted from 1.
    pub line: usize,
    /// What stands there.
    pub kind: ValueKind,
}

/// What stands at a node.
#[derive(Debug)]
pub enum ValueKind {
    /// Entries in document order; keys are unique.
    Mapping(Vec<(Key, Value)>),
    /// Elements in order. Comments that SOPS keeps as list elements are left out.
    Sequence(Vec<Value>),
    /// A scalar the file holds in clear.
    Clear(ClearScalar),
    /// A scalar the file holds encrypted.
    Opened(OpenedScalar),
}

/// A mapping key.
#[derive(Clone, Debug)]
pub struct Key {
    /// The text after YAML's escapes, as written (`007` stays `007`).
    pub text: String,
    /// The line it stands on, counted from 1.
    pub line: usize,
    /// How it is written: a plain key may be a number or a bool to whoever reads it.
    pub style: ScalarStyle,
    /// Its explicit tag, if any, such as `tag:yaml.org,2002:str`.
    pub tag: Option<String>,
}

/// An unencrypted scalar as written. An empty plain one is a null.
///
/// It is not a secret in an encrypted file. In a file that nobody encrypted it may be, so `Debug`
/// does not show the text.
#[derive(Clone)]
pub struct ClearScalar {
    /// The text after YAML's escapes, folding and chomping.
    pub text: String,
    /// How it is written.
    pub style: ScalarStyle,
    /// Its explicit tag, if any: `!local` or `tag:yaml.org,2002:binary`.
    pub tag: Option<String>,
}

impl fmt::Debug for ClearScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} scalar [redacted]", self.style)
    }
}

/// A decrypted scalar.
#[derive(Debug)]
pub struct OpenedScalar {
    /// The type it had when it was encrypted.
    pub kind: OpenedKind,
    /// Its text in SOPS's spelling: `42`, `0.5`, `True`, `2024-01-01T00:00:00Z`.
    pub text: SecretString,
}

/// The type of a decrypted scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedKind {
    /// A string.
    Str,
    /// A string that is not UTF-8; the text is its standard base64.
    Binary,
    /// A signed 64-bit integer in decimal.
    Int,
    /// A float in its shortest form without an exponent, `NaN`, `+Inf` or `-Inf`.
    Float,
    /// `True` or `False`.
    Bool,
    /// A timestamp in RFC 3339.
    Time,
}
