//! Identities that a passphrase protects. Asking for it is somebody else's: see
//! [`Reserve`](crate::Reserve).

use crate::ssh::{self, LockedSsh, SshKey};
use crate::{Identities, IdentitiesError, Recipient};
use age::armor::ArmoredReader;
use age::{Decryptor, scrypt, secrecy};
use lockstep_secret::{SecretBytes, SecretString};
use std::io::Read;
use zeroize::Zeroizing;

/// The largest work factor of a passphrase that is tried: that of age and sops.
const MOST_WORK: u8 = 22;

/// The most that an identity file may hold.
const LARGEST: u64 = 16 << 20;

/// What a file of identities turned out to be.
#[derive(Debug)]
pub enum Source {
    /// Identities that can be used.
    Open(Identities),
    /// Identities behind a passphrase.
    Locked(Locked),
}

/// Identities behind a passphrase.
#[derive(Debug)]
pub struct Locked {
    origin: String,
    what: What,
}

#[derive(Debug)]
enum What {
    AgeFile(SecretBytes),
    Ssh(LockedSsh),
}

impl Source {
    /// Reads an identity file: as [`Identities::parse`] does, or one that is encrypted with a
    /// passphrase, armored or not.
    ///
    /// # Errors
    /// [`IdentitiesError`].
    pub fn read(file: SecretBytes, origin: &str) -> Result<Self, IdentitiesError> {
        if is_age_file(file.expose()) {
            return Ok(Self::Locked(Locked {
                origin: origin.to_owned(),
                what: What::AgeFile(file),
            }));
        }
        let text = file.into_string().map_err(|_| IdentitiesError::NotText {
            origin: origin.to_owned(),
        })?;
        Identities::parse(&text, origin).map(Self::Open)
    }

    /// Reads a private SSH key, `ssh-ed25519` or `ssh-rsa`, as ssh-keygen writes it.
    ///
    /// # Errors
    /// [`IdentitiesError::Ssh`].
    pub fn read_ssh(text: &SecretString, origin: &str) -> Result<Self, IdentitiesError> {
        let key = ssh::parse_private(text.expose()).map_err(|why| IdentitiesError::Ssh {
            origin: origin.to_owned(),
            why,
        })?;
        Ok(match key {
            SshKey::Open(identity) => Self::Open(Identities::of_ssh(identity, origin)),
            SshKey::Locked(key) => Self::Locked(Locked {
                origin: origin.to_owned(),
                what: What::Ssh(key),
            }),
        })
    }
}

fn is_age_file(file: &[u8]) -> bool {
    let starts = file.trim_ascii_start();
    starts.starts_with(b"age-encryption.org/") || starts.starts_with(b"-----BEGIN AGE")
}

impl Locked {
    /// Where it was found.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public half of an SSH key. An identity file does not tell what is in it.
    #[must_use]
    pub fn recipient(&self) -> Option<&Recipient> {
        match &self.what {
            What::AgeFile(_) => None,
            What::Ssh(key) => Some(&key.recipient),
        }
    }

    /// Opens it. That takes a while, on purpose.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn unlock(&self, passphrase: &SecretString) -> Result<Identities, UnlockError> {
        match &self.what {
            What::Ssh(key) => {
                let identity = key.unlock(passphrase);
                let identity = identity.ok_or(UnlockError::WrongPassphrase)?;
                Ok(Identities::of_ssh(identity, &self.origin))
            }
            What::AgeFile(file) => {
                let text = decrypt(file, passphrase)?;
                Ok(Identities::parse(&text, &self.origin)?)
            }
        }
    }
}

fn decrypt(file: &SecretBytes, passphrase: &SecretString) -> Result<SecretString, UnlockError> {
    let armored = ArmoredReader::new(file.expose().trim_ascii_start());
    let decryptor = Decryptor::new(armored).map_err(|_| UnlockError::Damaged)?;
    if !decryptor.is_scrypt() {
        return Err(UnlockError::NoPassphrase);
    }
    let passphrase = secrecy::SecretString::from(passphrase.expose().to_owned());
    let mut identity = scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MOST_WORK);
    let identity = std::iter::once(&identity as &dyn age::Identity);
    let plain = decryptor.decrypt(identity).map_err(|error| match error {
        age::DecryptError::ExcessiveWork { required, .. } => UnlockError::TooMuchWork { required },
        age::DecryptError::InvalidHeader | age::DecryptError::InvalidMac => UnlockError::Damaged,
        _ => UnlockError::WrongPassphrase,
    })?;
    let mut text = Zeroizing::new(Vec::new());
    let read = plain.take(LARGEST).read_to_end(&mut text);
    read.map_err(|_| UnlockError::Damaged)?;
    SecretBytes::new(std::mem::take(&mut *text))
        .into_string()
        .map_err(|_| UnlockError::Damaged)
}

/// Why locked identities were not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// Another passphrase belongs to it.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// It is encrypted, and not with a passphrase.
    #[error("it is encrypted for recipients, not with a passphrase")]
    NoPassphrase,
    /// Its work factor is a mistake or an attack.
    #[error(
        "checking the passphrase would take too long: work factor {required}, at most {MOST_WORK} is tried"
    )]
    TooMuchWork {
        /// The binary logarithm of the work.
        required: u8,
    },
    /// It was cut off or changed.
    #[error("the encrypted identity file is damaged")]
    Damaged,
    /// What is inside is no identity.
    #[error(transparent)]
    Inside(#[from] IdentitiesError),
}
