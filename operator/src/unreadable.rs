//! Stored objects that cannot be read: written under other definitions, or by somebody who went round
//! them. Each is left out and told of, and the others go on.
//!
//! An object that cannot be read is as good as not there, and from something that is not there nothing
//! is ever deleted. What is wrong with it is not said, for the parser's words may quote it.

use crate::events::{Events, Weight, api_cause};
use crate::metrics::Metrics;
use crate::sync::FINALIZER;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::{DeserializeGuard, ObjectMeta};
use kube::runtime::watcher::{Error, Event};
use kube::{Client, Resource};
use lockstep_api::{ConditionStatus, ConditionType, Repository, Statement, Sync, SyncReason, Team};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What the status says.
const MESSAGE: &str = "the stored object does not match the definitions of this version; apply it again as they want it";

/// A kind with a specification that says as little as it may, to stand for one that cannot be read.
pub(crate) trait Least: Resource<DynamicType = ()> + DeserializeOwned {
    /// The kind's name.
    const KIND: &'static str;

    /// The specification.
    fn least() -> Value;

    /// The object with this metadata as it is deleted: nobody looks at more than its name.
    fn gone(metadata: &ObjectMeta) -> Option<Self> {
        let object = json!({
            "apiVersion": Self::api_version(&()), "kind": Self::kind(&()),
            "metadata": metadata, "spec": Self::least(),
        });
        serde_json::from_value(object).ok()
    }
}

impl Least for Team {
    const KIND: &'static str = "Team";

    fn least() -> Value {
        json!({"namespaces": ["none"], "serviceAccountName": "none", "repositories": []})
    }
}

impl Least for Repository {
    const KIND: &'static str = "Repository";

    fn least() -> Value {
        json!({"url": "https://none.invalid/"})
    }
}

impl Least for Sync {
    const KIND: &'static str = "Sync";

    fn least() -> Value {
        json!({"sourceRef": {"kind": "Repository", "name": "none"}})
    }
}

/// An object that cannot be read.
pub(crate) struct Unreadable {
    resource: ApiResource,
    metadata: ObjectMeta,
}

/// What of one kind cannot be read.
pub(crate) struct Unread {
    tell: UnboundedSender<Unreadable>,
    metrics: Metrics,
    /// By UID, with the generation that was told of and whether it was being deleted.
    known: HashMap<String, (Option<i64>, bool)>,
}

impl Unread {
    /// Tells `tell` of each object once, and `metrics` how many there are.
    pub(crate) fn new(tell: UnboundedSender<Unreadable>, metrics: Metrics) -> Self {
        Self {
            tell,
            metrics,
            known: HashMap::new(),
        }
    }

    /// The events of a watch as if nothing in it were unreadable.
    pub(crate) fn sort_out<K: Least + Send + 'static>(
        mut self,
        events: impl Stream<Item = Result<Event<DeserializeGuard<K>>, Error>> + Send,
    ) -> impl Stream<Item = Result<Event<K>, Error>> + Send {
        events.filter_map(move |event| {
            let readable = match event {
                Ok(event) => self.readable(event).map(Ok),
                Err(error) => Some(Err(error)),
            };
            std::future::ready(readable)
        })
    }

    fn readable<K: Least>(&mut self, event: Event<DeserializeGuard<K>>) -> Option<Event<K>> {
        let seen = match event {
            Event::Init => {
                self.known.clear();
                Some(Event::Init)
            }
            Event::InitDone => Some(Event::InitDone),
            Event::InitApply(DeserializeGuard(Ok(object))) => Some(Event::InitApply(object)),
            Event::InitApply(DeserializeGuard(Err(invalid))) => {
                self.note::<K>(invalid.metadata);
                None
            }
            Event::Apply(DeserializeGuard(Ok(object))) => {
                self.forget(object.meta());
                Some(Event::Apply(object))
            }
            Event::Apply(DeserializeGuard(Err(invalid))) => {
                let gone = K::gone(&invalid.metadata);
                self.note::<K>(invalid.metadata);
                gone.map(Event::Delete)
            }
            Event::Delete(DeserializeGuard(Ok(object))) => {
                self.forget(object.meta());
                Some(Event::Delete(object))
            }
            Event::Delete(DeserializeGuard(Err(invalid))) => {
                self.forget(&invalid.metadata);
                K::gone(&invalid.metadata).map(Event::Delete)
            }
        };
        self.metrics.unreadable(K::KIND, self.known.len());
        seen
    }

    fn forget(&mut self, metadata: &ObjectMeta) {
        self.known
            .remove(metadata.uid.as_deref().unwrap_or_default());
    }

    fn note<K: Least>(&mut self, metadata: ObjectMeta) {
        let state = (metadata.generation, metadata.deletion_timestamp.is_some());
        let uid = metadata.uid.clone().unwrap_or_default();
        if self.known.insert(uid, state) == Some(state) {
            return;
        }
        let resource = ApiResource::erase::<K>(&());
        // The receiver is gone only when the process stops.
        let _ = self.tell.unbounded_send(Unreadable { resource, metadata });
    }
}

/// Tells of each: log, event, and the status where the API server lets it be written.
pub(crate) async fn tell(client: Client, mut unread: UnboundedReceiver<Unreadable>) {
    let events = Events::new(client.clone());
    while let Some(Unreadable { resource, metadata }) = unread.next().await {
        let name = metadata.name.clone().unwrap_or_default();
        tracing::error!(
            kind = resource.kind,
            name,
            namespace = metadata.namespace,
            "{MESSAGE}"
        );
        let about = ObjectReference {
            api_version: Some(resource.api_version.clone()),
            kind: Some(resource.kind.clone()),
            name: metadata.name.clone(),
            namespace: metadata.namespace.clone(),
            uid: metadata.uid.clone(),
            ..ObjectReference::default()
        };
        let reason = SyncReason::InvalidSpec.as_str();
        events
            .send(&about, Weight::Warning, "Read", reason, MESSAGE)
            .await;
        let api: Api<DynamicObject> = match &metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        // A merge, for the inventory in the status has to stay.
        let status = json!({
            "metadata": {"uid": metadata.uid},
            "status": {"conditions": conditions(&metadata)},
        });
        let how = PatchParams::default();
        if let Err(error) = api.patch_status(&name, &how, &Patch::Merge(status)).await {
            let cause = api_cause(&error);
            tracing::warn!(
                kind = resource.kind,
                name,
                cause,
                "its status could not be written"
            );
        }
        if let Some(released) = released(&metadata)
            && let Err(error) = api.patch(&name, &how, &Patch::Merge(released)).await
        {
            let cause = api_cause(&error);
            tracing::warn!(
                kind = resource.kind,
                name,
                cause,
                "its finalizer could not be removed"
            );
        }
    }
}

fn conditions(metadata: &ObjectMeta) -> Value {
    let mut conditions = Vec::new();
    let ready = Statement::new(
        ConditionType::Ready,
        ConditionStatus::False,
        SyncReason::InvalidSpec,
        MESSAGE,
    );
    let now = Timestamp::now();
    lockstep_api::set(&mut conditions, &ready, metadata.generation, now);
    json!(conditions)
}

/// What lets an object that is being deleted go. Whether its objects should be deleted, too, is not
/// known, so they stay.
fn released(metadata: &ObjectMeta) -> Option<Value> {
    metadata.deletion_timestamp.as_ref()?;
    let finalizers = metadata.finalizers.as_ref()?;
    let others: Vec<_> = finalizers
        .iter()
        .filter(|name| *name != FINALIZER)
        .collect();
    (others.len() < finalizers.len()).then(|| {
        json!({"metadata": {
            "uid": metadata.uid, "resourceVersion": metadata.resource_version, "finalizers": others,
        }})
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::mpsc::unbounded;
    use futures::stream;

    fn stored(name: &str, spec: &Value) -> DeserializeGuard<Sync> {
        serde_json::from_value(json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
            "metadata": {"name": name, "namespace": "team-a", "uid": name, "generation": 1},
            "spec": spec,
        }))
        .unwrap()
    }

    fn good(name: &str) -> DeserializeGuard<Sync> {
        stored(name, &Sync::least())
    }

    fn bad(name: &str) -> DeserializeGuard<Sync> {
        stored(name, &json!({"sourceRef": 7, "interval": "hunter2"}))
    }

    #[test]
    fn every_kind_has_a_least_specification() {
        let metadata = ObjectMeta::default();
        assert!(Team::gone(&metadata).is_some());
        assert!(Repository::gone(&metadata).is_some());
        assert!(Sync::gone(&metadata).is_some());
    }

    #[tokio::test]
    async fn one_unreadable_object_hides_no_other() {
        let (tell, told) = unbounded();
        let (metrics, registry) = Metrics::new();
        let events = [
            Event::Init,
            Event::InitApply(good("a")),
            Event::InitApply(bad("b")),
            Event::InitApply(good("c")),
            Event::InitDone,
            // Told of once; and who becomes unreadable is out of the store.
            Event::Apply(bad("b")),
            Event::Apply(bad("c")),
        ];
        let unread = Unread::new(tell, metrics);
        let seen: Vec<_> = unread
            .sort_out(stream::iter(events.map(Ok)))
            .map(|event| match event.unwrap() {
                Event::Init => "init".to_owned(),
                Event::InitApply(sync) => format!("+{}", sync.metadata.name.unwrap()),
                Event::InitDone => "done".to_owned(),
                Event::Apply(sync) => format!("={}", sync.metadata.name.unwrap()),
                Event::Delete(sync) => format!("-{}", sync.metadata.name.unwrap()),
            })
            .collect()
            .await;
        assert_eq!(seen, ["init", "+a", "+c", "done", "-b", "-c"]);
        let told: Vec<_> = told.map(|one| one.metadata.name.unwrap()).collect().await;
        assert_eq!(told, ["b", "c"]);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(
            text.contains("lockstep_unreadable_objects{kind=\"Sync\"} 2"),
            "{text}"
        );
    }

    #[test]
    fn who_is_being_deleted_is_let_go() {
        let mut metadata = ObjectMeta {
            finalizers: Some(vec![FINALIZER.to_owned(), "example.com/other".to_owned()]),
            ..ObjectMeta::default()
        };
        assert_eq!(released(&metadata), None);
        metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        let patch = released(&metadata).unwrap();
        assert_eq!(
            patch["metadata"]["finalizers"],
            json!(["example.com/other"])
        );
    }
}
