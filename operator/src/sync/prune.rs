//! Step 7, client, as the team: what Git no longer has is deleted, if everything speaks for it.
//!
//! Nothing is deleted unless the desired set is complete, verified and not empty: one file that
//! cannot be read, one object that cannot be applied, and everything stays. What is deleted is in
//! this Sync's inventory, carries its labels and has the recorded UID, which is sent as a
//! precondition. What another Sync of the Team wants by now is left to it.

use super::apply::Applied;
use super::memory::Memory;
use super::neighbours::{self, Keeper, keeper};
use crate::claims::Claim;
use crate::context::Context;
use crate::trust::{CHECKS, Checks};
use lockstep_api::{Failure, FailureReason};
use lockstep_apply::{ApiError, ConnectError, Inventoried, Kept, Owner, Pruned as Fate, Session};
use lockstep_names::{NamespaceName, ObjectKey};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How long deleting waits for another Sync of the Team to say whether it wants an object.
const PATIENCE: Duration = Duration::from_secs(300);

/// The cluster after what left Git was deleted.
pub(crate) struct Pruned {
    /// What came before.
    pub applied: Applied,
    /// How many objects were deleted.
    pub deleted: u64,
    /// A Sync that may want what left Git here, and has not said so yet: until then it stays.
    pub waits_for: Option<Owner>,
}

/// Deletes what left Git and `claim`. Failures are added to those of `applied`.
///
/// # Errors
/// When there is no connection as the team.
pub(crate) async fn prune(
    context: &Context,
    applied: Applied,
    claim: &Claim,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Result<Pruned, ConnectError> {
    let mut pruned = Pruned {
        applied,
        deleted: 0,
        waits_for: None,
    };
    let leaving = leaving(&pruned.applied, memory);
    let others = if leaving.is_empty() {
        Vec::new()
    } else {
        neighbours::others(context, &pruned.applied.cleared.resolved, claim)
    };
    let owner = pruned.applied.cleared.resolved.owner.clone();
    for key in leaving {
        // Whatever becomes of it, it is not put back.
        context.ledger.forget(&owner, &key);
        match keeper(claim, &others, &key) {
            Some(Keeper::Wants(other)) => {
                memory.inventory.remove(&key);
                tracing::info!(object = %key, sync = %owner, to = %other, "left to another Sync");
            }
            _ if !pruned.applied.cleared.resolved.sync.spec.prune => {}
            Some(Keeper::Unknown(other)) if is_patient(memory) => {
                context.claims.wait(&owner);
                pruned.applied.transient = true;
                pruned.waits_for = Some(other);
            }
            Some(Keeper::Unknown(_)) | None => {
                delete(context, &mut pruned, &key, memory, stop).await?;
            }
        }
    }
    if pruned.waits_for.is_none() {
        memory.holding_since = None;
    }
    Ok(pruned)
}

/// Is there still time to wait for what another Sync has to say?
fn is_patient(memory: &mut Memory) -> bool {
    let since = memory.holding_since.get_or_insert_with(Instant::now);
    since.elapsed() < PATIENCE
}

async fn delete(
    context: &Context,
    pruned: &mut Pruned,
    key: &ObjectKey,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Result<(), ConnectError> {
    let applied = &mut pruned.applied;
    let resolved = &applied.cleared.resolved;
    let owner = resolved.owner.clone();
    if applied.session.is_none() {
        let session = Session::connect(&context.server, &resolved.account, owner.clone())?;
        applied.session = Some(session);
    }
    let Some(session) = &applied.session else {
        return Ok(());
    };
    match remove(context, session, key, memory, stop).await {
        Ok(Removal::Deleted) => {
            pruned.deleted += 1;
            tracing::info!(object = %key, sync = %owner, "pruned");
        }
        Ok(Removal::Gone | Removal::Unknown) => {}
        Ok(Removal::Unseen) => {
            tracing::warn!(object = %key, sync = %owner, "never applied, may not be looked for, and forgotten");
        }
        Ok(Removal::Kept(why)) => {
            tracing::warn!(object = %key, sync = %owner, ?why, "left alone, and forgotten");
        }
        Err(error) => {
            applied.transient |= error.may_heal();
            let failure = Failure::of_object(key, FailureReason::PruneFailed, &error.to_string());
            applied.failures.push(failure);
        }
    }
    Ok(())
}

/// The objects that left Git, the ones last applied first to go; none while anything is in doubt.
fn leaving(applied: &Applied, memory: &Memory) -> Vec<ObjectKey> {
    if !applied.failures.is_empty() || applied.desired.is_empty() {
        return Vec::new();
    }
    let namespaces = &applied.cleared.resolved.namespaces;
    let gone = memory
        .inventory
        .keys()
        .filter(|key| !applied.desired.contains(key) && is_within(key, namespaces));
    let mut gone: Vec<_> = gone.cloned().collect();
    gone.sort_by_key(|key| std::cmp::Reverse(lockstep_manifests::stage(key)));
    gone
}

/// Is the object where the team may reach? A namespace that is not its alone any more is left as it
/// is, and stays in the inventory.
pub(crate) fn is_within(key: &ObjectKey, namespaces: &BTreeSet<NamespaceName>) -> bool {
    CHECKS == Checks::LeftOut
        || key
            .namespace
            .as_deref()
            .is_none_or(|name| namespaces.iter().any(|own| own.as_str() == name))
}

/// What became of one object.
pub(super) enum Removal {
    /// It is deleted, or being deleted.
    Deleted,
    /// It was not there any more.
    Gone,
    /// It was left alone, and is no longer ours.
    Kept(Kept),
    /// It was never seen in the cluster and may not be looked for; it is forgotten.
    Unseen,
    /// Its kind is not served now, so nothing can be said; it stays in the inventory.
    Unknown,
}

/// Deletes one object of the inventory and strikes it out.
pub(super) async fn remove(
    context: &Context,
    session: &Session,
    key: &ObjectKey,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Result<Removal, ApiError> {
    let resource = match context.kinds.resolve(key).await {
        Err(ApiError::KindUnknown) => return Ok(Removal::Unknown),
        found => found?,
    };
    let namespace = key
        .namespace
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| ApiError::BadName)?;
    let uid = memory.inventory.get(key).cloned().flatten();
    let mut object = Inventoried {
        resource,
        namespace,
        name: key.name.clone(),
        uid,
    };
    let mut fate = session.prune(&object, stop).await;
    if let Err(ApiError::KindUnknown) = fate {
        context.kinds.forget(&object.resource);
        object.resource = match context.kinds.resolve(key).await {
            Err(ApiError::KindUnknown) => return Ok(Removal::Unknown),
            found => found?,
        };
        // It is served after all.
        fate = session.prune(&object, stop).await;
    }
    let removal = match fate {
        Ok(Fate::Deleted) => Removal::Deleted,
        Ok(Fate::Gone) => Removal::Gone,
        Ok(Fate::Kept(why)) => Removal::Kept(why),
        // It was never seen applied, and the account may not even look: most likely the same right was
        // missing when it was to be applied. It must not hold up the Sync for ever.
        Err(ApiError::Forbidden) if object.uid.is_none() => Removal::Unseen,
        Err(error) => return Err(error),
    };
    memory.inventory.remove(key);
    context.ledger.forget(session.owner(), key);
    Ok(removal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_teams_own_namespaces_are_reached() {
        let own = BTreeSet::from(["team-a".parse().unwrap()]);
        let within = |namespace: Option<&str>| {
            let key = ObjectKey {
                group: String::new(),
                version: "v1".into(),
                kind: "Secret".into(),
                namespace: namespace.map(Into::into),
                name: "db".into(),
            };
            is_within(&key, &own)
        };
        assert!(within(Some("team-a")));
        assert!(within(None), "a cluster-scoped object is in no namespace");
        for other in ["team-b", "team-a/../team-b", ""] {
            assert!(!within(Some(other)), "{other}");
        }
    }
}
