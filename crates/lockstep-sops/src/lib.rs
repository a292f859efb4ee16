//! The SOPS document: tree, encrypted values, MAC, metadata, selection.
//!
//! ```text
//! text ─parse─▶ Clear ─────encrypt────▶ text with a `sops` block
//!         │       └─────into_opened─────┐
//!         └───▶ Encrypted ──open(key)──▶ Opened ─▶ trees (to render), plaintext (to read and edit)
//! ```
//!
//! Compatible with sops 3.13.3 in both directions, for YAML, JSON, dotenv, INI and binary files. Files are edited span by span: bytes
//! that need not change do not.
//!
//! *Guarantees.* An [`Opened`] document of an encrypted file has had every value authenticated at its
//! place, its MAC compared, and its [`Seal`], if it has one. No error holds a value.
//!
//! *Limits.* Without a seal, what SOPS's MAC does not cover is not covered: names of unencrypted
//! values, boundaries between unencrypted values, nulls, comments, and the metadata itself. Selecting
//! by comments is refused. Nothing here reads files, clocks or random numbers.

mod alter;
mod carrier;
mod changes;
mod cipher;
mod comments;
mod document;
mod encrypt;
mod error;
mod expand;
mod goregex;
mod json_text;
mod mac;
mod metadata;
mod metadata_read;
mod metadata_write;
mod open;
mod place;
mod plaintext;
mod reseal;
mod resolve;
mod restore;
mod rewrap;
mod rotate;
mod seal;
mod seam;
mod selector;
mod store;
mod survey;
mod timestamp;
mod tree;
mod tree_builder;
mod typed;
mod variables;

pub use alter::{Altered, Altering, NewValue};
pub use changes::Change;
pub use document::{Clear, Document, Encrypted, Opened, Parsed, parse, parse_as};
pub use error::{
    AlterError, EditError, EncryptError, MetadataError, OpenError, OpenErrorKind, ParseError,
    ParseErrorKind, RotateError, TreeError,
};
pub use goregex::{GoRegex, RegexError};
pub use metadata::{AgeEntry, KeyGroups, Metadata, OtherKeys, Wrapped, recipient_name};
pub use place::{KeyPath, Place, Step};
pub use rotate::Selection;
pub use seal::{ResealError, Seal};
pub use selector::{EncryptionPolicy, MacScope, Selector, SelectorError};
pub use store::Format;
pub use tree::{ClearScalar, Key, OpenedKind, OpenedScalar, ScalarStyle, Tree, Value, ValueKind};
