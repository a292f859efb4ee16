//! A certificate authority made for one run.

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// An authority whose key lives as long as the value.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What is wrong with a server's certificate, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Nothing.
    Valid,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// It names another server.
    OtherName,
}

/// A server's certificate and key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key, PKCS#8.
    pub key: String,
}

impl Authority {
    /// Makes a new authority.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().context("generating the authority's key")?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("signing the authority")?;
        Ok(Self { issuer })
    }

    /// The certificate that clients must trust, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate for a server on loopback.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn server(&self) -> Result<Issued> {
        self.server_as(Presented::Valid)
    }

    /// Issues a certificate for a server on loopback, or one that is wrong.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn server_as(&self, presented: Presented) -> Result<Issued> {
        let names = match presented {
            Presented::OtherName => vec!["elsewhere.example.com".to_owned()],
            _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let mut params = CertificateParams::new(names).context("naming the server")?;
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        match presented {
            Presented::Expired => params.not_after = rcgen::date_time_ymd(2001, 1, 1),
            Presented::NotYetValid => params.not_before = rcgen::date_time_ymd(2999, 1, 1),
            Presented::Valid | Presented::OtherName => {}
        }
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().context("generating the server's key")?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("signing the server")?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// A key pair that signs tokens, both halves PEM.
pub(crate) struct SigningKey {
    /// PKCS#8.
    pub(crate) private: String,
    /// What signatures are checked with.
    pub(crate) public: String,
}

impl SigningKey {
    /// Generates a new pair.
    pub(crate) fn generate() -> Result<Self> {
        let pair = KeyPair::generate().context("generating a signing key")?;
        Ok(Self {
            private: pair.serialize_pem(),
            public: pair.public_key_pem(),
        })
    }
}
