//! The other Syncs of the same Team: does one of them want an object, or has it let go of it?

use super::apply::Applied;
use super::resolve::{Resolved, owner_of};
use crate::claims::{Claim, Stand};
use crate::context::Context;
use kube::runtime::reflector::ObjectRef;
use lockstep_api::{InventoryEntry, Sync};
use lockstep_apply::Owner;
use lockstep_names::{ObjectKey, Revision};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What another Sync has to do with an object that is labelled as its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// It belongs to another Team, whatever it wants.
    OtherTeam,
    /// It wants the object.
    Wants,
    /// It has let go of the object.
    LetGo,
    /// What it wants is not known yet.
    Unknown,
    /// There is no such Sync any more.
    Deleted,
}

/// The Sync that keeps an object which another one has dropped.
pub(super) enum Keeper {
    /// This Sync wants it.
    Wants(Owner),
    /// This Sync has not said yet whether it does.
    Unknown(Owner),
}

/// Asks about the Sync that an object is labelled with.
pub(super) fn holder(
    context: &Context,
    resolved: &Resolved,
    revision: &Revision,
    other: &Owner,
    key: &ObjectKey,
) -> Holder {
    if !resolved.namespaces.contains(&other.namespace) {
        return Holder::OtherTeam;
    }
    let name = ObjectRef::<Sync>::new(other.sync.as_str()).within(other.namespace.as_str());
    if context.syncs.get(&name).is_none() {
        return Holder::Deleted;
    }
    let ours = claim(resolved, revision, Arc::default(), true);
    match ours.stand_of(context.claims.of(other).as_ref(), key) {
        Stand::Wanted => Holder::Wants,
        Stand::Free => Holder::LetGo,
        Stand::Unknown => Holder::Unknown,
    }
}

/// The other Syncs of the Team that may want what this one drops, with what is known of them.
pub(super) fn others(
    context: &Context,
    resolved: &Resolved,
    ours: &Claim,
) -> Vec<(Owner, Option<Claim>)> {
    let of_team = |sync: &Arc<Sync>| {
        let owner = owner_of(sync).ok()?;
        let is_one = owner != resolved.owner
            && resolved.namespaces.contains(&owner.namespace)
            && sync.metadata.deletion_timestamp.is_none();
        let claim = is_one.then(|| context.claims.of(&owner))?;
        if sync.spec.suspend {
            // It says nothing more, so it is not waited for: what it last wanted is all there is.
            return Some((owner, Some(last_wanted(sync, claim, ours))));
        }
        Some((owner, claim))
    };
    context.syncs.state().iter().filter_map(of_team).collect()
}

fn last_wanted(sync: &Sync, claim: Option<Claim>, ours: &Claim) -> Claim {
    let inventory = || {
        let status = sync.status.iter();
        let inventory = status.filter_map(|status| status.inventory.as_ref());
        let entries = inventory.flat_map(|inventory| &inventory.entries);
        Arc::new(entries.filter_map(InventoryEntry::key).collect())
    };
    Claim {
        wanted: claim.map_or_else(inventory, |claim| claim.wanted),
        whole: true,
        ..ours.clone()
    }
}

/// Who keeps an object that this Sync has dropped, if anybody.
pub(super) fn keeper(
    ours: &Claim,
    others: &[(Owner, Option<Claim>)],
    key: &ObjectKey,
) -> Option<Keeper> {
    let stands = others
        .iter()
        .map(|(owner, claim)| (owner, ours.stand_of(claim.as_ref(), key)));
    let first = |wanted: Stand| {
        let mut with = stands.clone().filter(move |(_, stand)| *stand == wanted);
        with.next().map(|(owner, _)| owner.clone())
    };
    let wants = first(Stand::Wanted).map(Keeper::Wants);
    wants.or_else(|| first(Stand::Unknown).map(Keeper::Unknown))
}

/// Says what this Sync wants, and wakes those who waited for it.
pub(super) fn publish(context: &Context, applied: &Applied) -> Claim {
    let cleared = &applied.cleared;
    let claim = claim(
        &cleared.resolved,
        &cleared.revision,
        Arc::new(applied.desired.clone()),
        applied.whole,
    );
    let owner = &cleared.resolved.owner;
    for waiting in context.claims.publish(owner, claim.clone()) {
        context.watches.wake(&waiting);
    }
    claim
}

/// Says that this Sync wants the same in `revision`.
pub(super) fn advance(context: &Context, owner: &Owner, revision: &Revision) {
    for waiting in context.claims.advance(owner, revision) {
        context.watches.wake(&waiting);
    }
}

fn claim(
    resolved: &Resolved,
    revision: &Revision,
    wanted: Arc<BTreeSet<ObjectKey>>,
    whole: bool,
) -> Claim {
    Claim {
        source: resolved.repository.spec.url.clone(),
        revision: revision.clone(),
        wanted,
        whole,
    }
}
