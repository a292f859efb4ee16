//! Which values of a document are encrypted: SOPS's six selectors.
//!
//! The rule looks at the mapping keys that lead to a value, never at list positions. On decryption
//! it comes from the file's own metadata, so that both directions decide alike.

use crate::goregex::{GoRegex, RegexError};
use crate::store::Format;

/// What decides whether a value is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Everything except below keys that end so.
    UnencryptedSuffix(String),
    /// Only below keys that end so.
    EncryptedSuffix(String),
    /// Everything except below keys that match.
    UnencryptedRegex(GoRegex),
    /// Only below keys that match.
    EncryptedRegex(GoRegex),
    /// Everything except what follows a comment that matches.
    UnencryptedCommentRegex(GoRegex),
    /// Only what follows a comment that matches.
    EncryptedCommentRegex(GoRegex),
}

/// What the MAC covers besides the encrypted values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MacScope {
    /// Every value of the file, also unencrypted ones: sops's default.
    #[default]
    AllValues,
    /// Encrypted values only (`mac_only_encrypted`): others may change under a valid MAC.
    EncryptedOnly,
}

/// How a file is encrypted, apart from who can open it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptionPolicy {
    /// Which values are encrypted.
    pub selector: Selector,
    /// Which values the MAC covers.
    pub mac_scope: MacScope,
}

impl EncryptionPolicy {
    /// What of it can hold for a file of this format: a binary file is encrypted as a whole.
    pub(crate) fn for_format(&self, format: Format) -> Self {
        match format {
            Format::Binary => Self::default(),
            _ => self.clone(),
        }
    }
}

/// A selector that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The field's name is none of the six.
    #[error("{0:?} is not a selector")]
    Unknown(String),
    /// The regular expression is not valid in Go, where sops would silently match nothing.
    #[error("{field} is not a valid regular expression")]
    Regex {
        /// The field that holds it.
        field: &'static str,
        /// What is wrong with it.
        source: RegexError,
    },
}

impl Default for Selector {
    /// What sops does when nothing is said: everything except below `…_unencrypted` keys.
    fn default() -> Self {
        Self::UnencryptedSuffix("_unencrypted".into())
    }
}

impl Selector {
    /// The six metadata fields, in the order in which sops writes them.
    pub const FIELDS: [&str; 6] = [
        "encrypted_comment_regex",
        "encrypted_regex",
        "encrypted_suffix",
        "unencrypted_comment_regex",
        "unencrypted_regex",
        "unencrypted_suffix",
    ];

    /// Reads one field of `.sops.yaml` or of a file's metadata.
    ///
    /// # Errors
    /// [`SelectorError`] for another field name, or an expression that Go would refuse.
    pub fn from_field(field: &str, text: &str) -> Result<Self, SelectorError> {
        let regex =
            |field| GoRegex::new(text).map_err(|source| SelectorError::Regex { field, source });
        Ok(match field {
            "unencrypted_suffix" => Self::UnencryptedSuffix(text.to_owned()),
            "encrypted_suffix" => Self::EncryptedSuffix(text.to_owned()),
            "unencrypted_regex" => Self::UnencryptedRegex(regex("unencrypted_regex")?),
            "encrypted_regex" => Self::EncryptedRegex(regex("encrypted_regex")?),
            "unencrypted_comment_regex" => {
                Self::UnencryptedCommentRegex(regex("unencrypted_comment_regex")?)
            }
            "encrypted_comment_regex" => {
                Self::EncryptedCommentRegex(regex("encrypted_comment_regex")?)
            }
            other => return Err(SelectorError::Unknown(other.to_owned())),
        })
    }

    /// The metadata field this selector is written to.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnencryptedSuffix(_) => "unencrypted_suffix",
            Self::EncryptedSuffix(_) => "encrypted_suffix",
            Self::UnencryptedRegex(_) => "unencrypted_regex",
            Self::EncryptedRegex(_) => "encrypted_regex",
            Self::UnencryptedCommentRegex(_) => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex(_) => "encrypted_comment_regex",
        }
    }

    /// The suffix or the expression as written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => suffix,
            Self::UnencryptedRegex(regex)
            | Self::EncryptedRegex(regex)
            | Self::UnencryptedCommentRegex(regex)
            | Self::EncryptedCommentRegex(regex) => regex.as_str(),
        }
    }

    /// Whether a key takes everything below it in (or, for the "un" selectors, out).
    ///
    /// Comment selectors look at no keys.
    pub(crate) fn key_matches(&self, key: &str) -> bool {
        match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => {
                key.ends_with(suffix)
            }
            Self::UnencryptedRegex(regex) | Self::EncryptedRegex(regex) => regex.is_match(key),
            Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_) => false,
        }
    }

    /// Whether a value is encrypted, given whether any key above it matched.
    pub(crate) fn selects(&self, any_key_matched: bool) -> bool {
        match self {
            Self::EncryptedSuffix(_) | Self::EncryptedRegex(_) => any_key_matched,
            _ => !any_key_matched,
        }
    }
}
