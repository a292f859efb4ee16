//! What stands between a controller and a reconcile: everything is known, it is the team's turn, and
//! a panic ends this reconcile and nothing else.

use crate::context::Context;
use crate::guard::Guard;
use crate::turns::Turns;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::reflector::{Lookup, ObjectRef, Store};
use lockstep_api::team_of;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;

/// `reconcile` in turn, on the object as it is in `stored` by then; never, if the process is to stop
/// before that.
pub(crate) fn in_turn<K, F>(
    stored: Store<K>,
    at_once: u16,
    reconcile: impl Fn(Arc<K>, Arc<Context>) -> F + Copy + Send + Sync + 'static,
) -> impl FnMut(Arc<K>, Arc<Context>) -> BoxFuture<'static, Result<Action, Infallible>> + Send
where
    K: kube::Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    <K as Lookup>::DynamicType: Eq + Hash + Clone + Default,
    F: Future<Output = Result<Action, Infallible>> + Send + 'static,
{
    let (turns, guard) = (Arc::new(Turns::new(at_once)), Arc::new(Guard::default()));
    move |object, context| {
        let (stored, turns, guard) = (stored.clone(), turns.clone(), guard.clone());
        let waited = async move {
            let before = async {
                context.synced.wait().await;
                turns.wait(&team_name(&context, object.as_ref())).await
            };
            let _turn = tokio::select! {
                turn = before => turn,
                () = context.stop.clone().wait() => return Ok(Action::await_change()),
            };
            // It may have changed, or gone, while it waited.
            let Some(object) = stored.get(&ObjectRef::from_obj(object.as_ref())) else {
                return Ok(Action::await_change());
            };
            let uid = object.meta().uid.clone().unwrap_or_default();
            // In a box of its own, so that those who wait are small.
            let work = reconcile(object, context.clone()).boxed();
            guard.keep(&uid, work).await.unwrap_or_else(|panicked| {
                context.metrics.panicked();
                Ok(Action::requeue(panicked.again))
            })
        };
        waited.boxed()
    }
}

/// Whose turn it would be: the team's that has the namespace, or else the namespace's own.
fn team_name<K: kube::Resource>(context: &Context, object: &K) -> String {
    let Some(namespace) = object.meta().namespace.clone() else {
        return object.name_any();
    };
    let teams = context.teams.state();
    let team = namespace
        .parse()
        .ok()
        .and_then(|namespace| team_of(teams.iter().map(AsRef::as_ref), &namespace).ok());
    team.map_or_else(
        // No team's name has a space in it.
        || format!("namespace {namespace}"),
        ResourceExt::name_any,
    )
}
