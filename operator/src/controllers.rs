//! The three controllers, and what wakes them.
//!
//! A Sync is woken by itself, its Repository, its Team, the Team's keys and by drift; a Repository by
//! itself and its Team; a Team by itself, other Teams and key Secrets.

use crate::bells::{Bell, Change, ChangedRepository, Specifications, ringing, syncs_of};
use crate::context::Context;
use crate::events::api_cause;
use crate::in_turn::in_turn;
use crate::metrics::Metrics;
use crate::past::Past;
use crate::server::Probes;
use crate::synced::{Synced, Watch};
use crate::unreadable::{self, Least, Unread, Unreadable};
use crate::{repository, sync, team};
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::{Stream, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use lockstep_api::{Repository, Sync, Team};
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// The controllers, before they run.
pub(crate) struct Controllers {
    concurrency: u16,
    unread: UnboundedReceiver<Unreadable>,
    teams: Controller<Team>,
    repositories: Controller<Repository>,
    syncs: Controller<Sync>,
}

impl Controllers {
    /// Prepares them; up to `concurrency` objects of a kind are reconciled at once.
    pub(crate) fn new(
        client: &Client,
        concurrency: u16,
        synced: &Synced,
        metrics: &Metrics,
        past: Past,
    ) -> Self {
        let (unreadable, unread) = unbounded();
        let unreadable = || Unread::new(unreadable.clone(), metrics.clone());
        let (team_bell, [for_teams, for_repositories, for_syncs]) = Bell::with_listeners();
        let (repository_changed, changed_repositories) = unbounded();
        let teams = Api::all(client.clone());
        let mut specifications = Specifications::default();
        let ring = move |change: Change<'_, Team>| {
            if specifications.is_news(&change) {
                team_bell.ring();
            }
        };
        let teams = controller(teams, Watch::Teams, synced, unreadable(), |_| {}, ring);
        let repositories = Api::all(client.clone());
        let ring = move |change: Change<'_, Repository>| {
            let changed: ChangedRepository = match change {
                Change::One(repository) | Change::Gone(repository) => {
                    Some(ObjectRef::from_obj(repository))
                }
                Change::All => None,
            };
            // The receiver is gone only when the process stops.
            let _ = repository_changed.unbounded_send(changed);
        };
        let watch = Watch::Repositories;
        let repositories = controller(repositories, watch, synced, unreadable(), |_| {}, ring);
        let syncs = Api::all(client.clone());
        let syncs = controller(
            syncs,
            Watch::Syncs,
            synced,
            unreadable(),
            move |event| past.note(event),
            |_| {},
        );
        let of_repositories = syncs_of(changed_repositories, syncs.store());
        Self {
            concurrency,
            unread,
            teams: teams.reconcile_all_on(for_teams),
            repositories: repositories.reconcile_all_on(for_repositories),
            syncs: syncs
                .reconcile_all_on(for_syncs)
                .reconcile_on(of_repositories),
        }
    }

    /// All Teams, once the controllers run.
    pub(crate) fn teams(&self) -> Store<Team> {
        self.teams.store()
    }

    /// All Repositories, once the controllers run.
    pub(crate) fn repositories(&self) -> Store<Repository> {
        self.repositories.store()
    }

    /// All Syncs, once the controllers run.
    pub(crate) fn syncs(&self) -> Store<Sync> {
        self.syncs.store()
    }

    /// Runs until the context's stop is requested and every reconcile in hand has ended.
    pub(crate) async fn run(
        self,
        context: Arc<Context>,
        probes: Arc<Probes>,
        key_changes: impl Stream<Item = ()> + Send + 'static,
        woken: UnboundedReceiver<ObjectRef<Sync>>,
    ) {
        let (key_bell, [for_teams, for_syncs]) = Bell::with_listeners();
        let key_changes = key_changes.for_each(move |()| {
            key_bell.ring();
            std::future::ready(())
        });
        let synced = context.synced.clone();
        tokio::spawn(async move {
            synced.wait().await;
            probes.set_ready();
        });
        let (a, b, c) = (
            context.stop.clone().wait(),
            context.stop.clone().wait(),
            context.stop.clone().wait(),
        );
        let (teams_stored, repositories_stored, syncs_stored) =
            (self.teams(), self.repositories(), self.syncs());
        let told = tokio::spawn(unreadable::tell(context.client.clone(), self.unread));
        let teams = self
            .teams
            .reconcile_all_on(for_teams)
            .graceful_shutdown_on(a);
        let repositories = self.repositories.graceful_shutdown_on(b);
        let syncs = self
            .syncs
            .reconcile_on(woken)
            .reconcile_all_on(for_syncs)
            .graceful_shutdown_on(c);
        let teams = teams
            .run(
                in_turn(teams_stored, self.concurrency, team::reconcile),
                never,
                context.clone(),
            )
            .for_each(note);
        let repositories = repositories
            .run(
                in_turn(repositories_stored, self.concurrency, repository::reconcile),
                never,
                context.clone(),
            )
            .for_each(note);
        let syncs = syncs
            .run(
                in_turn(syncs_stored, self.concurrency, sync::reconcile),
                never,
                context,
            )
            .for_each(note);
        let key_changes = tokio::spawn(key_changes);
        tokio::join!(teams, repositories, syncs);
        key_changes.abort();
        told.abort();
    }
}

/// A controller for what a watch of all objects tells, without those that cannot be read.
fn controller<K>(
    api: Api<DeserializeGuard<K>>,
    watch: Watch,
    synced: &Synced,
    unread: Unread,
    mut look: impl FnMut(&Result<watcher::Event<K>, watcher::Error>) + Send + 'static,
    ring: impl FnMut(Change<'_, K>) + Send + 'static,
) -> Controller<K>
where
    K: Least + Clone + DeserializeOwned + Debug + Send + std::marker::Sync + 'static,
{
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let events = unread.sort_out(events).inspect(move |event| look(event));
    controlled(events, watch, synced, ring)
}

/// A controller with a store of its own, a note of when the store is filled, and a bell for changes.
fn controlled<K>(
    events: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
    watch: Watch,
    synced: &Synced,
    mut ring: impl FnMut(Change<'_, K>) + Send + 'static,
) -> Controller<K>
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + std::marker::Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    // A list of many pages is told of page by page, and stored when the last one is there: whoever was
    // told of before that was looked up in vain.
    let (listed, [all]) = Bell::with_listeners();
    let events = ringing(synced.note(watch, events.reflect(writer)), move |change| {
        if matches!(change, Change::All) {
            listed.ring();
        }
        ring(change);
    });
    Controller::for_stream(events.applied_objects(), store)
        .trigger_backoff(AtOnce)
        .reconcile_all_on(all)
}

/// No pause after a watch has failed: the watch pauses by itself, and a pause here would stop all bells
/// of the controller with it.
struct AtOnce;

impl Iterator for AtOnce {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Backoff for AtOnce {
    fn reset(&mut self) {}
}

/// Logs what a controller itself ran into: a watch that broke, mostly. It goes on by itself.
async fn note<K: kube::Resource>(
    outcome: Result<
        (ObjectRef<K>, Action),
        kube::runtime::controller::Error<Infallible, watcher::Error>,
    >,
) {
    use kube::runtime::controller::Error;
    match outcome {
        // The object went away before its turn came.
        Ok(_) | Err(Error::ObjectNotFound(_)) => {}
        Err(Error::QueueError(error)) => {
            tracing::warn!(
                cause = watch_cause(&error),
                "a watch failed and is tried again"
            );
        }
        Err(Error::ReconcilerFailed(error, _)) => match error {},
        Err(Error::RunnerError(error)) => {
            tracing::error!(%error, "the controller could not queue a reconcile")
        }
    }
}

/// The short word for a failed watch; the API server's own text is withheld.
fn watch_cause(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => api_cause(error),
        watcher::Error::WatchError(status) => format!("{} ({})", status.reason, status.code),
        watcher::Error::NoResourceVersion => "the API server gave no resource version".to_owned(),
    }
}

/// No reconcile fails: whatever happens ends in a status. The controller wants an answer all the same.
fn never<K>(_: Arc<K>, error: &Infallible, _: Arc<Context>) -> Action {
    match *error {}
}

#[cfg(test)]
mod tests;
