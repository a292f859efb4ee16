//! One file's text in, the other form of it out.

use crate::{LARGEST_FILE, Plan};
use lockstep_age::{Identities, Recipient, UnwrapError, WrapError, unwrap, wrap};
use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{EncryptError, OpenError, ParseError, Parsed, Value, ValueKind, parse};
use rand::TryRng;
use rand::rngs::SysRng;

/// An encrypted file.
#[derive(Debug)]
pub struct Sealed {
    /// Its text.
    pub text: String,
    /// Whether any value of it is encrypted: the policy may select none.
    pub coverage: Coverage,
}

/// How much of a file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing: it has metadata, and every value is in clear.
    Nothing,
    /// At least one value.
    Something,
}

/// Encrypts a file as `plan` says, and opens the result again before it is given out.
///
/// # Errors
/// [`SealError`].
pub fn encrypt(text: SecretString, plan: &Plan) -> Result<Sealed, SealError> {
    let Parsed::Clear(document) = parse(text)? else {
        return Err(SealError::AlreadyEncrypted);
    };
    let key = DataKey::generate(&mut fill);
    let wrapped = wrap(&key, &plan.recipients)?;
    let now = jiff::Timestamp::now();
    let sealed = document.encrypt(&plan.policy, &key, &wrapped, now, &mut fill)?;
    if sealed.len() as u64 > LARGEST_FILE {
        return Err(SealError::TooLarge);
    }
    let Parsed::Encrypted(read_back) = parse(SecretString::new(sealed.clone()))? else {
        return Err(SealError::NotEncrypted);
    };
    let opened = read_back.open(&key).map_err(SealError::ReadBack)?;
    let coverage = if opened.trees().iter().any(|tree| holds_opened(&tree.root)) {
        Coverage::Something
    } else {
        Coverage::Nothing
    };
    Ok(Sealed {
        text: sealed,
        coverage,
    })
}

fn holds_opened(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Opened(_) => true,
        ValueKind::Clear(_) => false,
        ValueKind::Mapping(entries) => entries.iter().any(|(_, value)| holds_opened(value)),
        ValueKind::Sequence(items) => items.iter().any(holds_opened),
    }
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
    /// Its text, without metadata.
    pub text: SecretString,
    /// Whose identity opened it.
    pub opened_by: Recipient,
}

/// Decrypts a file and verifies its MAC.
///
/// # Errors
/// [`UnsealError`].
pub fn decrypt(text: SecretString, identities: &Identities) -> Result<Decrypted, UnsealError> {
    let Parsed::Encrypted(document) = parse(text)? else {
        return Err(UnsealError::NotEncrypted);
    };
    let unwrapped = unwrap(document.metadata(), identities)?;
    let opened = document.open(&unwrapped.key)?;
    Ok(Decrypted {
        text: opened.plaintext(),
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
    /// The result is not what it should be.
    #[error("the encrypted file has no metadata; it was not written")]
    NotEncrypted,
    /// Nobody here would read the result.
    #[error("encrypted it would be larger than {} KiB, the most that is read", LARGEST_FILE >> 10)]
    TooLarge,
    /// The result does not open.
    #[error("the encrypted file does not open again; it was not written")]
    ReadBack(#[source] OpenError),
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
            Self::Wrap(_) | Self::NotEncrypted | Self::ReadBack(_) => None,
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
