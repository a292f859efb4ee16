//! The key of one SOPS document.

use std::fmt;
use zeroize::Zeroizing;

/// A 256-bit data key: it encrypts every value of one document and is itself wrapped for each
/// recipient.
pub struct DataKey(Box<Zeroizing<[u8; 32]>>);

impl DataKey {
    /// Takes the key from where it was unwrapped; `bytes` is boxed, so that moving the key leaves no
    /// copy on the stack.
    #[must_use]
    pub fn from_bytes(bytes: Box<Zeroizing<[u8; 32]>>) -> Self {
        Self(bytes)
    }

    /// Makes a new key from `random`, which must fill the slice from a cryptographic source.
    #[must_use]
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        random(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Shows the key to a cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_come_from_the_source_and_stay_hidden() {
        let key = DataKey::generate(&mut |bytes| bytes.fill(7));
        assert_eq!(key.expose(), &[7; 32]);
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
