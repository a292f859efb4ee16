//! When a Sync is deleted: its objects stay, unless its deletion policy says that they go, too.
//!
//! Only a Sync with the policy `Prune` has a finalizer, and neither Git nor a key is needed to get rid
//! of it. If the team's account cannot act any more, the objects stay and the Sync goes: a Sync that
//! cannot be deleted would hold up its namespace. They stay as well when the kind itself is removed.

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

/// Why the objects of a deleted Sync are not deleted, or not yet.
#[derive(Debug, thiserror::Error)]
enum Stay {
    /// Nobody may delete them.
    #[error("the namespace has no team of its own any more")]
    NoTeam,
    /// Lockstep itself is removed.
    #[error(
        "the definition of the kind Sync is being deleted, and nobody has asked to delete them"
    )]
    KindGoes,
    /// The account is gone, or may not.
    #[error("they cannot be deleted: {0}")]
    Refused(#[from] ApiError),
}

impl Stay {
    fn is_transient(&self) -> bool {
        match self {
            Self::NoTeam | Self::KindGoes => false,
            Self::Refused(error) => error.is_transient(),
        }
    }
}

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
        let note = format!("the objects stay: {cause}");
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

async fn delete_objects(context: &Context, sync: &Sync, memory: &mut Memory) -> Result<(), Stay> {
    let (owner, account, namespaces) = account_of(context, sync).ok_or(Stay::NoTeam)?;
    verify_account(&context.client, &account).await?;
    if is_kind_going(context).await? {
        return Err(Stay::KindGoes);
    }
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
    refused.map_err(Stay::Refused)
}

/// Is it the definition of our kind that is deleted, and the Sync only with it? Removing Lockstep must
/// not remove what it has applied.
async fn is_kind_going(context: &Context) -> Result<bool, ApiError> {
    // The definition's objects are deleted as soon as it is; that it goes is told a moment later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (group, version, kind) = (Sync::group(&()), Sync::version(&()), Sync::kind(&()));
    let offered = context.kinds.is_offered(&group, &version, &kind).await?;
    Ok(!offered)
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
