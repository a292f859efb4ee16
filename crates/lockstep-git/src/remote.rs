//! Where to fetch from, as whom, and whom to believe: all that a connection may depend on.

use lockstep_names::GitUrl;
use lockstep_secret::SecretString;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::fmt;
use std::time::Duration;

/// A remote repository and everything a connection to it may depend on.
#[derive(Debug)]
pub struct Remote {
    /// The address.
    pub url: GitUrl,
    /// What proves who is asking; sent with every request to the host of `url` and to no other.
    pub credentials: Option<GitCredentials>,
    /// The certificate authorities to believe. With a bundle, only those in it; without, those of
    /// this machine's system.
    pub ca: Option<CaBundle>,
    /// How long one fetch may take, from the first look-up to the last byte.
    pub timeout: Duration,
}

/// What proves to a Git server who is asking.
#[derive(Debug)]
pub enum GitCredentials {
    /// A user name and a password or token (RFC 7617).
    Basic {
        /// The user name; it may be empty and must not contain a colon.
        user: SecretString,
        /// The password, or the token that stands in its place.
        password: SecretString,
    },
    /// A bearer token (RFC 6750).
    Bearer(SecretString),
}

/// Certificate authorities, at least one.
#[derive(Clone)]
pub struct CaBundle(Vec<CertificateDer<'static>>);

impl CaBundle {
    /// Reads the certificates of a PEM text; anything else in it is skipped.
    ///
    /// # Errors
    /// [`CaError`] when the text is not PEM, or there is no usable certificate in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CaError> {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| CaError::NotPem)?;
        if certificates.is_empty() {
            return Err(CaError::NoCertificate);
        }
        let mut roots = rustls::RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            roots
                .add(certificate.clone())
                .map_err(|_| CaError::Unusable { number: index + 1 })?;
        }
        Ok(Self(certificates))
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = CertificateDer<'static>> {
        self.0.iter().cloned()
    }
}

impl fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaBundle({} certificates)", self.0.len())
    }
}

/// A text is not a bundle of certificate authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// The text is not PEM.
    #[error("the CA bundle is not well-formed PEM")]
    NotPem,
    /// The text holds no certificate.
    #[error("the CA bundle holds no certificate")]
    NoCertificate,
    /// A certificate cannot be used as an authority.
    #[error("certificate {number} of the CA bundle cannot be used as an authority")]
    Unusable {
        /// Its place in the bundle, from 1.
        number: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        assert_eq!(CaBundle::from_pem(b"").unwrap_err(), CaError::NoCertificate);
        let broken = b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
        assert_eq!(CaBundle::from_pem(broken).unwrap_err(), CaError::NotPem);
        let empty = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(
            CaBundle::from_pem(empty).unwrap_err(),
            CaError::Unusable { number: 1 }
        );
    }

    #[test]
    fn debug_shows_no_credentials() {
        let remote = Remote {
            url: "https://git.example.com/x".parse().unwrap(),
            credentials: Some(GitCredentials::Basic {
                user: SecretString::new("alice".into()),
                password: SecretString::new("hunter2".into()),
            }),
            ca: None,
            timeout: Duration::from_secs(1),
        };
        let shown = format!("{remote:?}");
        assert!(
            !shown.contains("alice") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
