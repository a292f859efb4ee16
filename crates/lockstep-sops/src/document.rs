//! The document and its states: `Clear` or `Encrypted` as read, `Opened` once it may be rendered.
//!
//! There are two ways to `Opened`: a file that has no secrets, and a file whose every value and MAC
//! were verified. Nothing else makes one.
//!
//! ```compile_fail
//! fn render(document: lockstep_sops::Document<lockstep_sops::Encrypted>) {
//!     document.trees();
//! }
//! ```

use crate::error::{EncryptError, OpenError, ParseError};
use crate::metadata::{AgeEntry, Metadata};
use crate::selector::EncryptionPolicy;
use crate::tree::Tree;
use lockstep_secret::{DataKey, SecretString};

/// A file without metadata.
pub struct Clear {}

/// A file with metadata.
pub struct Encrypted {
    metadata: Metadata,
}

/// A file whose contents may be used.
pub struct Opened {
    trees: Vec<Tree>,
}

/// A YAML file as SOPS sees it, in one of its states.
pub struct Document<S> {
    text: SecretString,
    state: S,
}

/// What a file turned out to be.
pub enum Parsed {
    /// It has no `sops` block.
    Clear(Document<Clear>),
    /// It has one.
    Encrypted(Document<Encrypted>),
}

/// Reads a YAML file of one or more documents. The caller caps its size.
///
/// # Errors
/// [`ParseError`].
pub fn parse(text: SecretString) -> Result<Parsed, ParseError> {
    let _ = text;
    Err(ParseError::Empty)
}

impl Document<Clear> {
    /// Encrypts what `policy` selects under `key`, span by span, and appends the metadata.
    ///
    /// `wrapped` is `key` wrapped for each recipient; `random` must come from a cryptographic source.
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn encrypt(
        self,
        policy: &EncryptionPolicy,
        key: &DataKey,
        wrapped: &[AgeEntry],
        now: jiff::Timestamp,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, EncryptError> {
        let _ = (self.state, self.text, policy, key, wrapped, now, random);
        Err(EncryptError::NoRecipients)
    }

    /// Takes the file as it is: without secrets there is nothing to open.
    ///
    /// # Errors
    /// [`OpenError::Tree`] when its aliases expand to too much.
    pub fn into_opened(self) -> Result<Document<Opened>, OpenError> {
        let _ = self.state;
        Ok(Document { text: self.text, state: Opened { trees: Vec::new() } })
    }
}

impl Document<Encrypted> {
    /// Who can open the file, and how it is encrypted.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.state.metadata
    }

    /// Decrypts every value and verifies the MAC.
    ///
    /// # Errors
    /// [`OpenError`], and then nothing of the plaintext is left.
    pub fn open(self, key: &DataKey) -> Result<Document<Opened>, OpenError> {
        let _ = (key, self.text);
        Err(OpenError::MacMismatch)
    }
}

impl Document<Opened> {
    /// The file without metadata, every value in its style.
    #[must_use]
    pub fn plaintext(&self) -> SecretString {
        SecretString::new(self.text.expose().to_owned())
    }

    /// One tree per YAML document.
    #[must_use]
    pub fn trees(&self) -> &[Tree] {
        &self.state.trees
    }
}
