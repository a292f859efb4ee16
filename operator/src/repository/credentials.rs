//! Step 2, client, as the team: the Secret with the credentials, from the Repository's own namespace.
//!
//! It is read as the team's account, so a team can use what it may read and nothing else, and over a
//! connection of its own that is closed afterwards.

use crate::context::Context;
use crate::events::api_cause;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::Api;
use lockstep_api::{Repository, RepositoryReason};
use lockstep_apply::{ApiError, ConnectError, verify_account, watch_client};
use lockstep_git::{CaBundle, CaError, GitCredentials};
use lockstep_names::Account;
use lockstep_secret::{NotUtf8, SecretBytes, SecretString};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a Secret says about a connection.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Who asks.
    pub credentials: Option<GitCredentials>,
    /// Whom to believe.
    pub ca: Option<CaBundle>,
}

/// How long the API server may take to give them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialsError {
    /// The account that would read them.
    #[error("the team's service account {account} cannot be used: {cause}")]
    Account {
        /// Which account, as `NAMESPACE/NAME`.
        account: String,
        /// What the API server said of it.
        cause: ApiError,
    },
    /// No connection as the team.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The Secret is not there.
    #[error("there is no Secret {0} in this namespace")]
    Missing(String),
    /// The API server does not give the Secret.
    #[error("Secret {secret} could not be read as {account}: {cause}")]
    Refused {
        /// The Secret.
        secret: String,
        /// The account.
        account: String,
        /// The API server's reason code.
        cause: String,
    },
    /// The Secret does not hold what is needed.
    #[error("Secret {secret}: {why}")]
    Entry {
        /// The Secret.
        secret: String,
        /// What is wrong; nothing of its content.
        why: String,
    },
}

impl CredentialsError {
    /// The reason the status gives.
    pub(super) fn reason(&self) -> RepositoryReason {
        match self {
            Self::Connect(_) => RepositoryReason::Unreachable,
            Self::Account { .. } | Self::Missing(_) | Self::Refused { .. } | Self::Entry { .. } => {
                RepositoryReason::CredentialsMissing
            }
        }
    }
}

/// Reads the credentials of a Repository; none where it names no Secret.
///
/// # Errors
/// [`CredentialsError`].
pub(super) async fn read(
    context: &Context,
    repository: &Repository,
    account: &Account,
) -> Result<Found, CredentialsError> {
    let Some(reference) = &repository.spec.secret_ref else {
        return Ok(Found::default());
    };
    verify_account(&context.client, account)
        .await
        .map_err(|cause| CredentialsError::Account {
            account: account.to_string(),
            cause,
        })?;
    let client = watch_client(&context.server, account)?;
    let api = Api::<Secret>::namespaced(client, &repository.namespace().unwrap_or_default());
    let refused = |cause: String| CredentialsError::Refused {
        secret: reference.name.clone(),
        account: account.to_string(),
        cause,
    };
    let secret = tokio::time::timeout(PATIENCE, api.get_opt(&reference.name))
        .await
        .map_err(|_| refused("the API server did not answer in time".to_owned()))?
        .map_err(|error| refused(api_cause(&error)))?;
    let secret = secret.ok_or_else(|| CredentialsError::Missing(reference.name.clone()))?;
    let data = secret.data.unwrap_or_default();
    let entries = data
        .into_iter()
        .map(|(name, value)| (name, SecretBytes::new(value.0)))
        .collect();
    parse(entries).map_err(|why| CredentialsError::Entry {
        secret: reference.name.clone(),
        why,
    })
}

/// Reads the entries: `username` and `password`, or `bearerToken`; and `ca.crt`.
fn parse(mut entries: BTreeMap<String, SecretBytes>) -> Result<Found, String> {
    let ca = entries
        .remove("ca.crt")
        .map(|pem| CaBundle::from_pem(pem.expose()))
        .transpose();
    let ca = ca.map_err(|error: CaError| format!("entry ca.crt: {error}"))?;
    let mut text = |name: &str| {
        let entry = entries
            .remove(name)
            .map(SecretBytes::into_string)
            .transpose();
        entry.map_err(|error: NotUtf8| format!("entry {name}: {error}"))
    };
    let (user, password, token) = (text("username")?, text("password")?, text("bearerToken")?);
    let credentials = match (user, password, token) {
        (None, None, None) if ca.is_some() => None,
        (None, None, None) => {
            return Err("it has neither password, bearerToken nor ca.crt".to_owned());
        }
        (None, None, Some(token)) => Some(GitCredentials::Bearer(token)),
        (user, Some(password), None) => {
            let user = user.unwrap_or_else(|| SecretString::new(String::new()));
            Some(GitCredentials::Basic { user, password })
        }
        (Some(_), None, None) => return Err("it has username but no password".to_owned()),
        (_, _, Some(_)) => {
            return Err("it has both bearerToken and username or password".to_owned());
        }
    };
    Ok(Found { credentials, ca })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(entries: &[(&str, &str)]) -> Result<Found, String> {
        parse(
            entries
                .iter()
                .map(|(name, value)| ((*name).into(), SecretBytes::new((*value).into())))
                .collect(),
        )
    }

    #[test]
    fn a_secret_holds_a_password_or_a_token() {
        let basic = found(&[("username", "alice"), ("password", "p")]).unwrap();
        assert!(matches!(
            basic.credentials,
            Some(GitCredentials::Basic { .. })
        ));
        let bearer = found(&[("bearerToken", "t")]).unwrap();
        assert!(matches!(
            bearer.credentials,
            Some(GitCredentials::Bearer(_))
        ));
    }

    #[test]
    fn what_is_unclear_is_refused_without_its_content() {
        let bad: [&[(&str, &str)]; 4] = [
            &[],
            &[("username", "canary")],
            &[
                ("username", "canary"),
                ("password", "canary"),
                ("bearerToken", "canary"),
            ],
            &[("ca.crt", "canary")],
        ];
        for entries in bad {
            let why = found(entries).unwrap_err();
            assert!(!why.contains("canary"), "{why}");
        }
    }
}
