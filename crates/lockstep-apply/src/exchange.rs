//! One request and its whole answer.
//!
//! The kube client's own request functions write answers into the log when they cannot decode them,
//! so only its transport is used, and nothing of an answer is ever logged here.

use crate::error::ApiError;
use crate::refusal::{self, Refusal};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response};
use kube::client::Body;
use std::time::Duration;

/// How long one request may take, answer included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(35);

/// Asks for metadata of one object instead of the object.
pub(crate) const AS_METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Asks for metadata of many objects instead of the objects.
pub(crate) const AS_METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A successful answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Sends `request` and reads the answer to its end.
pub(crate) async fn exchange(
    client: &kube::Client,
    request: Request<Bytes>,
) -> Result<Answer, Refusal> {
    let whole = async {
        let response = open(client, request).await?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect_bytes()
            .await
            .map_err(|_| ApiError::Unreachable)?;
        Ok(Answer { status, body })
    };
    tokio::time::timeout(PATIENCE, whole)
        .await
        .unwrap_or_else(|_| Err(ApiError::Timeout.into()))
}

/// Sends `request` and gives the answer's body to be read piece by piece, if it is a success.
pub(crate) async fn open(
    client: &kube::Client,
    request: Request<Bytes>,
) -> Result<Response<Body>, Refusal> {
    let response = client
        .send(request.map(Body::from))
        .await
        .map_err(|error| {
            tracing::debug!(%error, "a request to the API server failed");
            ApiError::Unreachable
        })?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body
        .collect_bytes()
        .await
        .map_err(|_| ApiError::Unreachable)?;
    Err(refusal::read(
        parts.status.as_u16(),
        &body,
        retry_after(&parts.headers),
    ))
}

/// The header in its number form; the date form is not used by API servers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}
