//! Acting as a team's account, for as long as there is something to write.

use crate::connections::{Connections, client_as};
use crate::error::ApiError;
use crate::exchange::{AS_METADATA, exchange};
use crate::kinds::Resource;
use crate::owner::Owner;
use crate::refusal::Refusal;
use crate::seen::Seen;
use crate::server::ApiServer;
use bytes::Bytes;
use http::Request;
use http::header::ACCEPT;
use lockstep_names::Account;

/// One piece of work as a team's account: applies and prunes for one Sync.
///
/// Every request impersonates the account, so the API server decides what the team may do. A session
/// has connections of its own; end it with [`close`](Self::close), which waits until they are closed
/// and their buffers freed. Dropping it closes them as well, only without waiting.
pub struct Session {
    pub(crate) client: kube::Client,
    pub(crate) owner: Owner,
    connections: Connections,
}

impl Session {
    /// Prepares a session; nothing is sent yet.
    ///
    /// # Errors
    /// The configuration holds no usable credentials or certificates.
    pub fn connect(
        server: &ApiServer,
        account: &Account,
        owner: Owner,
    ) -> Result<Self, ConnectError> {
        let connections = Connections::default();
        let client = client_as(server, account, connections.clone())?;
        Ok(Self {
            client,
            owner,
            connections,
        })
    }

    /// The Sync the work is for.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Ends the session and waits, at most a few seconds, until its connections are closed.
    pub async fn close(self) {
        let Self {
            client,
            connections,
            ..
        } = self;
        drop(client);
        connections.closed().await;
    }
}

/// A client for watching as `account`: it carries metadata only, so it may live long.
///
/// # Errors
/// The configuration holds no usable credentials or certificates.
pub fn watch_client(server: &ApiServer, account: &Account) -> Result<kube::Client, ConnectError> {
    client_as(server, account, Connections::default())
}

/// Looks up the account and gives its UID. `client` is the operator's own.
///
/// The API server lets an account be impersonated that does not exist, so this comes first.
///
/// # Errors
/// [`ApiError::NotFound`] if there is no such account; [`ApiError::Forbidden`] if the operator may not
/// look; others if the API server cannot be asked.
pub async fn verify_account(client: &kube::Client, account: &Account) -> Result<String, ApiError> {
    let resource = Resource::service_accounts();
    let path = resource.object_path(Some(&account.namespace), account.name.as_str())?;
    get(client, &path)
        .await
        .map(|seen| seen.uid)
        .map_err(|refusal| refusal.error)
}

/// Reads one object's metadata.
pub(crate) async fn get(client: &kube::Client, path: &str) -> Result<Seen, Refusal> {
    let request = Request::get(path)
        .header(ACCEPT, AS_METADATA)
        .body(Bytes::new());
    let answer = exchange(client, request.map_err(|_| ApiError::BadName)?).await?;
    Ok(
        Seen::from_answer(&answer.body).map_err(|_| ApiError::Unreadable {
            status: answer.status,
        })?,
    )
}

/// The client configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the cluster's client configuration cannot be used")]
pub struct ConnectError(#[source] Box<kube::Error>);

impl From<ConnectError> for kube::Error {
    fn from(error: ConnectError) -> Self {
        *error.0
    }
}

impl ConnectError {
    pub(crate) fn of(error: kube::Error) -> Self {
        Self(Box::new(error))
    }
}

#[cfg(test)]
mod tests;
