//! Private halves: what opens a wrapped data key.

use crate::Recipient;
use age::secrecy::ExposeSecret;
use lockstep_secret::SecretString;
use std::fmt;

/// An X25519 identity, `AGE-SECRET-KEY-1…`.
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// Makes a new identity from the operating system's random source (the age library takes no
    /// other).
    #[must_use]
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Parses one identity; blanks around it are trimmed.
    ///
    /// # Errors
    /// [`IdentityError`], which never repeats the text.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.trim();
        if text.starts_with("age1") || text.starts_with("ssh-") {
            return Err(IdentityError::PublicKey);
        }
        if text.starts_with("AGE-SECRET-KEY-PQ-") {
            return Err(IdentityError::PostQuantum);
        }
        if text.starts_with("AGE-PLUGIN-") {
            return Err(IdentityError::Plugin);
        }
        if text.starts_with("-----BEGIN") && text.contains("PRIVATE KEY") {
            return Err(IdentityError::Ssh);
        }
        if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE") {
            return Err(IdentityError::Encrypted);
        }
        // The specification wants upper case; the library would take lower case as well.
        if !text.starts_with("AGE-SECRET-KEY-1") {
            return Err(IdentityError::NotAnIdentity);
        }
        text.parse()
            .map(Self)
            .map_err(|_: &str| IdentityError::Malformed)
    }

    /// Gives the public half.
    #[must_use]
    pub fn to_public(&self) -> Recipient {
        Recipient::of(&self.0)
    }

    /// Gives the text that goes into an identity file.
    #[must_use]
    pub fn to_secret_text(&self) -> SecretString {
        SecretString::new(self.0.to_string().expose_secret().to_owned())
    }

    /// Gives an identity file as age-keygen writes it. `created` is the time, for people.
    #[must_use]
    pub fn to_file_text(&self, created: &str) -> SecretString {
        SecretString::new(format!(
            "# created: {created}\n# public key: {}\n{}\n",
            self.to_public(),
            self.to_secret_text().expose()
        ))
    }

    pub(crate) fn as_age(&self) -> &age::x25519::Identity {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a text is no identity this program can use. The text itself is never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A public key where a private one belongs.
    #[error("this is a public key; a private one (AGE-SECRET-KEY-1…) belongs here")]
    PublicKey,
    /// A post-quantum identity.
    #[error("post-quantum identities are not supported yet")]
    PostQuantum,
    /// An identity of an age plugin; no plugin is ever run.
    #[error("identities of age plugins are not supported")]
    Plugin,
    /// An SSH private key that cannot be used here: RSA, behind a passphrase, or of another kind.
    #[error("only ssh-ed25519 keys without a passphrase are taken here")]
    Ssh,
    /// An identity file that is itself encrypted.
    #[error("the identity file is encrypted, and nobody can be asked for its passphrase here")]
    Encrypted,
    /// It starts like an identity and is none.
    #[error("the private key is damaged: a character is missing, added or mistyped")]
    Malformed,
    /// Something else.
    #[error("this is not an age identity (AGE-SECRET-KEY-1…)")]
    NotAnIdentity,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test key, from the age library's own tests.
    const TEST_KEY: &str =
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

    #[test]
    fn text_and_public_half_are_those_of_age() {
        let identity = Identity::parse(TEST_KEY).unwrap();
        assert_eq!(identity.to_secret_text().expose(), TEST_KEY);
        assert_eq!(
            identity.to_public().to_string(),
            "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"
        );
    }

    #[test]
    fn generated_identities_differ_and_stay_hidden() {
        let identity = Identity::generate();
        assert_ne!(identity.to_public(), Identity::generate().to_public());
        assert_eq!(format!("{identity:?}"), "[redacted]");
    }

    #[test]
    fn what_is_no_identity_is_named() {
        let error = |text: &str| Identity::parse(text).unwrap_err();
        assert_eq!(error("age1abc"), IdentityError::PublicKey);
        assert_eq!(error("AGE-SECRET-KEY-PQ-1ABC"), IdentityError::PostQuantum);
        assert_eq!(error("AGE-PLUGIN-../X-1ABC"), IdentityError::Plugin);
        assert_eq!(
            error("-----BEGIN OPENSSH PRIVATE KEY-----"),
            IdentityError::Ssh
        );
        assert_eq!(error("age-encryption.org/v1"), IdentityError::Encrypted);
        assert_eq!(
            error(&TEST_KEY.replace("GQ97", "GQ98")),
            IdentityError::Malformed
        );
        assert_eq!(
            error(&TEST_KEY.to_lowercase()),
            IdentityError::NotAnIdentity
        );
    }
}
