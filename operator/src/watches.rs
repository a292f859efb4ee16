//! Drift: one metadata watch for each kind and namespace of a Sync, as the team's account.
//!
//! What a watch sees is compared with the ledger; if something of ours has moved, the Sync is woken
//! and puts it back. No Secret is read for it.

use crate::context::Context;
use crate::ledger::{Ledger, Sighting, Territory};
use crate::sync::memory::Memory;
use crate::sync::{Resolved, is_within};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::runtime::reflector::ObjectRef;
use lockstep_api::{DriftMode, Sync};
use lockstep_apply::{
    ApiError, ApiServer, Event, Owner, Resource, Seen, Watched, watch, watch_client,
};
use lockstep_names::{Account, ObjectKey};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// All running watches.
pub(crate) struct Watches {
    ledger: Arc<Ledger>,
    wake: UnboundedSender<ObjectRef<Sync>>,
    running: Mutex<HashMap<(Watched, Account), Running>>,
}

/// A watch that ends when it is dropped.
struct Running {
    task: JoinHandle<()>,
    failure: Failure,
}

/// Why a watch sees nothing now, if so.
type Failure = Arc<Mutex<Option<ApiError>>>;

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watches {
    /// Watches nothing yet; the receiver names Syncs that must look again.
    pub(crate) fn new(ledger: Arc<Ledger>) -> (Self, UnboundedReceiver<ObjectRef<Sync>>) {
        let (wake, woken) = unbounded();
        (
            Self {
                ledger,
                wake,
                running: Mutex::default(),
            },
            woken,
        )
    }

    /// Makes a Sync look again.
    pub(crate) fn wake(&self, owner: &Owner) {
        wake(&self.wake, owner);
    }

    /// Ends the watches of every Sync for which `keep` says no.
    pub(crate) fn retain(&self, keep: impl Fn(&Owner) -> bool) {
        self.running()
            .retain(|(watched, _), _| keep(&watched.owner));
    }

    /// Why drift of this Sync cannot be seen now, if so.
    pub(crate) fn blind(&self, owner: &Owner) -> Option<String> {
        let running = self.running();
        let mut own = running
            .iter()
            .filter(|((watched, _), _)| watched.owner == *owner);
        own.find_map(|((watched, account), watch)| {
            let failure = watch.failure.lock().unwrap_or_else(PoisonError::into_inner);
            let error = failure.as_ref()?;
            Some(format!(
                "{} cannot be watched as {account}: {error}",
                watched.resource.kind
            ))
        })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<(Watched, Account), Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches just `wanted` for `owner`.
    fn set(&self, server: &ApiServer, account: &Account, owner: &Owner, wanted: HashSet<Watched>) {
        let mut running = self.running();
        running.retain(|(watched, by), watch| {
            watched.owner != *owner
                || (by == account && wanted.contains(watched) && !watch.task.is_finished())
        });
        let missing: Vec<_> = wanted
            .into_iter()
            .filter(|watched| !running.contains_key(&(watched.clone(), account.clone())))
            .collect();
        if missing.is_empty() {
            return;
        }
        let client = match watch_client(server, account) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, sync = %owner, "drift cannot be watched");
                return;
            }
        };
        for watched in missing {
            let failure = Failure::default();
            let follower = Follower {
                watched: watched.clone(),
                ledger: self.ledger.clone(),
                waker: self.wake.clone(),
                failure: failure.clone(),
            };
            let task = tokio::spawn(follower.follow(client.clone()));
            running.insert((watched, account.clone()), Running { task, failure });
        }
    }
}

/// Watches what a Sync's inventory holds, and nothing more.
pub(crate) async fn follow(context: &Context, resolved: &Resolved, memory: &Memory) {
    let mut wanted = HashSet::new();
    if resolved.sync.spec.drift_detection.mode != DriftMode::Disabled {
        let own = |key: &&ObjectKey| is_within(key, &resolved.namespaces);
        for key in memory.inventory.keys().filter(own) {
            let Ok(resource) = context.kinds.resolve(key).await else {
                continue;
            };
            let namespace = key.namespace.as_deref().and_then(|name| name.parse().ok());
            wanted.insert(Watched {
                resource,
                namespace,
                owner: resolved.owner.clone(),
            });
        }
    }
    context
        .watches
        .set(&context.server, &resolved.account, &resolved.owner, wanted);
}

/// One watch, from its events to the ledger.
struct Follower {
    watched: Watched,
    ledger: Arc<Ledger>,
    waker: UnboundedSender<ObjectRef<Sync>>,
    failure: Failure,
}

impl Follower {
    async fn follow(self, client: kube::Client) {
        let mut events = Box::pin(watch(client, self.watched.clone()));
        while let Some(event) = events.next().await {
            let error = match &event {
                Event::Failed(error) => Some(error.clone()),
                Event::Applied(_) | Event::Deleted(_) | Event::Relisted(_) | Event::Resumed => None,
            };
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = error;
            if self.has_moved(event) {
                wake(&self.waker, &self.watched.owner);
            }
        }
    }

    /// Takes note of an event; has something of ours moved?
    fn has_moved(&self, event: Event) -> bool {
        let Watched {
            resource,
            namespace,
            owner,
        } = &self.watched;
        match event {
            Event::Applied(seen) => {
                let key = key(resource, &seen);
                self.ledger
                    .observe(owner, &key, Sighting::There(Box::new(seen)))
                    .is_some()
            }
            Event::Deleted(seen) => {
                let key = key(resource, &seen);
                self.ledger
                    .observe(owner, &key, Sighting::Gone { uid: seen.uid })
                    .is_some()
            }
            Event::Relisted(all) => {
                let seen = all
                    .into_iter()
                    .map(|seen| (key(resource, &seen), seen))
                    .collect();
                let territory = Territory {
                    group: resource.group.clone(),
                    kind: resource.kind.clone(),
                    namespace: namespace.as_ref().map(ToString::to_string),
                };
                self.ledger.observe_all(owner, &territory, seen)
            }
            Event::Resumed => false,
            Event::Failed(error) => {
                tracing::warn!(sync = %owner, kind = resource.kind, %error, "drift cannot be watched for now");
                false
            }
        }
    }
}

fn wake(waker: &UnboundedSender<ObjectRef<Sync>>, owner: &Owner) {
    let sync = ObjectRef::new(owner.sync.as_str()).within(owner.namespace.as_str());
    // The receiver is gone only when the process stops.
    let _ = waker.unbounded_send(sync);
}

fn key(resource: &Resource, seen: &Seen) -> ObjectKey {
    ObjectKey {
        group: resource.group.clone(),
        version: resource.version.clone(),
        kind: resource.kind.clone(),
        namespace: seen.namespace.clone(),
        name: seen.name.clone(),
    }
}
