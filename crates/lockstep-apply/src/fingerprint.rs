//! What was applied, remembered without remembering it.

use lockstep_secret::SecretBytes;

/// The digest of one manifest under a key that only this process has: it tells whether a manifest is
/// the one applied before, and nothing else, to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(blake3::Hash);

/// Makes fingerprints. Two makers with different keys make unrelated ones.
pub struct Fingerprints(zeroize::Zeroizing<[u8; 32]>);

impl Fingerprints {
    /// Draws a key from `random`, which must fill the slice from a cryptographic source.
    #[must_use]
    pub fn new(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        random(key.as_mut_slice());
        Self(key)
    }

    /// The fingerprint of a manifest's body.
    #[must_use]
    pub fn of(&self, body: &SecretBytes) -> Fingerprint {
        Fingerprint(blake3::keyed_hash(&self.0, body.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_body_under_the_same_key_is_the_same() {
        let of = |key: u8, body: &str| {
            Fingerprints::new(&mut |bytes| bytes.fill(key)).of(&SecretBytes::new(body.into()))
        };
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
        assert_ne!(of(1, "a"), of(2, "a"));
    }
}
