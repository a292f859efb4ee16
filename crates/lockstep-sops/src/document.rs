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

mod parse;

pub use parse::{Parsed, parse, parse_as};

use crate::alter::{self, Altered, NewValue};
use crate::changes::{self, Change};
use crate::encrypt;
use crate::error::{AlterError, EditError, EncryptError, OpenError, RotateError, TreeError};
use crate::metadata::{Metadata, Wrapped};
use crate::open;
use crate::place::KeyPath;
use crate::plaintext;
use crate::reseal;
use crate::rewrap;
use crate::rotate::{self, Aim, Selection};
use crate::seal::{self, ResealError, Seal};
use crate::selector::{EncryptionPolicy, Selector};
use crate::store::Format;
use crate::survey::{Keys, Survey};
use crate::tree::Tree;
use crate::tree_builder;
use crate::variables;
use lockstep_secret::{DataKey, SecretBytes, SecretString};
use lockstep_yaml::Stream;

/// The state of a file without metadata.
#[derive(Debug)]
pub struct Clear {
    /// The content of a binary file.
    content: Option<SecretBytes>,
    /// The team that the file is to be sealed for.
    pub(crate) team: Option<String>,
}

/// The state of a file with metadata, before it is opened.
#[derive(Debug)]
pub struct Encrypted {
    pub(crate) metadata: Box<Metadata>,
    /// The team that the file is to be sealed for; at first the one that its seal names.
    pub(crate) team: Option<String>,
}

/// The state of a file whose contents may be used.
#[derive(Debug)]
pub struct Opened {
    pub(crate) trees: Vec<Tree>,
    /// What was decrypted; `None` for a file that was clear.
    pub(crate) decrypted: Option<open::Decrypted>,
    /// The content of a binary file that was clear.
    pub(crate) content: Option<SecretBytes>,
    pub(crate) seal: Seal,
}

impl Opened {
    /// What an encrypted file opened to.
    pub(crate) fn of(trees: Vec<Tree>, decrypted: Option<open::Decrypted>) -> Self {
        Self {
            trees,
            decrypted,
            content: None,
            seal: Seal::Missing,
        }
    }
}

/// A file as SOPS sees it, in one of its states.
#[derive(Debug)]
pub struct Document<S> {
    pub(crate) text: SecretString,
    pub(crate) stream: Stream,
    pub(crate) format: Format,
    pub(crate) state: S,
}

impl Document<Clear> {
    /// Encrypts what `policy` selects under `key`, span by span, and appends the metadata. The result
    /// was opened again.
    ///
    /// `wrapped` is `key` wrapped for each recipient; `random` must come from a cryptographic source.
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn encrypt<'a>(
        self,
        policy: &EncryptionPolicy,
        key: &DataKey,
        wrapped: impl Into<Wrapped<'a>>,
        now: jiff::Timestamp,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, EncryptError> {
        encrypt::encrypt(&self, policy, key, wrapped.into(), now, random)
    }

    /// Says which team the seal is to name.
    #[must_use]
    pub fn sealed_for(mut self, team: Option<&str>) -> Self {
        self.state.team = team.map(ToOwned::to_owned);
        self
    }

    /// Whether [`Document::encrypt`] with `selector` would encrypt any value.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn has_values_for(&self, selector: &Selector) -> Result<bool, TreeError> {
        encrypt::takes_any(self, selector)
    }

    /// Takes the file as it is: without secrets there is nothing to open.
    ///
    /// # Errors
    /// [`TreeError`] when its aliases expand to too much.
    pub fn into_opened(self) -> Result<Document<Opened>, TreeError> {
        // The walk bounds what the aliases expand to; nothing is encrypted.
        Survey::of(&self.stream, &Selector::default(), Keys::Any)?;
        let trees = tree_builder::build(&self.stream, Vec::new());
        let state = Opened {
            trees,
            decrypted: None,
            content: self.state.content,
            seal: Seal::Missing,
        };
        Ok(Document {
            text: self.text,
            stream: self.stream,
            format: self.format,
            state,
        })
    }
}

impl Document<Encrypted> {
    /// Who can open the file, and how it is encrypted.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.state.metadata
    }

    /// Says which team the seal is to name when the file is written again.
    #[must_use]
    pub fn sealed_for(mut self, team: Option<&str>) -> Self {
        self.state.team = team.map(ToOwned::to_owned);
        self
    }

    /// Decrypts every value, verifies the MAC, and the seal if there is one.
    ///
    /// # Errors
    /// [`OpenError`], and then nothing of the plaintext is left.
    pub fn open(self, key: &DataKey) -> Result<Document<Opened>, OpenError> {
        open::open(self, key)
    }

    /// Verifies the values and the MAC, and gives the file a seal over what it says now, in the place of
    /// the one it has. Nothing else of it changes. `random` must come from a cryptographic source.
    ///
    /// Show [`Document::changes_since`] to somebody first: whatever was changed is sealed with the rest.
    ///
    /// # Errors
    /// [`ResealError`].
    pub fn seal_again(
        &self,
        key: &DataKey,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, ResealError> {
        seal::again(self, key, random)
    }

    /// What the file says differently from an older version, whose seal is verified. This one's is not;
    /// its MAC is.
    ///
    /// # Errors
    /// [`OpenError`] of either.
    pub fn changes_since(
        self,
        key: &DataKey,
        older: Self,
        older_key: &DataKey,
    ) -> Result<Vec<Change>, OpenError> {
        changes::since((older, older_key), (self, key))
    }

    /// Compares what the file encrypts with what `selector` would encrypt of it.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn compare_selection(&self, selector: &Selector) -> Result<Selection, TreeError> {
        rotate::compare(self, selector)
    }

    /// The file with `wrapped` as its keys, and everything else as it is: `wrapped` must be the data key
    /// it has. `None` if there are no keys to replace in place, or it is not YAML.
    #[must_use]
    pub fn rewrap<'a>(&self, wrapped: impl Into<Wrapped<'a>>) -> Option<String> {
        rewrap::rewrap(self, wrapped.into())
    }

    /// Verifies the file as [`Document::open`] does and encrypts every value again, where it stands,
    /// under `key`. The result was opened again and says the same.
    ///
    /// `policy` must select what the file's own selector does, or a value would stay encrypted that
    /// nobody decrypts. `wrapped` is `key` wrapped for each recipient; `random` must come from a
    /// cryptographic source.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn rotate<'a>(
        self,
        old_key: &DataKey,
        policy: &EncryptionPolicy,
        key: &DataKey,
        wrapped: impl Into<Wrapped<'a>>,
        now: jiff::Timestamp,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, RotateError> {
        let aim = Aim {
            policy,
            key,
            wrapped: wrapped.into(),
            now,
            team: self.state.team.clone(),
        };
        rotate::rotate(self, old_key, &aim, random)
    }
}

impl Document<Opened> {
    /// The file without metadata, every value in its style. Of a binary file, the JSON object around
    /// its content; see [`Document::content`].
    #[must_use]
    pub fn plaintext(&self) -> SecretString {
        plaintext::of(self)
    }

    /// The top-level values of the first document, by their keys, as a program finds them in its
    /// environment.
    ///
    /// # Errors
    /// The first place that holds something else than a text, a number, a time, true or false, or whose
    /// key cannot be the name of a variable.
    pub fn variables(&self) -> Result<Vec<(String, SecretString)>, KeyPath> {
        variables::of(self)
    }

    /// [`Document::plaintext`] with `value` at `path` in the first document, in the style of what stands
    /// there, for [`Document::reseal`]. Mappings and lists that are missing on the way are made; a list
    /// position behind the last appends.
    ///
    /// # Errors
    /// [`AlterError`].
    pub fn set(&self, path: &KeyPath, value: NewValue) -> Result<Altered, AlterError> {
        alter::set(&self.plaintext(), path, value)
    }

    /// [`Document::plaintext`] without what stands at `path` in the first document.
    ///
    /// # Errors
    /// [`AlterError`].
    pub fn unset(&self, path: &KeyPath) -> Result<Altered, AlterError> {
        alter::unset(&self.plaintext(), path)
    }

    /// Encrypts `new`, an edited form of [`Document::plaintext`], in place of the contents, under the
    /// same data key. The result was opened again and says what `new` says.
    ///
    /// A value that stays keeps its ciphertext and the bytes around it; of the metadata, the MAC and
    /// the time change and nothing else. `key` must be the file's own. A value that is new, and that
    /// `guard` would encrypt, is refused where the file's own selector leaves it in clear.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn reseal(
        &self,
        new: SecretString,
        key: &DataKey,
        guard: Option<&Selector>,
        now: jiff::Timestamp,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, EditError> {
        reseal::reseal(self, new, key, guard, now, random)
    }

    /// The file as it was before it was encrypted: of a binary file its content, otherwise the
    /// [`plaintext`](Document::plaintext).
    #[must_use]
    pub fn content(&self) -> SecretBytes {
        match self.format {
            Format::Binary => plaintext::content(self),
            _ => self.plaintext().into_bytes(),
        }
    }

    /// Whether the file is sealed, and for which team.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.state.seal
    }

    /// One tree per YAML document.
    #[must_use]
    pub fn trees(&self) -> &[Tree] {
        &self.state.trees
    }
}
