//! Reconciling a Sync: the table of contents.
//!
//! | step | | gives |
//! |---|---|---|
//! | [`resolve`] | client | the team, its keys, the Repository |
//! | [`preflight`] | pure | leave to go on |
//! | [`fetch`] | Git | the files of the revision |
//! | [`open`] | pure | documents whose MAC was verified |
//! | [`render`] | pure | objects, with the files they came from |
//! | [`apply`] | client, as the team | objects of the cluster |
//! | [`prune`] | client, as the team | what Git no longer has is gone |
//! | [`report`] | client | status, events and metrics, on every outcome |
//!
//! Each step takes what only the step before it makes, so none can be left out.

mod admit;
mod apply;
mod cleanup;
mod failure;
mod fetch;
#[cfg(test)]
mod fixtures;
pub(crate) mod memory;
mod neighbours;
mod open;
mod preflight;
mod prune;
mod render;
mod report;
mod resolve;
mod retry;
mod verdict;
mod vet;

use crate::context::Context;
use crate::{backoff, guard, watches};
use failure::StepError;
use fetch::Fetched;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use lockstep_api::{DriftMode, Sync, SyncReason};
use lockstep_names::Revision;
use memory::{Basis, FileMemory, Memory};
use preflight::Cleared;
use prune::Pruned;
use render::Rendered;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

pub(crate) use cleanup::FINALIZER;
pub(crate) use prune::is_within;
pub(crate) use resolve::Resolved;

/// How a reconcile ended.
pub(crate) enum Ending {
    /// Nothing had to be done.
    Idle(Cleared),
    /// All steps were gone through; what failed on the way is in there.
    Done(Box<Pruned>),
    /// A step could not be done, so none after it was; with the revision, if it came that far.
    Halted(StepError, Option<Revision>),
}

/// Brings one Sync in step, and says when to look again.
///
/// # Errors
/// Never: whatever happens ends in the status.
pub(crate) async fn reconcile(
    sync: Arc<Sync>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    let started = Instant::now();
    if sync.metadata.deletion_timestamp.is_some() {
        return Ok(cleanup::cleanup(&context, &sync).await);
    }
    let memory = context.memories.of(&sync.uid().unwrap_or_default());
    let mut memory = memory.lock().await;
    memory.recall(sync.status.as_ref());
    let deadline = retry::deadline(&context, sync.spec.timeout());
    let ending = guarded(&context, sync.clone(), &mut memory, deadline.flag()).await;
    let reason = report::report(&context, &sync, &ending, &mut memory).await;
    context
        .metrics
        .reconciled("Sync", reason.as_str(), started.elapsed());
    let owner = resolve::owner_of(&sync).ok();
    let due = owner.and_then(|owner| context.ledger.next_due(&owner));
    Ok(retry::next(
        &ending,
        &mut memory,
        sync.spec.interval.duration(),
        due,
    ))
}

/// Goes through the steps; a panic ends them and is one more way to halt.
async fn guarded(
    context: &Arc<Context>,
    sync: Arc<Sync>,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Ending {
    let uid = sync.uid().unwrap_or_default();
    let steps = steps(context, sync.clone(), memory, stop);
    match context.guard.keep(&uid, steps).await {
        Ok(ending) => ending,
        Err(panicked) => {
            context.metrics.panicked();
            if let Ok(owner) = resolve::owner_of(&sync) {
                context.ledger.end(&owner);
            }
            Ending::Halted(panicked.into(), None)
        }
    }
}

/// Goes through the steps.
async fn steps(
    context: &Arc<Context>,
    sync: Arc<Sync>,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Ending {
    let fetched = match before_work(context, sync.clone(), memory).await {
        Ok(fetched) => fetched,
        Err((error, revision)) => {
            if matches!(error.reason(), SyncReason::NoTeam | SyncReason::TwoTeams) {
                disown(context, &sync, memory);
            }
            return Ending::Halted(error, revision);
        }
    };
    let revision = fetched.cleared.revision.clone();
    if is_settled(context, &fetched, memory) {
        neighbours::advance(context, &fetched.cleared.resolved.owner, &revision);
        return Ending::Idle(fetched.cleared);
    }
    let owner = fetched.cleared.resolved.owner.clone();
    if memory.full_apply.is_none() && memory.files.is_empty() {
        // What is on the page may be a deleted Sync's of the same name.
        context.ledger.retain(|other| *other != owner);
    }
    context.ledger.begin(&owner);
    let ending = match work(context, fetched, memory, stop).await {
        Ok(pruned) => Ending::Done(Box::new(pruned)),
        Err(error) => Ending::Halted(error, Some(revision)),
    };
    if context.ledger.end(&owner) {
        context.watches.wake(&owner);
    }
    ending
}

/// Ends what still goes on with the rights of a team that the namespace no longer has. Once it has one,
/// everything is looked at anew.
fn disown(context: &Context, sync: &Sync, memory: &mut Memory) {
    if let Ok(owner) = resolve::owner_of(sync) {
        context.watches.retain(|other| *other != owner);
    }
    memory.basis = None;
}

/// Steps 1 to 3: what is wanted, and may it be. An error comes with the revision, if there is one.
async fn before_work(
    context: &Arc<Context>,
    sync: Arc<Sync>,
    memory: &mut Memory,
) -> Result<Fetched, (StepError, Option<Revision>)> {
    let resolved = resolve::resolve(context, sync)
        .await
        .map_err(|error| (error.into(), None))?;
    memory.rebase(Basis::of(&resolved));
    let cleared =
        preflight::clear(resolved, &context.namespace).map_err(|hold| (hold.into(), None))?;
    let revision = cleared.revision.clone();
    let context = context.clone();
    let listed = guard::blocking(move || fetch::fetch(&context, cleared)).await;
    let listed = listed.unwrap_or(Err(fetch::FetchError::Cancelled));
    listed.map_err(|error| (error.into(), Some(revision)))
}

/// Steps 4 to 7: from files to the cluster.
async fn work(
    context: &Arc<Context>,
    fetched: Fetched,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Result<Pruned, StepError> {
    cleanup::prepare(context, &fetched.cleared.resolved.sync).await?;
    let rendered = open_and_render(context, fetched, memory).await?;
    let applied = apply::apply(context, rendered, memory, stop).await?;
    let claim = neighbours::publish(context, &applied);
    let mut pruned = prune::prune(context, applied, &claim, memory, stop).await?;
    if let Some(session) = pruned.applied.session.take() {
        session.close().await;
    }
    remember(&pruned, memory);
    watches::follow(context, &pruned.applied.cleared.resolved, memory).await;
    Ok(pruned)
}

/// Is everything in the folder applied, and has nothing moved since? Where drift cannot be watched,
/// everything is applied again at each interval.
fn is_settled(context: &Context, fetched: &Fetched, memory: &mut Memory) -> bool {
    let resolved = &fetched.cleared.resolved;
    let spec = &resolved.sync.spec;
    let restores = spec.drift_detection.mode == DriftMode::Enabled;
    let every = if restores && context.watches.blind(&resolved.owner).is_some() {
        backoff::shortest(spec.interval.duration()).min(context.full_apply_interval)
    } else {
        context.full_apply_interval
    };
    if memory.full_apply.is_none_or(|at| at.elapsed() >= every) {
        memory.full_apply = None;
        return false;
    }
    let moved = restores && !context.ledger.due(&resolved.owner).is_empty();
    !moved && memory.settled.as_ref() == Some(fetched.snapshot.tree())
}

/// Steps 4 and 5, off the async threads, on the files that need it.
async fn open_and_render(
    context: &Arc<Context>,
    fetched: Fetched,
    memory: &mut Memory,
) -> Result<Rendered, StepError> {
    let moved: BTreeSet<_> = context
        .ledger
        .due(&fetched.cleared.resolved.owner)
        .into_keys()
        .collect();
    let everything = memory.full_apply.is_none();
    let known = memory.lend();
    let worked = guard::blocking(move || {
        let opened = open::open(fetched, |file| {
            let has_moved =
                |known: &FileMemory| known.objects.iter().any(|key| moved.contains(key));
            everything
                || !known.knows(&file.path, &file.blob)
                || known.files.get(&file.path).is_some_and(has_moved)
        });
        let rendered = render::render(opened, &known);
        // This thread waits for other work now, with the stack as it is.
        lockstep_secret::wipe_stack();
        rendered
    });
    Ok(worked.await.ok_or(fetch::FetchError::Cancelled)?)
}

/// Keeps what the next reconcile can skip.
fn remember(pruned: &Pruned, memory: &mut Memory) {
    let applied = &pruned.applied;
    memory.files.clone_from(&applied.files);
    let is_settled = applied.failures.is_empty() && pruned.waits_for.is_none();
    memory.settled = is_settled.then(|| applied.tree.clone());
    memory.full_apply.get_or_insert_with(Instant::now);
}
