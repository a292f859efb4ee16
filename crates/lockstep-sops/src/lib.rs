//! The SOPS document: tree, encrypted values, MAC, metadata, selection.

mod document;
mod error;
mod goregex;
mod metadata;
mod place;
mod selector;
mod tree;

pub use document::{Clear, Document, Encrypted, Opened, Parsed, parse};
pub use error::{
    EncryptError, MetadataError, OpenError, OpenErrorKind, ParseError, ParseErrorKind, TreeError,
};
pub use goregex::{GoRegex, RegexError};
pub use metadata::{AgeEntry, Metadata, OtherKeys};
pub use place::{KeyPath, Place, Step};
pub use selector::{EncryptionPolicy, MacScope, Selector, SelectorError};
pub use tree::{
    ClearScalar, Key, OpenedKind, OpenedScalar, ScalarStyle, Tree, Value, ValueKind,
};
