//! What can go wrong between a file and its tree. No message holds a value.

mod parse;

pub use parse::{ParseError, ParseErrorKind};

use crate::place::{KeyPath, Place};
use crate::selector::SelectorError;
use crate::store::Format;
use lockstep_yaml::YamlError;

/// Why the `sops` block cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A field has a form that sops does not write.
    #[error("line {line}: {field} is not {expected}")]
    Field {
        /// The line of the value.
        line: usize,
        /// The field, such as `sops.lastmodified`.
        field: String,
        /// What it should be, such as `a string`.
        expected: &'static str,
    },
    /// A field is there twice: names of metadata fields are read in any case.
    #[error("line {line}: this field of {block} is there twice, in two spellings")]
    Twice {
        /// The line of the second.
        line: usize,
        /// The mapping, such as `sops`.
        block: String,
    },
    /// A field that must be there is not.
    #[error("line {line}: {field} is missing")]
    Missing {
        /// The line of the block.
        line: usize,
        /// The field.
        field: &'static str,
    },
    /// More than one selector.
    #[error("line {line}: more than one of the six selectors is set")]
    Selectors {
        /// The line of the second.
        line: usize,
    },
    /// The selector cannot be used.
    #[error("line {line}: the selector cannot be used")]
    Selector {
        /// The line of the selector.
        line: usize,
        /// Why not.
        source: SelectorError,
    },
    /// No key can open the file.
    #[error("line {line}: no key entries")]
    NoKeys {
        /// The line of the block.
        line: usize,
    },
}

/// What is wrong with one place of a tree, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// SOPS keeps only string keys.
    #[error("{0}: the key is not a string")]
    KeyNotString(Place),
    /// An integer that needs more than 64 bits with a sign.
    #[error("{0}: the number does not fit into 64 bits")]
    NumberTooLarge(Place),
    /// The value cannot be what its tag says.
    #[error("{0}: the value does not fit its tag")]
    Tag(Place),
    /// Aliases expand to more than is read.
    #[error("{0}: the aliases expand to too much")]
    TooManyAliases(Place),
    /// The document nests deeper than is read.
    #[error("{0}: nested too deeply")]
    TooDeep(Place),
    /// The keys that lead to a value are longer than is read.
    #[error("{0}: the keys that lead here are too long")]
    PathTooLong(Place),
    /// An alias stands inside what it stands for.
    #[error("{0}: the alias stands inside what it stands for")]
    Recursive(Place),
}

/// Why a document cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// A place of the tree cannot be encrypted.
    #[error("the document cannot be encrypted")]
    Tree(#[from] TreeError),
    /// The value is ciphertext already.
    #[error("{0}: the value is encrypted already")]
    AlreadyEncrypted(Place),
    /// Nobody could open the result.
    #[error("no recipients")]
    NoRecipients,
    /// The policy selects by comments.
    #[error("encrypting by {0} is not supported")]
    CommentSelector(&'static str),
    /// The result did not open again; it was thrown away.
    #[error("the encrypted file does not open again, so it is not written")]
    NotReadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl EncryptError {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Tree(TreeError::KeyNotString(_) | TreeError::NumberTooLarge(_)) => "quote it",
            Self::AlreadyEncrypted(_) => "decrypt the file it came from, and paste the plaintext",
            Self::NoRecipients => "name at least one recipient",
            Self::CommentSelector(_) => "select by key: encrypted_regex or encrypted_suffix",
            Self::NotReadable(_) => "please report this as a bug, with a file that shows it",
            Self::Tree(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why one value of a document is not changed.
#[derive(Debug, thiserror::Error)]
pub enum AlterError {
    /// There is nothing to change a value of.
    #[error("the file has no document")]
    NoDocument,
    /// It is not said which.
    #[error("no key is named")]
    NoPath,
    /// The top-level key `sops` is for metadata.
    #[error("the top-level key `sops` is reserved for metadata")]
    Reserved,
    /// The text cannot be read.
    #[error("not readable as YAML")]
    Yaml(#[source] YamlError),
    /// A place of the tree cannot be read.
    #[error("the document cannot be read")]
    Tree(#[from] TreeError),
    /// There is no such place.
    #[error("{0}: there is nothing here")]
    NotThere(KeyPath),
    /// A list is asked for a key, or a mapping for a position.
    #[error("{0}: a list has positions and a mapping has keys: the last step is of the wrong sort")]
    WrongStep(KeyPath),
    /// A value is asked for something inside it.
    #[error("{0}: this is a value, with nothing inside")]
    NoCollection(KeyPath),
    /// The place stands elsewhere, too.
    #[error("{0}: this is an alias: what it stands for would change elsewhere, too")]
    Alias(KeyPath),
    /// The text around the place does not let it be changed by itself.
    #[error("{0}: this cannot be changed without changing the text around it")]
    Shape(KeyPath),
}

impl AlterError {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoCollection(_) => "unset it first, if it is to become a mapping or a list",
            Self::Alias(_) | Self::Shape(_) => "change it in an editor: lockstep edit FILE",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why an encrypted document does not get new contents.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is no YAML.
    #[error("changing values of {0} is not supported yet")]
    Format(Format),
    /// It was never encrypted: there is no data key to keep.
    #[error("the file is not encrypted")]
    NotEncrypted,
    /// The new contents cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The new contents have metadata of their own.
    #[error("the new text has sops metadata of its own")]
    Metadata,
    /// They cannot be encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// A new value would stand in clear where the policy encrypts.
    #[error("{0}: the policy encrypts this value, and the file would leave it in clear")]
    InClear(Place),
}

impl From<TreeError> for EditError {
    fn from(error: TreeError) -> Self {
        Self::Encrypt(EncryptError::Tree(error))
    }
}

impl EditError {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Format(_) => "decrypt it, change it, and encrypt it again",
            Self::NotEncrypted => "encrypt it first",
            Self::Parse(source) => return source.hint(),
            Self::Metadata => "leave the `sops` block out: it is kept from the file",
            Self::Encrypt(source) => return source.hint(),
            Self::InClear(_) => {
                "the file says itself what of it is encrypted: decrypt it and encrypt it again, by the policy"
            }
        };
        Some(hint.to_owned())
    }
}

/// Why an encrypted document did not get a new data key.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Nobody could open the result.
    #[error("no recipients")]
    NoRecipients,
    /// A place of the tree cannot be encrypted.
    #[error("the document cannot be encrypted")]
    Tree(#[from] TreeError),
    /// The document, or the result, does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The result cannot be read; it was thrown away.
    #[error("the result cannot be read, so it is not written")]
    NotReadable(#[from] ParseError),
    /// The result does not say what the file said; it was thrown away.
    #[error("the result does not say what the file says, so it is not written")]
    Differs,
}

/// Why an encrypted document cannot be opened with a data key.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A place of the tree cannot be read.
    #[error("the document cannot be read")]
    Tree(#[from] TreeError),
    /// A value should be encrypted and is not.
    #[error("{0}: the value should be encrypted and is not")]
    Plaintext(Place),
    /// A value looks encrypted and is not in SOPS's form.
    #[error("{0}: the encrypted value is malformed")]
    Malformed(Place),
    /// The data key does not authenticate a value at its place.
    #[error(
        "{0}: the value does not decrypt here: it was changed, moved, or made with another key"
    )]
    Undecryptable(Place),
    /// A decrypted value is not of the type it claims.
    #[error("{0}: the decrypted value is not of the type it says")]
    WrongType(Place),
    /// The file has no MAC.
    #[error("the file has no MAC")]
    MacMissing,
    /// The MAC itself does not decrypt.
    #[error("the MAC does not decrypt: it or lastmodified was changed")]
    MacUndecryptable,
    /// The values are not those the MAC was made over.
    #[error("the MAC does not match: values were changed after encryption")]
    MacMismatch,
    /// The values are those of the MAC, and the file is not the one that was sealed.
    #[error(
        "the seal does not match: names, types, boundaries, comments or the metadata were changed after the file was sealed"
    )]
    SealMismatch,
    /// The seal is not in the form that is known.
    #[error("the seal is malformed, or of a later version of lockstep")]
    SealUnreadable,
    /// The metadata selects by comments.
    #[error("files encrypted by {0} are not supported")]
    CommentSelector(&'static str),
}

/// What an [`OpenError`] is, for sops's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenErrorKind {
    /// A value does not decrypt (sops: 25).
    Value,
    /// The MAC is missing, unreadable or wrong (sops: 51).
    Mac,
    /// The seal is wrong (sops has none).
    Seal,
    /// A form this program does not open (sops: 1).
    Unsupported,
}

impl OpenError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> OpenErrorKind {
        match self {
            Self::Tree(_)
            | Self::Plaintext(_)
            | Self::Malformed(_)
            | Self::Undecryptable(_)
            | Self::WrongType(_) => OpenErrorKind::Value,
            Self::MacMissing | Self::MacUndecryptable | Self::MacMismatch => OpenErrorKind::Mac,
            Self::SealMismatch | Self::SealUnreadable => OpenErrorKind::Seal,
            Self::CommentSelector(_) => OpenErrorKind::Unsupported,
        }
    }

    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Plaintext(_) => {
                "somebody edited the encrypted file by hand: decrypt it, edit, and encrypt again"
            }
            Self::MacMismatch | Self::MacUndecryptable | Self::MacMissing => {
                "restore the last good version from Git, and make the change through an edit"
            }
            Self::SealMismatch => {
                "lockstep check --fix shows what was changed, and seals the file again if that is as it should be"
            }
            Self::SealUnreadable => {
                "restore the last good version from Git, or take a newer lockstep if that wrote it"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
