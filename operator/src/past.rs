//! Notices that the API server's store was put back to an earlier moment.
//!
//! Whoever watches then goes on from a version that the store has yet to reach again, and is told
//! nothing until it does; nothing in the protocol says so. Resource versions of one kind are numbers
//! that grow, so a list that is older than what was seen before gives it away. Then only starting anew
//! is safe: what is remembered is of a time that never was.
//!
//! # Limits
//! A store that has meanwhile grown past everything seen of Syncs is not noticed. Drift that nobody is
//! told of is then found when everything is next applied again.

use kube::api::{Api, ListParams};
use kube::runtime::watcher;
use kube::{Client, ResourceExt};
use lockstep_api::Sync;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long to wait before the API server is asked again, when it could not be.
const PAUSE: Duration = Duration::from_secs(5);

/// The store is older than it was.
#[derive(Debug, thiserror::Error)]
#[error(
    "the API server's store was put back to an earlier state (from version {seen} to {now}); starting anew"
)]
pub(crate) struct Rewound {
    seen: u64,
    now: u64,
}

/// What was seen of Syncs so far.
#[derive(Clone, Default)]
pub(crate) struct Past(Arc<Inner>);

#[derive(Default)]
struct Inner {
    highest: AtomicU64,
    /// Rung when the watch broke: a store is put back only while no API server runs.
    broken: Notify,
}

impl Past {
    /// Knows nothing yet. The future ends when the store was put back.
    pub(crate) fn new(client: Client) -> (Self, impl Future<Output = Rewound> + Send) {
        let this = Self::default();
        (this.clone(), this.rewound(Api::all(client)))
    }

    /// Takes note of what the watch of Syncs tells.
    pub(crate) fn note(&self, event: &Result<watcher::Event<Sync>, watcher::Error>) {
        match event {
            Ok(
                watcher::Event::Apply(sync)
                | watcher::Event::Delete(sync)
                | watcher::Event::InitApply(sync),
            ) => self.saw(number(sync.resource_version())),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(_) => self.0.broken.notify_one(),
        }
    }

    fn saw(&self, version: Option<u64>) {
        self.0
            .highest
            .fetch_max(version.unwrap_or_default(), Ordering::Relaxed);
    }

    async fn rewound(self, api: Api<Sync>) -> Rewound {
        loop {
            self.0.broken.notified().await;
            let now = loop {
                // Without a version: from the store itself, not from a cache.
                let list = api.list_metadata(&ListParams::default().limit(1)).await;
                match list {
                    Ok(list) => break number(list.metadata.resource_version),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
            let seen = self.0.highest.load(Ordering::Relaxed);
            if let Some(now) = now.filter(|now| *now < seen) {
                return Rewound { seen, now };
            }
            self.saw(now);
        }
    }
}

/// A resource version as a number; nothing where an API server has other ones.
fn number(version: Option<String>) -> Option<u64> {
    version?.parse().ok()
}
