//! Plaintext bytes: file contents, request bodies, decrypted values.

use crate::{NotUtf8, SecretString};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes nobody but their reader may see.
///
/// ```compile_fail
/// let secret = lockstep_secret::SecretBytes::new(vec![1]);
/// let copy = secret.clone();
/// ```
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of `bytes`; they are wiped when the secret is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Shows the bytes to the caller, who must not keep a copy.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Compares in a time that depends on the lengths only.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Reads the bytes as UTF-8 without copying them.
    ///
    /// # Errors
    /// [`NotUtf8`], which says where the text breaks off and nothing of what it holds. The bytes
    /// are wiped.
    pub fn into_string(mut self) -> Result<SecretString, NotUtf8> {
        let bytes = std::mem::take(&mut *self.0);
        String::from_utf8(bytes)
            .map(SecretString::new)
            .map_err(|error| {
                let valid_up_to = error.utf8_error().valid_up_to();
                drop(Self::new(error.into_bytes()));
                NotUtf8 { valid_up_to }
            })
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(
            format!("{:?}", SecretBytes::new(b"hunter2".to_vec())),
            "[redacted]"
        );
    }

    #[test]
    fn equality_is_by_content() {
        let a = SecretBytes::new(b"same".to_vec());
        assert!(a.ct_eq(&SecretBytes::new(b"same".to_vec())));
        assert!(!a.ct_eq(&SecretBytes::new(b"sane".to_vec())));
        assert!(!a.ct_eq(&SecretBytes::new(b"longer".to_vec())));
    }

    #[test]
    fn broken_utf8_is_reported_by_position_only() {
        let error = SecretBytes::new(b"ok\xff".to_vec())
            .into_string()
            .unwrap_err();
        assert_eq!(error.to_string(), "the text is not UTF-8 after byte 2");
    }
}
