//! Watching a Sync's objects of one kind: metadata only, for as long as anybody listens.
//!
//! List, then watch from there; when the watch ends, watch on from the last resource version, so that
//! nothing is missed; when that is too old, list again and say so. Failures are reported and tried
//! again, further and further apart.
//!
//! Limit: annotations still come over the wire. They are skipped while reading and the memory is
//! freed, but the connection's own read buffer lives as long as the watch.

use crate::error::ApiError;
use crate::exchange::{AS_METADATA, AS_METADATA_LIST, exchange, open};
use crate::kinds::Resource;
use crate::owner::Owner;
use crate::refusal::{self, Refusal};
use crate::retry::{jitter, pause};
use crate::seen::Seen;
use bytes::Bytes;
use futures::{Stream, stream};
use http::Request;
use http::header::ACCEPT;
use kube::client::Body;
use lines::Lines;
use lockstep_names::NamespaceName;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

mod lines;
#[cfg(test)]
mod tests;

/// Objects per page of a list.
const PAGE: u32 = 500;

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watched {
    /// The kind, as served.
    pub resource: Arc<Resource>,
    /// The namespace, if the kind has one.
    pub namespace: Option<NamespaceName>,
    /// Whose objects.
    pub owner: Owner,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All objects there are, after a start or a gap. What is not among them is gone.
    Relisted(Vec<Seen>),
    /// An object was made or written.
    Applied(Seen),
    /// An object was deleted, or lost the labels it is watched by.
    Deleted(Seen),
    /// Nothing can be seen for now; the watch goes on trying.
    Failed(ApiError),
    /// After a failure, the watch goes on from where it was: nothing was missed.
    Resumed,
}

/// Watches until the stream is dropped. `client` acts as the team's account.
pub fn watch(client: kube::Client, watched: Watched) -> impl Stream<Item = Event> + Send + use<> {
    let watch = Watch {
        client,
        watched,
        version: None,
        lines: None,
        failures: 0,
        has_failed: false,
    };
    stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await;
        Some((event, watch))
    })
}

struct Watch {
    client: kube::Client,
    watched: Watched,
    /// From where to watch on; nothing means that a list comes first.
    version: Option<String>,
    /// The open watch.
    lines: Option<Lines>,
    /// How many times in a row nothing came of it.
    failures: u32,
    /// Whether a failure was told of and nothing since.
    has_failed: bool,
}

impl Watch {
    async fn next(&mut self) -> Event {
        loop {
            if self.failures > 0 && self.lines.is_none() {
                tokio::time::sleep(pause(self.failures, None)).await;
            }
            match self.step().await {
                Ok(Some(event)) => {
                    self.has_failed = false;
                    return event;
                }
                Ok(None) => {}
                Err(refusal) => {
                    self.lines = None;
                    self.failures = self.failures.saturating_add(1);
                    match refusal.error {
                        ApiError::Expired => self.version = None,
                        // A broken watch is normal; only when it cannot be had again is it news.
                        error if self.failures > 1 || !error.is_transient() => {
                            self.has_failed = true;
                            return Event::Failed(error);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Event>, Refusal> {
        let Some(version) = self.version.clone() else {
            let (objects, version) = self.list().await?;
            self.version = Some(version);
            self.failures = 0;
            return Ok(Some(Event::Relisted(objects)));
        };
        let Some(lines) = &mut self.lines else {
            let body = self.open(&version).await?;
            self.lines = Some(Lines::of(body));
            return Ok(self.has_failed.then_some(Event::Resumed));
        };
        match lines.next().await? {
            Some(line) => self.read(&line),
            None => {
                // Ended by the server, as it does every few minutes. One that ends without a word
                // each time must not be asked in a circle.
                self.lines = None;
                self.failures = self.failures.saturating_add(1);
                Ok(None)
            }
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<Event>, Refusal> {
        let Ok(event) = serde_json::from_slice::<WireEvent<'_>>(line) else {
            return Err(ApiError::Unreadable { status: 200 }.into());
        };
        let object = event.object.get().as_bytes();
        if event.kind == "ERROR" {
            let code = serde_json::from_slice::<Code>(object).map_or(500, |status| status.code);
            return Err(refusal::read(code, object, None));
        }
        let Ok(WireObject { metadata: seen }) = serde_json::from_slice(object) else {
            // Skipped: one object nobody can read must not end the watch over the others.
            tracing::warn!(
                kind = self.watched.resource.kind,
                "unreadable object in a watch"
            );
            return Ok(None);
        };
        self.version = Some(seen.resource_version.clone());
        self.failures = 0;
        Ok(match event.kind {
            "ADDED" | "MODIFIED" => Some(Event::Applied(seen)),
            "DELETED" => Some(Event::Deleted(seen)),
            _ => None,
        })
    }

    async fn list(&mut self) -> Result<(Vec<Seen>, String), Refusal> {
        let mut objects = Vec::new();
        let mut page = String::new();
        loop {
            let request = self.request(AS_METADATA_LIST, &format!("limit={PAGE}{page}"))?;
            let answer = exchange(&self.client, request).await?;
            let list: WireList =
                serde_json::from_slice(&answer.body).map_err(|_| ApiError::Unreadable {
                    status: answer.status,
                })?;
            objects.extend(list.items.into_iter().map(|item| item.metadata));
            if list.metadata.next.is_empty() {
                return Ok((objects, list.metadata.resource_version));
            }
            page = format!("&continue={}", query(&list.metadata.next));
        }
    }

    async fn open(&mut self, version: &str) -> Result<Body, Refusal> {
        let seconds = 240.0 + 60.0 * jitter();
        let request = self.request(
            AS_METADATA,
            &format!(
                "watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds:.0}&resourceVersion={}",
                query(version)
            ),
        )?;
        let opened = tokio::time::timeout(Duration::from_secs(30), open(&self.client, request));
        Ok(opened.await.map_err(|_| ApiError::Timeout)??.into_body())
    }

    fn request(&self, accept: &str, parameters: &str) -> Result<Request<Bytes>, ApiError> {
        let Watched {
            resource,
            namespace,
            owner,
        } = &self.watched;
        let path = resource.collection_path(namespace.as_ref());
        let selector = query(&owner.selector());
        Request::get(format!("{path}?labelSelector={selector}&{parameters}"))
            .header(ACCEPT, accept)
            .body(Bytes::new())
            .map_err(|_| ApiError::BadName)
    }
}

/// Escapes a query value: everything but letters, digits and `-._~`.
pub(crate) fn query(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[derive(Deserialize)]
struct WireEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Code {
    code: u16,
}

#[derive(Deserialize)]
struct WireList {
    metadata: WireListMetadata,
    #[serde(default)]
    items: Vec<WireObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireListMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct WireObject {
    metadata: Seen,
}
