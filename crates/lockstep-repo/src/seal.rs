//! One file's text in, the other form of it out.

use crate::{LARGEST_FILE, Plan};
use lockstep_age::{Identities, Recipient, UnwrapError, WrapError, unwrap, wrap, wrap_split};
use lockstep_secret::{DataKey, SecretBytes};
use lockstep_sops::{
    AgeEntry, EncryptError, Format, KeyGroups, Metadata, OpenError, ParseError, Parsed, Wrapped,
    parse_as,
};
use rand::TryRng;
use rand::rngs::SysRng;

/// An encrypted file.
#[derive(Debug)]
pub struct Sealed {
    /// Its text.
    pub text: String,
    /// Whether any value of it is encrypted: the policy may select none.
    pub coverage: Coverage,
    /// The line of a copy of the whole object that kubectl left, if it is in clear.
    pub copy_in_clear: Option<usize>,
}

/// How much of a file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing: it has metadata, and every value is in clear.
    Nothing,
    /// At least one value.
    Something,
}

/// Encrypts a file as `plan` says. The result was opened again before it is given out.
///
/// # Errors
/// [`SealError`].
pub fn encrypt(content: SecretBytes, format: Format, plan: &Plan) -> Result<Sealed, SealError> {
    let Parsed::Clear(document) = parse_as(content, format)? else {
        return Err(SealError::AlreadyEncrypted);
    };
    let key = DataKey::generate(&mut fill);
    let wrapped = WrappedKey::of(&key, plan)?;
    let now = jiff::Timestamp::now();
    let coverage = if document
        .has_values_for(&plan.policy.selector)
        .map_err(EncryptError::Tree)?
    {
        Coverage::Something
    } else {
        Coverage::Nothing
    };
    let document = document.sealed_for(plan.standing.team.as_deref());
    let text = document.encrypt(&plan.policy, &key, &wrapped, now, &mut fill)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(SealError::TooLarge);
    }
    Ok(Sealed {
        copy_in_clear: copy_in_clear(&text),
        text,
        coverage,
    })
}

/// A data key, wrapped as a plan says.
pub(crate) enum WrappedKey {
    Whole(Vec<AgeEntry>),
    Split(KeyGroups),
}

impl WrappedKey {
    pub(crate) fn of(key: &DataKey, plan: &Plan) -> Result<Self, WrapError> {
        match &plan.split {
            None => wrap(key, &plan.recipients).map(Self::Whole),
            Some(split) => {
                wrap_split(key, &split.groups, split.threshold, &mut fill).map(Self::Split)
            }
        }
    }
}

impl WrappedKey {
    /// Whether these are a file's keys.
    pub(crate) fn is_in(&self, metadata: &Metadata) -> bool {
        match self {
            Self::Whole(entries) => metadata.key_groups() == 1 && metadata.age() == entries,
            Self::Split(split) => {
                metadata.threshold() == split.threshold && metadata.groups().eq(&split.groups)
            }
        }
    }
}

impl<'a> From<&'a WrappedKey> for Wrapped<'a> {
    fn from(wrapped: &'a WrappedKey) -> Self {
        match wrapped {
            WrappedKey::Whole(entries) => entries.into(),
            WrappedKey::Split(groups) => groups.into(),
        }
    }
}

/// The line of the annotation in which `kubectl apply` keeps a copy of the object, unless it is
/// encrypted, too: whoever saves a Secret with `kubectl get -o yaml` gets it along.
fn copy_in_clear(text: &str) -> Option<usize> {
    const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let (at, _) = text.match_indices(ANNOTATION).find(|(at, name)| {
        let value = text[at + name.len()..].trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | ':' | '|' | '>' | '-' | '+')
        });
        !value.is_empty() && !value.starts_with("ENC[AES256_GCM,")
    })?;
    Some(text[..at].lines().count().max(1))
}

/// Fills `bytes` from the operating system.
pub(crate) fn fill(bytes: &mut [u8]) {
    SysRng.try_fill_bytes(bytes).expect(
        "this holds because the operating system has randomness; without it nothing may be encrypted",
    );
}

/// A decrypted file.
#[derive(Debug)]
pub struct Decrypted {
    /// Its content, without metadata.
    pub content: SecretBytes,
    /// Whose identity opened it.
    pub opened_by: Recipient,
}

/// Decrypts a file and verifies its MAC.
///
/// # Errors
/// [`UnsealError`].
pub fn decrypt(
    content: SecretBytes,
    format: Format,
    identities: &Identities,
) -> Result<Decrypted, UnsealError> {
    let Parsed::Encrypted(document) = parse_as(content, format)? else {
        return Err(UnsealError::NotEncrypted);
    };
    let unwrapped = unwrap(document.metadata(), identities)?;
    let opened = document.open(&unwrapped.key)?;
    Ok(Decrypted {
        content: opened.content(),
        opened_by: unwrapped.opened_by,
    })
}

/// Why a file was not encrypted. The file itself is the caller's to name.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It is.
    #[error("it is already encrypted")]
    AlreadyEncrypted,
    /// It is no document that SOPS knows.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A value of it cannot be encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// The data key cannot be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// Nobody here would read the result.
    #[error("encrypted it would be larger than {} KiB, the most that is read", LARGEST_FILE >> 10)]
    TooLarge,
}

/// Why a file was not decrypted. The file itself is the caller's to name.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// It has no metadata.
    #[error("it is not encrypted: there is no sops metadata in it")]
    NotEncrypted,
    /// It is no document that SOPS knows.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The data key is not to be had.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// A value or the MAC is wrong.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl SealError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AlreadyEncrypted => {
                Some("to change it, decrypt it, edit it, and encrypt it again".to_owned())
            }
            Self::Parse(source) => source.hint(),
            Self::Encrypt(source) => source.hint(),
            Self::TooLarge => Some("split it into several files".to_owned()),
            Self::Wrap(_) => None,
        }
    }
}

impl UnsealError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotEncrypted => None,
            Self::Parse(source) => source.hint(),
            Self::Unwrap(source) => source.hint(),
            Self::Open(source) => source.hint(),
        }
    }
}
