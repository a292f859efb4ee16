//! When a Sync is deleted: its objects stay, unless its deletion policy says that they go, too.
//!
//! Only a Sync with the policy `Prune` has a finalizer, and neither Git nor a key is needed to get rid
//! of it. If the team's account cannot act any more, the objects stay and the Sync goes: a Sync that
//! cannot be deleted would hold up its namespace.

use super::memory::Memory;
use super::prune::{is_within, remove};
use super::resolve::{ResolveError, namespaces_of, owner_of};
use crate::context::Context;
use crate::events::{Weight, api_cause};
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use lockstep_api::{DeletionPolicy, Sync, team_of};
use lockstep_apply::{ApiError, Owner, Session, verify_account};
use lockstep_names::{Account, NamespaceName};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Keeps a deleted Sync until its objects are deleted.
pub(crate) const FINALIZER: &str = "lockstep.dev/prune";

/// Gives a Sync the finalizer its deletion policy needs, or takes it away.
///
/// # Errors
/// When the API server refuses.
pub(super) async fn prepare(context: &Context, sync: &Sync) -> Result<(), ResolveError> {
    let wanted = sync.spec.deletion_policy == DeletionPolicy::Prune;
    if wanted == has_finalizer(sync) {
        return Ok(());
    }
    set_finalizer(context, sync, wanted)
        .await
        .map_err(ResolveError::Finalizer)
}

/// Ends a Sync that is being deleted.
pub(super) async fn cleanup(context: &Context, sync: &Sync) -> Action {
    if !has_finalizer(sync) {
        return Action::await_change();
    }
    let uid = sync.uid().unwrap_or_default();
    let memory = context.memories.of(&uid);
    let mut memory = memory.lock().await;
    memory.recall(sync.status.as_ref());
    if sync.spec.deletion_policy == DeletionPolicy::Prune
        && let Err(cause) = delete_objects(context, sync, &mut memory).await
    {
        if cause.is_transient() {
            tracing::warn!(sync = %sync.name_any(), %cause, "deleting the objects of a deleted Sync is tried again");
            return Action::requeue(Duration::from_secs(5));
        }
        let note = format!("the objects stay, because they cannot be deleted: {cause}");
        context
            .events
            .send(
                &sync.object_ref(&()),
                Weight::Warning,
                "Delete",
                "Orphaned",
                &note,
            )
            .await;
    }
    match set_finalizer(context, sync, false).await {
        Ok(()) => Action::await_change(),
        Err(cause) => {
            tracing::warn!(sync = %sync.name_any(), cause, "removing the finalizer is tried again");
            Action::requeue(Duration::from_secs(5))
        }
    }
}

async fn delete_objects(
    context: &Context,
    sync: &Sync,
    memory: &mut Memory,
) -> Result<(), ApiError> {
    let Some((owner, account, namespaces)) = account_of(context, sync) else {
        return Err(ApiError::Forbidden);
    };
    verify_account(&context.client, &account).await?;
    let session =
        Session::connect(&context.server, &account, owner).map_err(|_| ApiError::Unreachable)?;
    let stop = AtomicBool::new(false);
    let keys = memory.inventory.keys();
    let keys: Vec<_> = keys
        .filter(|key| is_within(key, &namespaces))
        .cloned()
        .collect();
    let mut refused = Ok(());
    for key in keys.iter().rev() {
        if let Err(error) = remove(context, &session, key, memory, &stop).await {
            // One that may pass decides: giving up is for when nothing more can come of it.
            if refused
                .as_ref()
                .err()
                .is_none_or(|known: &ApiError| !known.is_transient())
            {
                refused = Err(error);
            }
        }
    }
    session.close().await;
    refused
}

fn account_of(context: &Context, sync: &Sync) -> Option<(Owner, Account, BTreeSet<NamespaceName>)> {
    let owner = owner_of(sync).ok()?;
    let teams = context.teams.state();
    let team = team_of(teams.iter().map(AsRef::as_ref), &owner.namespace).ok()?;
    let namespaces = namespaces_of(team, &teams, &context.namespace);
    if !namespaces.contains(&owner.namespace) {
        return None;
    }
    let account = Account {
        namespace: owner.namespace.clone(),
        name: team.spec.account().ok()?,
    };
    Some((owner, account, namespaces))
}

fn has_finalizer(sync: &Sync) -> bool {
    sync.finalizers().iter().any(|name| name == FINALIZER)
}

/// Adds or removes the finalizer, provided the Sync is still the one that was read.
async fn set_finalizer(context: &Context, sync: &Sync, wanted: bool) -> Result<(), String> {
    let mut finalizers: Vec<_> = sync
        .finalizers()
        .iter()
        .filter(|name| *name != FINALIZER)
        .cloned()
        .collect();
    if wanted {
        finalizers.push(FINALIZER.to_owned());
    }
    let patch = serde_json::json!({ "metadata": {
        "finalizers": finalizers,
        "resourceVersion": sync.resource_version(),
    }});
    let api = Api::<Sync>::namespaced(
        context.client.clone(),
        &sync.namespace().unwrap_or_default(),
    );
    match api
        .patch(
            &sync.name_any(),
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(api_cause(&error)),
    }
}
