//! SSH keys as recipients and identities: ssh-ed25519 and ssh-rsa, as age and sops take them.
//!
//! What the age library is given was looked at first ([`wire`]): it panics on some numbers, takes points
//! of small order, and would compute for as long as a key file says.

mod wire;

use crate::recipient::{Recipient, RecipientError, shown};
use age::ssh::{Identity as AgeIdentity, ParseRecipientKeyError, Recipient as AgeRecipient};
use age::{secrecy, ssh};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_secret::SecretString;
use lockstep_sops::recipient_name;
use std::fmt;
use zeroize::Zeroizing;

/// The largest key file that is read: one of 4096-bit RSA has 3.4 KiB.
const LARGEST: usize = 16 << 10;

/// An SSH public key. Its comment is kept for files to name it as sops does, and says nothing.
#[derive(Clone)]
pub(crate) struct SshRecipient {
    /// Without the comment.
    pub(crate) name: String,
    pub(crate) written: String,
    pub(crate) age: AgeRecipient,
}

impl SshRecipient {
    /// Parses `ssh-ed25519 AAAA… comment`.
    pub(crate) fn parse(text: &str) -> Result<Self, RecipientError> {
        let malformed = || RecipientError::Malformed { text: shown(text) };
        if text.len() > LARGEST || text.contains(|c: char| c.is_control() && c != '\t') {
            return Err(malformed());
        }
        let mut words = text.split_whitespace();
        let kind = words.next().unwrap_or_default();
        if !matches!(kind, "ssh-ed25519" | "ssh-rsa") {
            return Err(RecipientError::SshKind { text: shown(kind) });
        }
        let blob = words.next().and_then(|blob| STANDARD.decode(blob).ok());
        let blob = blob.ok_or_else(malformed)?;
        if wire::public_kind(&blob) != Some(kind) {
            return Err(malformed());
        }
        let name = recipient_name(text);
        let parsed = name.parse::<AgeRecipient>().map_err(|error| match error {
            ParseRecipientKeyError::RsaModulusTooLarge
            | ParseRecipientKeyError::RsaModulusTooSmall => RecipientError::RsaSize,
            _ => malformed(),
        })?;
        let low_order =
            matches!(&parsed, AgeRecipient::SshEd25519(_, point) if point.is_small_order());
        if low_order {
            return Err(RecipientError::LowOrder { text: shown(text) });
        }
        Ok(Self {
            name,
            written: text.to_owned(),
            age: parsed,
        })
    }
}

/// A private SSH key that can be used.
pub(crate) struct SshIdentity {
    pub(crate) age: AgeIdentity,
    pub(crate) recipient: Recipient,
}

impl fmt::Debug for SshIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A private SSH key that a passphrase protects. Its public half is not.
#[derive(Clone)]
pub(crate) struct LockedSsh {
    key: ssh::Identity,
    pub(crate) recipient: Recipient,
}

impl fmt::Debug for LockedSsh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedSsh({})", self.recipient)
    }
}

impl LockedSsh {
    /// Opens it; `None` if the passphrase is another.
    pub(crate) fn unlock(&self, passphrase: &SecretString) -> Option<SshIdentity> {
        let AgeIdentity::Encrypted(key) = &self.key else {
            return None;
        };
        let passphrase = secrecy::SecretString::from(passphrase.expose().to_owned());
        let opened = key.decrypt(passphrase).ok()?;
        Some(SshIdentity {
            age: opened.into(),
            recipient: self.recipient.clone(),
        })
    }
}

/// What the text of a private SSH key turned out to be.
pub(crate) enum SshKey {
    Open(SshIdentity),
    Locked(LockedSsh),
}

/// Whether a text is a private key in one of the forms that SSH keys come in.
pub(crate) fn is_private_key(text: &str) -> bool {
    let line = text.trim_start().lines().next().unwrap_or_default();
    line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----")
}

/// Reads a private key as ssh-keygen writes it.
pub(crate) fn parse_private(text: &str) -> Result<SshKey, SshKeyError> {
    let text = text.trim();
    if text.len() > LARGEST {
        return Err(SshKeyError::Damaged);
    }
    let text = Zeroizing::new(text.replace('\r', ""));
    let form = text.lines().next().unwrap_or_default();
    match form {
        "-----BEGIN OPENSSH PRIVATE KEY-----" => wire::check_private(&text)?,
        "-----BEGIN RSA PRIVATE KEY-----" => {}
        _ => return Err(SshKeyError::Form),
    }
    let key = AgeIdentity::from_buffer(text.as_bytes(), None).map_err(|_| SshKeyError::Damaged)?;
    if let AgeIdentity::Unsupported(unsupported) = &key {
        return Err(match unsupported {
            ssh::UnsupportedKey::EncryptedPem => SshKeyError::Form,
            ssh::UnsupportedKey::EncryptedSsh(_) => SshKeyError::Cipher,
            ssh::UnsupportedKey::Hardware(_) | ssh::UnsupportedKey::Type(_) => SshKeyError::Kind,
        });
    }
    let public = AgeRecipient::try_from(key.clone()).map_err(|error| match error {
        ParseRecipientKeyError::RsaModulusTooLarge | ParseRecipientKeyError::RsaModulusTooSmall => {
            SshKeyError::RsaSize
        }
        _ => SshKeyError::Damaged,
    })?;
    let recipient = public.to_string().parse().map_err(|error| match error {
        RecipientError::RsaSize => SshKeyError::RsaSize,
        _ => SshKeyError::Damaged,
    })?;
    Ok(match key {
        AgeIdentity::Encrypted(_) => SshKey::Locked(LockedSsh { key, recipient }),
        age => SshKey::Open(SshIdentity { age, recipient }),
    })
}

/// Why a private SSH key cannot be used. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// Cut off, changed, or not a key at all.
    #[error("this is no private SSH key, or it is damaged")]
    Damaged,
    /// An older or foreign form.
    #[error(
        "this form of private key is not supported; `ssh-keygen -p -f FILE` writes it anew in OpenSSH's own"
    )]
    Form,
    /// ecdsa, a hardware key, and others.
    #[error("only ssh-ed25519 and ssh-rsa keys can decrypt")]
    Kind,
    /// It is encrypted in a way that is not known.
    #[error("the key is encrypted with a cipher that is not supported")]
    Cipher,
    /// Its passphrase would take too long to check.
    #[error(
        "the key's passphrase takes more than {} rounds to check",
        wire::MOST_ROUNDS
    )]
    Rounds,
    /// RSA of a size that is not used.
    #[error("RSA keys need 2048 to 4096 bits")]
    RsaSize,
}
