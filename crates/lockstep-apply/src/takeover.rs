//! Taking over an object: what its previous managers own becomes ours.
//!
//! As long as somebody else owns a field too, it stays in the cluster when Git drops it. So their
//! entries in `managedFields` are joined with ours, and the next apply removes what Git does not have.
//! Nothing else of the object changes, except that kubectl's copy of it in an annotation goes.

use crate::error::ApiError;
use crate::exchange::{AS_METADATA, exchange};
use crate::fields::{Entry, Operation, step};
use crate::ignore::IgnoredField;
use crate::owner::Owner;
use crate::refusal::Refusal;
use crate::retry::persist;
use crate::seen::Seen;
use crate::session::Session;
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use lockstep_names::FieldManager;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::atomic::AtomicBool;

/// The copy of an object that `kubectl apply` leaves, a Secret's values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Programs that put manifests into clusters, by the names they write under.
const TOOLS: &[&str] = &[
    // What was written before managers were recorded.
    "before-first-apply",
    "kustomize-controller",
    "flux",
    "argocd-controller",
    "argocd-application-controller",
    "helm-controller",
    "helm",
];

/// Whose fields become ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Previous {
    /// Those of kubectl, Flux, Argo CD and Helm.
    Tools,
    /// Those of another Sync, which does not want the object any more.
    Sync(Owner),
}

impl Previous {
    /// Whether `seen` has an owner whose fields would become ours.
    #[must_use]
    pub fn is_in(&self, seen: &Seen) -> bool {
        let named = |entry: &Entry| {
            entry.subresource.is_empty() && self.is_manager(&entry.manager, entry.operation)
        };
        seen.entries.iter().any(named)
    }

    /// Whether fields of this manager may be taken even where their values differ.
    pub(crate) fn gives_up(&self, manager: &str) -> bool {
        match self {
            Self::Tools => false,
            Self::Sync(owner) => owner.manager().as_str() == manager,
        }
    }

    fn is_manager(&self, name: &str, operation: Operation) -> bool {
        match self {
            Self::Tools => name.starts_with("kubectl") || TOOLS.contains(&name),
            Self::Sync(owner) => owner.manager().as_str() == name && operation == Operation::Apply,
        }
    }
}

impl Session {
    /// Joins what `previous` owns of the object with what we own of it, but for `ignored` fields.
    /// Gives the names of the managers that owned it.
    pub(crate) async fn take_over(
        &self,
        path: &str,
        previous: &Previous,
        ignored: &[IgnoredField],
        stop: &AtomicBool,
    ) -> Result<Vec<String>, ApiError> {
        persist(stop, || self.take_over_once(path, previous, ignored)).await
    }

    /// Reads and writes once. A write in between is [`ApiError::Changed`]: read again.
    async fn take_over_once(
        &self,
        path: &str,
        previous: &Previous,
        ignored: &[IgnoredField],
    ) -> Result<Vec<String>, Refusal> {
        let request = Request::get(path)
            .header(ACCEPT, AS_METADATA)
            .body(Bytes::new());
        let answer = exchange(&self.client, request.map_err(|_| ApiError::BadName)?).await?;
        let live: Object =
            serde_json::from_slice(&answer.body).map_err(|_| ApiError::Unreadable {
                status: answer.status,
            })?;
        let manager = self.owner.manager();
        let Some(joined) = join(live.metadata.managed_fields, &manager, previous, ignored) else {
            return Ok(Vec::new());
        };
        let patch = json!({"metadata": {
            "resourceVersion": live.metadata.resource_version,
            "managedFields": joined.entries,
            "annotations": {LAST_APPLIED: null},
        }});
        let manager = manager.as_str().replace('/', "%2F");
        let request = Request::patch(format!("{path}?fieldManager={manager}"))
            .header(ACCEPT, AS_METADATA)
            .header(CONTENT_TYPE, "application/merge-patch+json")
            .body(Bytes::from(patch.to_string()))
            .map_err(|_| ApiError::BadName)?;
        exchange(&self.client, request).await?;
        Ok(joined.managers)
    }
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    managed_fields: Vec<Map<String, Value>>,
}

/// `managedFields` with what was theirs in our entry.
struct Joined {
    entries: Vec<Map<String, Value>>,
    managers: Vec<String>,
}

/// Nothing if there is nothing to join, or nothing to join it with.
fn join(
    entries: Vec<Map<String, Value>>,
    manager: &FieldManager,
    previous: &Previous,
    ignored: &[IgnoredField],
) -> Option<Joined> {
    let (ours, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| {
        text(entry, "manager") == manager.as_str()
            && operation(entry) == Operation::Apply
            && text(entry, "subresource").is_empty()
    });
    let mut ours = ours.into_iter().next()?;
    let version = text(&ours, "apiVersion").to_owned();
    let mut fields = taken_out(&mut ours);
    let (mut kept, mut managers) = (Vec::new(), Vec::new());
    for mut entry in others {
        let is_theirs = previous.is_manager(text(&entry, "manager"), operation(&entry))
            && text(&entry, "subresource").is_empty()
            // Fields of another version of the kind may have other names.
            && text(&entry, "apiVersion") == version;
        if is_theirs {
            managers.push(text(&entry, "manager").to_owned());
            let (taken, left) = split(taken_out(&mut entry), "", ignored);
            unite(&mut fields, taken);
            if left.is_empty() {
                continue;
            }
            entry.insert("fieldsV1".to_owned(), Value::Object(left));
        }
        kept.push(entry);
    }
    ours.insert("fieldsV1".to_owned(), Value::Object(fields));
    kept.push(ours);
    managers.sort_unstable();
    managers.dedup();
    (!managers.is_empty()).then_some(Joined {
        entries: kept,
        managers,
    })
}

fn text<'a>(entry: &'a Map<String, Value>, member: &str) -> &'a str {
    entry
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn operation(entry: &Map<String, Value>) -> Operation {
    match text(entry, "operation") {
        "Apply" => Operation::Apply,
        _ => Operation::Update,
    }
}

fn taken_out(entry: &mut Map<String, Value>) -> Map<String, Value> {
    match entry.remove("fieldsV1") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Parts a tree of fields in those that are taken and those that are ignored.
fn split(
    node: Map<String, Value>,
    path: &str,
    ignored: &[IgnoredField],
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut taken, mut left) = (Map::new(), Map::new());
    for (member, below) in node {
        let here = match step(&member) {
            Some(step) => format!("{path}{step}"),
            None => path.to_owned(),
        };
        let Value::Object(below) = below else {
            continue;
        };
        if below.is_empty() {
            let is_left = ignored.iter().any(|field| field.covers(&here));
            let side = if is_left { &mut left } else { &mut taken };
            side.insert(member, Value::Object(below));
            continue;
        }
        let (ours, theirs) = split(below, &here, ignored);
        for (side, part) in [(&mut taken, ours), (&mut left, theirs)] {
            if !part.is_empty() {
                side.insert(member.clone(), Value::Object(part));
            }
        }
    }
    (taken, left)
}

/// Adds `more` to a tree of fields. A node without members is a field; so is one with the member `.`.
fn unite(fields: &mut Map<String, Value>, more: Map<String, Value>) {
    for (member, theirs) in more {
        let Some(Value::Object(ours)) = fields.get_mut(&member) else {
            fields.insert(member, theirs);
            continue;
        };
        let Value::Object(theirs) = theirs else {
            continue;
        };
        let becomes_parent = ours.is_empty() != theirs.is_empty();
        unite(ours, theirs);
        if becomes_parent {
            ours.insert(".".to_owned(), json!({}));
        }
    }
}

#[cfg(test)]
mod tests;
