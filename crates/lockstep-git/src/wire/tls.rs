//! Whom to believe on the other side: rustls with ring, and no process-wide settings.

use crate::{CaBundle, FetchError};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::sync::Arc;

/// Prepares TLS 1.2 and 1.3 with the authorities of `ca`, or with those of the system.
pub(super) fn client_config(
    ca: Option<&CaBundle>,
    authority: &str,
) -> Result<ClientConfig, FetchError> {
    let refused = |why: String| FetchError::Tls {
        authority: authority.to_owned(),
        why,
    };
    let mut roots = RootCertStore::empty();
    match ca {
        Some(bundle) => roots.add_parsable_certificates(bundle.certificates()),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    if roots.is_empty() {
        return Err(refused(
            "this machine has no certificate authorities".to_owned(),
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Says in words what the TLS library found.
pub(super) fn explain(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is not from an authority that is believed here".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        other => other.to_string(),
    }
}
