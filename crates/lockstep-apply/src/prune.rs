//! Deleting what is no longer wanted, and nothing else.
//!
//! Only what the caller's inventory names is looked at, and it is deleted only if it is the very
//! object, still carries the Sync's labels and does not ask to be kept. What was checked is sent along
//! as a precondition, so nothing can slip in between.

use crate::drift::is_applied_by;
use crate::error::ApiError;
use crate::exchange::{AS_METADATA, exchange};
use crate::kinds::Resource;
use crate::refusal::Refusal;
use crate::retry::persist;
use crate::seen::Seen;
use crate::session::Session;
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use lockstep_names::NamespaceName;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The annotation that keeps an object from being pruned, with the value `Disabled`.
pub const PRUNE_ANNOTATION: &str = "lockstep.dev/prune";

/// An object of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventoried {
    /// Its kind, as served.
    pub resource: Arc<Resource>,
    /// Its namespace, if its kind has one.
    pub namespace: Option<NamespaceName>,
    /// Its name.
    pub name: String,
    /// The UID it had when it was applied; nothing if it was about to be applied and the answer never
    /// came. Then the object must also say that our field manager applied it.
    pub uid: Option<String>,
}

/// What became of an object that is no longer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// It was deleted, or its deletion has begun.
    Deleted,
    /// It was gone already.
    Gone,
    /// It was left alone.
    Kept(Kept),
}

/// Why an object was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// By this name there is another object now.
    AnotherObject,
    /// Its labels do not name this Sync: somebody took them off, or it belongs to another Sync.
    NotLabelled,
    /// It carries `lockstep.dev/prune: Disabled`.
    Asked,
}

impl Session {
    /// Deletes an object if it is the one in the inventory and still this Sync's.
    ///
    /// # Errors
    /// Whatever keeps the API server from telling or deleting; nothing was deleted then, except
    /// perhaps after [`ApiError::Timeout`] and [`ApiError::Unreachable`].
    pub async fn prune(&self, object: &Inventoried, stop: &AtomicBool) -> Result<Pruned, ApiError> {
        let path = object
            .resource
            .object_path(object.namespace.as_ref(), &object.name)?;
        match persist(stop, || self.prune_once(&path, object.uid.as_deref())).await {
            Err(ApiError::NotFound) => Ok(Pruned::Gone),
            result => result,
        }
    }

    /// Looks and deletes once. A precondition that fails is [`ApiError::Changed`]: look again.
    async fn prune_once(&self, path: &str, uid: Option<&str>) -> Result<Pruned, Refusal> {
        let (live, annotations) = self.look_closely(path).await?;
        let is_the_one = match uid {
            Some(uid) => live.uid == uid,
            None => is_applied_by(&live, &self.owner.manager()),
        };
        if !is_the_one {
            return Ok(Pruned::Kept(Kept::AnotherObject));
        }
        if !self.owner.is_named_in(&live.labels) {
            return Ok(Pruned::Kept(Kept::NotLabelled));
        }
        if annotations.prune.as_deref() == Some("Disabled") {
            return Ok(Pruned::Kept(Kept::Asked));
        }
        if live.deletion_timestamp.is_none() {
            self.delete(path, &live).await?;
        }
        Ok(Pruned::Deleted)
    }

    async fn look_closely(&self, path: &str) -> Result<(Seen, Annotations), Refusal> {
        let request = Request::get(path)
            .header(ACCEPT, AS_METADATA)
            .body(Bytes::new());
        let answer = exchange(&self.client, request.map_err(|_| ApiError::BadName)?).await?;
        let unreadable = ApiError::Unreadable {
            status: answer.status,
        };
        let live = Seen::from_answer(&answer.body).map_err(|_| unreadable.clone())?;
        let annotated: Annotated = serde_json::from_slice(&answer.body).map_err(|_| unreadable)?;
        Ok((live, annotated.metadata.annotations))
    }

    async fn delete(&self, path: &str, live: &Seen) -> Result<(), Refusal> {
        let options = serde_json::json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": {"uid": live.uid, "resourceVersion": live.resource_version},
        });
        // The answer to a delete can be the object itself; ask for its metadata here too.
        let request = Request::delete(path)
            .header(ACCEPT, AS_METADATA)
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(options.to_string()))
            .map_err(|_| ApiError::BadName)?;
        let answer = exchange(&self.client, request).await?;
        // Something in between may answer for the API server, and then nothing was deleted.
        serde_json::from_slice::<OfKind>(&answer.body)
            .map(drop)
            .map_err(|_| {
                Refusal::from(ApiError::Unreadable {
                    status: answer.status,
                })
            })
    }
}

/// Any object of the API server's: the one that is being deleted, or a `Status`.
#[derive(Deserialize)]
struct OfKind {
    #[serde(rename = "kind")]
    _kind: String,
}

#[derive(Deserialize)]
struct Annotated {
    metadata: AnnotatedMetadata,
}

#[derive(Deserialize)]
struct AnnotatedMetadata {
    #[serde(default)]
    annotations: Annotations,
}

/// The one annotation that is read; the others are passed over.
#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "lockstep.dev/prune")]
    prune: Option<String>,
}
