//! One encrypted file, opened to be changed under its own data key.

use crate::seal::fill;
use crate::source::Fingerprint;
use crate::{
    Expected, LARGEST_FILE, Plan, Privacy, RewriteError, UnsealError, WriteError, read_file,
    write_file,
};
use lockstep_age::{Identities, unwrap};
use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    Document, EditError, Metadata, Opened, Parsed, Selector, parse, recipient_name,
};
use std::path::{Path, PathBuf};

/// An encrypted file, its contents, and the data key.
#[derive(Debug)]
pub struct OpenFile {
    path: PathBuf,
    fingerprint: Fingerprint,
    metadata: Metadata,
    document: Document<Opened>,
    key: DataKey,
}

impl OpenFile {
    /// Reads a file, decrypts it and verifies its MAC.
    ///
    /// # Errors
    /// [`RewriteError`].
    pub fn open(path: &Path, identities: &Identities) -> Result<Self, RewriteError<UnsealError>> {
        let source = read_file(path, LARGEST_FILE)?;
        let parsed = parse(source.text).map_err(UnsealError::from);
        let Parsed::Encrypted(document) = parsed.map_err(RewriteError::Work)? else {
            return Err(RewriteError::Work(UnsealError::NotEncrypted));
        };
        let metadata = document.metadata().clone();
        let unwrapped = unwrap(&metadata, identities).map_err(UnsealError::from);
        let key = unwrapped.map_err(RewriteError::Work)?.key;
        let opened = document.open(&key).map_err(UnsealError::from);
        Ok(Self {
            path: path.to_owned(),
            fingerprint: source.fingerprint,
            metadata,
            document: opened.map_err(RewriteError::Work)?,
            key,
        })
    }

    /// What it holds.
    #[must_use]
    pub fn document(&self) -> &Document<Opened> {
        &self.document
    }

    /// Who can open it, and how it is encrypted.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Recipients that it names and `plan` does not know, for people; none if it knows all of them.
    #[must_use]
    pub fn strangers(&self, plan: &Plan) -> Option<String> {
        let named = self
            .metadata
            .age()
            .iter()
            .map(|entry| recipient_name(&entry.recipient));
        let strangers: Vec<_> = named
            .filter(|one| !plan.standing.known.contains(one))
            .collect();
        (!strangers.is_empty()).then(|| plan.standing.show_all(&strangers))
    }

    /// Encrypts `new` in place of the contents: see [`Document::reseal`].
    ///
    /// # Errors
    /// [`ResealError`].
    pub fn reseal(
        &self,
        new: SecretString,
        guard: Option<&Selector>,
    ) -> Result<String, ResealError> {
        let now = jiff::Timestamp::now();
        let text = self
            .document
            .reseal(new, &self.key, guard, now, &mut fill)?;
        if text.len() as u64 > LARGEST_FILE {
            return Err(ResealError::TooLarge);
        }
        Ok(text)
    }

    /// Writes the file anew, if it is still what was read.
    ///
    /// # Errors
    /// [`WriteError`]; the file is then as it was.
    pub fn replace(&self, text: &str) -> Result<(), WriteError> {
        let expected = Expected::Unchanged(self.fingerprint);
        write_file(&self.path, text.as_bytes(), expected, Privacy::AsUsual)
    }
}

/// Why a file does not get new contents. The file itself is the caller's to name.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// They cannot be encrypted.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Nobody here would read the result.
    #[error("encrypted it would be larger than {} KiB, the most that is read", LARGEST_FILE >> 10)]
    TooLarge,
}

impl ResealError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Edit(source) => source.hint(),
            Self::TooLarge => Some("split it into several files".to_owned()),
        }
    }
}
