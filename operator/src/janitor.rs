//! Forgets what belongs to Syncs, Repositories and Teams that are gone.
//!
//! A controller is not told of an object that simply vanished, so this looks now and then.

use crate::context::Context;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use lockstep_apply::Owner;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(30);

/// Tidies until the task is dropped.
pub(crate) async fn tidy(context: Arc<Context>) {
    // Before that, everything seems to be gone.
    context.synced.wait().await;
    loop {
        tokio::time::sleep(EVERY).await;
        let is_there = |owner: &Owner| {
            let sync = ObjectRef::new(owner.sync.as_str()).within(owner.namespace.as_str());
            context.syncs.get(&sync).is_some()
        };
        context.watches.retain(is_there);
        context.ledger.retain(is_there);
        for waiting in context.claims.retain(is_there) {
            context.watches.wake(&waiting);
        }
        let syncs: HashSet<_> = context
            .syncs
            .state()
            .iter()
            .filter_map(|sync| sync.uid())
            .collect();
        context.memories.retain(|uid| syncs.contains(uid));
        let teams = context.teams.state();
        let keys = teams.iter().flat_map(|team| &team.spec.keys);
        let keys: HashSet<_> = keys.map(|key| key.secret_ref.name.as_str()).collect();
        context.keys.retain(|secret| keys.contains(secret));
        let repositories: HashSet<_> = context
            .repositories
            .state()
            .iter()
            .filter_map(|one| one.uid())
            .collect();
        context.schedule.retain(|uid| repositories.contains(uid));
        let is_known = |uid: &str| syncs.contains(uid) || repositories.contains(uid);
        context.guard.retain(is_known);
        let tidied = context.clone();
        let swept = tokio::task::spawn_blocking(move || {
            tidied.stores.retain(|uid| repositories.contains(uid))
        });
        if swept.await.is_err() {
            tracing::warn!("tidying the Git stores was cut short");
        }
    }
}
