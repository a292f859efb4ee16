//! Plaintext text: the source of a decrypted file, an identity, a password.

use crate::SecretBytes;
use std::fmt;
use zeroize::Zeroizing;

/// Text nobody but its reader may see.
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes ownership of `text`; it is wiped when the secret is dropped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Shows the text to the caller, who must not keep a copy.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Gives the same memory as bytes, without a copy.
    #[must_use]
    pub fn into_bytes(mut self) -> SecretBytes {
        SecretBytes::new(std::mem::take(&mut *self.0).into_bytes())
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Bytes that were to be text are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8 {
    /// How many leading bytes are valid.
    pub valid_up_to: usize,
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text is not UTF-8 after byte {}", self.valid_up_to)
    }
}

impl std::error::Error for NotUtf8 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(
            format!("{:?}", SecretString::new("hunter2".into())),
            "[redacted]"
        );
    }

    #[test]
    fn text_survives_the_way_through_bytes() {
        let text = SecretString::new("grüße".into())
            .into_bytes()
            .into_string()
            .unwrap();
        assert_eq!(text.expose(), "grüße");
    }
}
