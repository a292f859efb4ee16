//! The three controllers, and what wakes them.
//!
//! A Sync is woken by itself, its Repository, its Team, the Team's keys and by drift; a Repository by
//! itself and its Team; a Team by itself, other Teams and key Secrets.

use crate::context::Context;
use crate::events::api_cause;
use crate::server::Probes;
use crate::synced::{Synced, Watch};
use crate::{repository, sync, team};
use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, Stream, StreamExt};
use kube::runtime::controller::{Action, Config as Pace, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use lockstep_api::{Repository, Sync, Team};
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// The controllers, before they run.
pub(crate) struct Controllers {
    teams: Controller<Team>,
    repositories: Controller<Repository>,
    syncs: Controller<Sync>,
}

impl Controllers {
    /// Prepares them; up to `concurrency` objects of a kind are reconciled at once.
    pub(crate) fn new(client: &Client, concurrency: u16, synced: &Synced) -> Self {
        let pace = || Pace::default().concurrency(concurrency);
        let all = watcher::Config::default;
        let teams = || Api::<Team>::all(client.clone());
        let repositories = || Api::<Repository>::all(client.clone());
        let team_controller = controller(teams(), Watch::Teams, synced).with_config(pace());
        let repository_controller =
            controller(repositories(), Watch::Repositories, synced).with_config(pace());
        let of_team = in_namespaces_of(repository_controller.store());
        let repository_controller = repository_controller.watches(teams(), all(), of_team);
        let syncs =
            controller(Api::<Sync>::all(client.clone()), Watch::Syncs, synced).with_config(pace());
        let (of_team, of_repository) = (
            in_namespaces_of(syncs.store()),
            from_repository(syncs.store()),
        );
        let syncs =
            syncs
                .watches(teams(), all(), of_team)
                .watches(repositories(), all(), of_repository);
        Self {
            teams: team_controller,
            repositories: repository_controller,
            syncs,
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
        let (key_changes, wake_syncs, wake_teams) = fan_out(key_changes);
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
        let teams = self
            .teams
            .reconcile_all_on(wake_teams)
            .graceful_shutdown_on(a);
        let repositories = self.repositories.graceful_shutdown_on(b);
        let syncs = self
            .syncs
            .reconcile_on(woken)
            .reconcile_all_on(wake_syncs)
            .graceful_shutdown_on(c);
        let teams = teams
            .run(caught(team::reconcile), never, context.clone())
            .for_each(note);
        let repositories = repositories
            .run(caught(repository::reconcile), never, context.clone())
            .for_each(note);
        let syncs = syncs
            .run(caught(sync::reconcile), never, context)
            .for_each(note);
        let key_changes = tokio::spawn(key_changes);
        tokio::join!(teams, repositories, syncs);
        key_changes.abort();
    }
}

/// A controller with a store of its own, and a note of when the store is filled.
fn controller<K>(api: Api<K>, watch: Watch, synced: &Synced) -> Controller<K>
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
    let events = watcher(api, watcher::Config::default())
        .default_backoff()
        .reflect(writer);
    Controller::for_stream(synced.note(watch, events).applied_objects(), store)
}

/// A reconcile that begins once everything is known, and whose panic ends it and nothing else; it is tried again after a minute.
fn caught<K, F>(
    reconcile: impl Fn(Arc<K>, Arc<Context>) -> F + Send + std::marker::Sync + 'static,
) -> impl FnMut(Arc<K>, Arc<Context>) -> futures::future::BoxFuture<'static, Result<Action, Infallible>>
+ Send
where
    F: Future<Output = Result<Action, Infallible>> + Send + 'static,
{
    move |object, context| {
        let metrics = context.metrics.clone();
        let synced = context.synced.clone();
        let work = reconcile(object, context);
        let guarded = AssertUnwindSafe(async move {
            synced.wait().await;
            work.await
        });
        guarded
            .catch_unwind()
            .map(move |outcome| {
                outcome.unwrap_or_else(|_| {
                    metrics.panicked();
                    Ok(Action::requeue(Duration::from_secs(60)))
                })
            })
            .boxed()
    }
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

/// One stream of signals to two.
fn fan_out(
    signals: impl Stream<Item = ()> + Send + 'static,
) -> (
    impl Future<Output = ()> + Send,
    UnboundedReceiver<()>,
    UnboundedReceiver<()>,
) {
    let (one, first) = futures::channel::mpsc::unbounded();
    let (other, second) = futures::channel::mpsc::unbounded();
    let forward = signals.for_each(move |()| {
        // The receivers are gone only when the process stops.
        let _ = (one.unbounded_send(()), other.unbounded_send(()));
        std::future::ready(())
    });
    (forward, first, second)
}

/// Everything in the namespaces of a Team. A namespace that the Team no longer names is looked at
/// when its own objects are, or at their interval.
fn in_namespaces_of<K>(
    store: Store<K>,
) -> impl Fn(Team) -> Vec<ObjectRef<K>> + Send + std::marker::Sync + 'static
where
    K: kube::Resource<DynamicType = ()> + Clone + Send + std::marker::Sync + 'static,
{
    move |_team| {
        store
            .state()
            .iter()
            .map(|object| ObjectRef::from_obj(object.as_ref()))
            .collect()
    }
}

/// The Syncs of a Repository.
fn from_repository(
    store: Store<Sync>,
) -> impl Fn(Repository) -> Vec<ObjectRef<Sync>> + Send + std::marker::Sync + 'static {
    move |repository| {
        let named = |sync: &&Arc<Sync>| {
            sync.namespace() == repository.namespace()
                && sync.spec.source_ref.name == repository.name_any()
        };
        store
            .state()
            .iter()
            .filter(named)
            .map(|sync| ObjectRef::from_obj(sync.as_ref()))
            .collect()
    }
}
