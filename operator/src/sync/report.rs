//! Step 8, client, on every outcome: what happened goes to the status, to events, logs and metrics.
//!
//! A status that would say the same again is not written, so a reconcile with nothing to do asks the
//! API server nothing.

use super::Ending;
use super::failure::StepError;
use super::fetch::FetchError;
use super::memory::Memory;
use super::prune::Pruned;
use super::resolve::{Resolved, owner_of};
use super::verdict::{self, Drift};
use crate::context::Context;
use crate::events::Weight;
use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt};
use lockstep_api::{
    CoOwner, ConditionStatus, ConditionType, DriftedReason, Inventory, InventoryEntry,
    REQUESTED_AT, Statement, Sync, SyncReason, SyncStatus,
};
use lockstep_apply::{FieldSet, Owner};

/// Writes down that `memory.inventory` is about to be in the cluster.
///
/// # Errors
/// Why it could not be written.
pub(super) async fn intend(
    context: &Context,
    resolved: &Resolved,
    memory: &mut Memory,
) -> Result<(), String> {
    let mut status = memory.status.clone().unwrap_or_default();
    status.inventory = Some(inventory(memory));
    let working = Statement::new(
        ConditionType::Reconciling,
        ConditionStatus::True,
        SyncReason::Progressing,
        "applying",
    );
    lockstep_api::set(
        &mut status.conditions,
        &working,
        resolved.sync.meta().generation,
        Timestamp::now(),
    );
    write(context, &resolved.sync, status, memory).await
}

/// Reports how a reconcile ended, and gives the reason of the `Ready` condition.
pub(super) async fn report(
    context: &Context,
    sync: &Sync,
    ending: &Ending,
    memory: &mut Memory,
) -> SyncReason {
    if context.stop.requested() && is_unfinished(ending) {
        return cut_short(context, sync, memory).await;
    }
    if let Ending::Halted(StepError::Fetch(FetchError::NotYet), _) = ending {
        // Nothing is known yet, so what was said before still stands.
        return SyncReason::SourceNotReady;
    }
    let now = Timestamp::now();
    let generation = sync.meta().generation;
    let before = memory.status.clone().unwrap_or_default();
    let mut status = before.clone();
    status.observed_generation = generation;
    status.last_handled_reconcile_at = sync.annotations().get(REQUESTED_AT).cloned();
    let drift = owner_of(sync).map_or_else(|_| Drift::default(), |owner| drift(context, &owner));
    let verdict = verdict::judge(ending, &drift, &mut status, now);
    lockstep_api::remove(&mut status.conditions, ConditionType::Reconciling);
    let mut news = false;
    if let Some(ready) = &verdict.ready {
        news = lockstep_api::set(&mut status.conditions, ready, generation, now);
        lockstep_api::remove(&mut status.conditions, ConditionType::Stalled);
        if verdict.stalled {
            let stalled = Statement {
                about: ConditionType::Stalled,
                status: ConditionStatus::True,
                ..ready.clone()
            };
            lockstep_api::set(&mut status.conditions, &stalled, generation, now);
        }
    }
    let mut told = Vec::new();
    for statement in &verdict.others {
        if lockstep_api::set(&mut status.conditions, statement, generation, now) {
            told.push(statement);
        }
    }
    if let Ok(owner) = owner_of(sync) {
        status.set_co_owners(co_owners(context, &owner));
    }
    announce_drift(context, sync, &told).await;
    status.inventory = Some(inventory(memory)).filter(|inventory| !inventory.entries.is_empty());
    announce(
        context,
        sync,
        ending,
        verdict.ready.as_ref().filter(|_| news),
    )
    .await;
    if (status != before || memory.undelivered)
        && let Err(cause) = write(context, sync, status, memory).await
    {
        tracing::warn!(sync = %name(sync), cause, "the status could not be written, and is tried again soon");
    }
    verdict.reason
}

fn drift(context: &Context, owner: &Owner) -> Drift {
    Drift {
        moved: context.ledger.moved(owner),
        held: context.ledger.held(owner),
        blind: context.watches.blind(owner),
    }
}

/// Did anything fail? When the process is to stop, that is most likely why.
fn is_unfinished(ending: &Ending) -> bool {
    match ending {
        Ending::Idle(_) => false,
        Ending::Done(pruned) => !pruned.applied.failures.is_empty(),
        Ending::Halted(..) => true,
    }
}

/// The process stops in the middle of the work: what is in the cluster by now is written down, and no
/// failure is reported that is none.
async fn cut_short(context: &Context, sync: &Sync, memory: &mut Memory) -> SyncReason {
    let mut status = memory.status.clone().unwrap_or_default();
    status.inventory = Some(inventory(memory)).filter(|inventory| !inventory.entries.is_empty());
    if let Err(cause) = write(context, sync, status, memory).await {
        tracing::warn!(sync = %name(sync), cause, "the inventory could not be written before the end");
    }
    SyncReason::Progressing
}

/// Tells the news: what was put back, and a new reason for being ready or not.
async fn announce(context: &Context, sync: &Sync, ending: &Ending, news: Option<&Statement>) {
    let about = sync.object_ref(&());
    if let Ending::Done(pruned) = ending {
        announce_objects(context, sync, pruned).await;
        context.metrics.applied(pruned.applied.written);
        context.metrics.pruned(pruned.deleted);
        tracing::info!(
            sync = %name(sync),
            revision = %pruned.applied.cleared.revision,
            written = pruned.applied.written,
            deleted = pruned.deleted,
            failures = pruned.applied.failures.len(),
            "reconciled"
        );
    }
    if let Some(ready) = news {
        let weight = if ready.status == ConditionStatus::False {
            Weight::Warning
        } else {
            Weight::Normal
        };
        if weight == Weight::Warning {
            tracing::warn!(sync = %name(sync), reason = ready.reason, why = ready.message, "not ready");
        }
        context
            .events
            .send(&about, weight, "Reconcile", ready.reason, &ready.message)
            .await;
    }
}

/// Tells of single objects: what was put back or taken over.
async fn announce_objects(context: &Context, sync: &Sync, pruned: &Pruned) {
    let corrected = &pruned.applied.corrected;
    let mut put_back = Vec::new();
    for (key, moved) in corrected {
        context.metrics.drifted();
        put_back.push(format!("put back: {}", verdict::describe(key, moved)));
    }
    tell_all(context, sync, ("PutBack", "Drifted"), put_back).await;
    let adopted = &pruned.applied.adopted;
    context.metrics.adopted(adopted.len());
    let mut took_over = Vec::new();
    for (key, managers) in adopted {
        let managers = lockstep_api::shown(&managers.join(", "));
        took_over.push(format!("took over {key} from {managers}"));
    }
    tell_all(context, sync, ("Adopt", "Adopted"), took_over).await;
}

/// Sends the notes as one event, since several of one reason are counted as one that happens again and
/// again. Of many, only how many more there were.
async fn tell_all(
    context: &Context,
    sync: &Sync,
    (action, reason): (&str, &str),
    mut notes: Vec<String>,
) {
    const SHOWN: usize = 5;
    for note in &notes {
        tracing::info!(sync = %name(sync), note, reason);
    }
    if notes.is_empty() {
        return;
    }
    let about = sync.object_ref(&());
    if notes.len() > SHOWN {
        let more = notes.split_off(SHOWN).len();
        notes.push(format!("and {more} more objects"));
    }
    let events = &context.events;
    events
        .send(&about, Weight::Normal, action, reason, &notes.join("; "))
        .await;
}

/// Tells of drift that is left for now.
async fn announce_drift(context: &Context, sync: &Sync, news: &[&Statement]) {
    let tug = DriftedReason::TugOfWar.as_str();
    for statement in news {
        let is_left =
            statement.reason == tug || statement.reason == DriftedReason::Detected.as_str();
        if statement.about != ConditionType::Drifted || !is_left {
            continue;
        }
        if statement.reason == tug {
            context.metrics.tugged();
        }
        tracing::warn!(sync = %name(sync), reason = statement.reason, why = statement.message, "drift is left");
        let about = sync.object_ref(&());
        let (reason, note) = (statement.reason, &statement.message);
        context
            .events
            .send(&about, Weight::Warning, "Leave", reason, note)
            .await;
    }
}

/// Who else owns fields of the Sync's objects.
fn co_owners(context: &Context, owner: &Owner) -> Vec<CoOwner> {
    let shared = context.ledger.co_owners(owner).into_iter();
    shared
        .flat_map(|(key, managers)| {
            let one =
                |(manager, fields): &(String, FieldSet)| CoOwner::new(&key, manager, fields.iter());
            managers.iter().map(one).collect::<Vec<_>>()
        })
        .collect()
}

/// Writes a status as a full statement of what is known.
async fn write(
    context: &Context,
    sync: &Sync,
    status: SyncStatus,
    memory: &mut Memory,
) -> Result<(), String> {
    let api = Api::<Sync>::namespaced(
        context.client.clone(),
        &sync.namespace().unwrap_or_default(),
    );
    let written = crate::status::write(&api, sync, &status).await;
    memory.status = Some(status);
    memory.undelivered = written.is_err();
    written
}

fn inventory(memory: &Memory) -> Inventory {
    let mut entries: Vec<_> = memory
        .inventory
        .iter()
        .map(|(key, uid)| InventoryEntry::new(key, uid.clone()))
        .collect();
    entries.sort();
    Inventory { entries }
}

fn name(sync: &Sync) -> String {
    format!(
        "{}/{}",
        sync.namespace().unwrap_or_default(),
        sync.name_any()
    )
}
