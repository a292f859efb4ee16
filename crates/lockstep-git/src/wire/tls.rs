//! Whom to believe on the other side: rustls with ring, and no process-wide settings.

use crate::{CaBundle, FetchError};
use rustls::{ClientConfig, RootCertStore};
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
