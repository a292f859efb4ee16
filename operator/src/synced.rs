//! Whether everything that is watched has been listed once.
//!
//! Until then, a Sync would seem to have no Team, and a Team no key. kube's own
//! `Store::wait_until_ready` wakes only one of several waiters, so this counts for itself.

use futures::{Stream, StreamExt};
use kube::runtime::watcher;
use std::sync::Arc;
use tokio::sync::SetOnce;

/// One flag a watch; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Synced(Arc<[SetOnce<()>; 4]>);

/// The watches there are.
#[derive(Clone, Copy)]
pub(crate) enum Watch {
    /// Teams.
    Teams,
    /// Repositories.
    Repositories,
    /// Syncs.
    Syncs,
    /// Secrets in the operator's namespace, their metadata.
    KeySecrets,
}

impl Synced {
    /// Waits until every watch has been listed once.
    pub(crate) async fn wait(&self) {
        for flag in self.0.iter() {
            flag.wait().await;
        }
    }

    /// Raises the flag of `watch` when its first list has gone by. Put it behind the store's writer.
    pub(crate) fn note<T, S>(
        &self,
        watch: Watch,
        events: S,
    ) -> impl Stream<Item = Result<watcher::Event<T>, watcher::Error>> + use<T, S>
    where
        S: Stream<Item = Result<watcher::Event<T>, watcher::Error>>,
    {
        let flags = self.0.clone();
        events.inspect(move |event| {
            if matches!(event, Ok(watcher::Event::InitDone)) {
                // After the first time it is set already.
                let _ = flags[watch as usize].set(());
            }
        })
    }
}
