//! Who is woken by a change of somebody else.
//!
//! A watch rings only after its own store has taken the change in, so that whoever wakes finds it
//! there. (A second watch of the same kind would ring earlier than the first has stored anything.)

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{Stream, StreamExt, stream};
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use lockstep_api::{Repository, Sync, Team};
use std::collections::HashMap;
use std::sync::Arc;

/// A signal without content: something has changed, look again.
pub(crate) type Signals = UnboundedReceiver<()>;

/// One signal to several listeners.
pub(crate) struct Bell(Vec<UnboundedSender<()>>);

impl Bell {
    /// A bell with this many listeners.
    pub(crate) fn with_listeners<const N: usize>() -> (Self, [Signals; N]) {
        let mut ends = Vec::with_capacity(N);
        let listeners = std::array::from_fn(|_| {
            let (end, listener) = unbounded();
            ends.push(end);
            listener
        });
        (Self(ends), listeners)
    }

    /// Wakes every listener.
    pub(crate) fn ring(&self) {
        for end in &self.0 {
            // A listener is gone only when the process stops.
            let _ = end.unbounded_send(());
        }
    }
}

/// What a watch saw, as far as others are concerned.
pub(crate) enum Change<'a, K> {
    /// This object is new or has changed.
    One(&'a K),
    /// This object has gone.
    Gone(&'a K),
    /// Everything was listed anew.
    All,
}

/// Calls `ring` for each event of a watch; put it behind the store's writer.
pub(crate) fn ringing<K, S>(
    events: S,
    mut ring: impl FnMut(Change<'_, K>),
) -> impl Stream<Item = Result<watcher::Event<K>, watcher::Error>>
where
    S: Stream<Item = Result<watcher::Event<K>, watcher::Error>>,
{
    events.inspect(move |event| match event {
        Ok(watcher::Event::Apply(object)) => ring(Change::One(object)),
        Ok(watcher::Event::Delete(object)) => ring(Change::Gone(object)),
        Ok(watcher::Event::InitDone) => ring(Change::All),
        Ok(watcher::Event::Init | watcher::Event::InitApply(_)) | Err(_) => {}
    })
}

/// The specifications of Teams that were seen last: others go by these, and not by a Team's status,
/// which the operator writes itself.
#[derive(Default)]
pub(crate) struct Specifications(HashMap<String, Option<i64>>);

impl Specifications {
    /// Does the change concern anybody but the Team itself?
    pub(crate) fn is_news(&mut self, change: &Change<'_, Team>) -> bool {
        match change {
            Change::One(team) => {
                let generation = team.metadata.generation;
                self.0.insert(team.uid().unwrap_or_default(), generation) != Some(generation)
            }
            Change::Gone(team) => {
                self.0.remove(&team.uid().unwrap_or_default());
                true
            }
            Change::All => true,
        }
    }
}

/// A Repository that changed, or all of them.
pub(crate) type ChangedRepository = Option<ObjectRef<Repository>>;

/// The Syncs that apply the Repositories that changed.
pub(crate) fn syncs_of(
    changes: UnboundedReceiver<ChangedRepository>,
    syncs: Store<Sync>,
) -> impl Stream<Item = ObjectRef<Sync>> + Send + 'static {
    changes.flat_map(move |changed| {
        let concerned = |sync: &&Arc<Sync>| {
            changed.as_ref().is_none_or(|repository| {
                sync.namespace() == repository.namespace
                    && sync.spec.source_ref.name == repository.name
            })
        };
        let all = syncs.state();
        let woken: Vec<_> = all
            .iter()
            .filter(concerned)
            .map(|sync| ObjectRef::from_obj(sync.as_ref()))
            .collect();
        stream::iter(woken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn team(generation: i64) -> Team {
        serde_json::from_value(json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team",
            "metadata": {"name": "a", "uid": "1", "generation": generation},
            "spec": {"namespaces": ["team-a"], "serviceAccountName": "deployer",
                     "repositories": ["https://git.example.com/*"]},
        }))
        .unwrap()
    }

    #[test]
    fn a_status_is_no_news_and_a_specification_is() {
        let mut seen = Specifications::default();
        assert!(seen.is_news(&Change::One(&team(1))));
        assert!(!seen.is_news(&Change::One(&team(1))));
        assert!(seen.is_news(&Change::One(&team(2))));
        assert!(seen.is_news(&Change::Gone(&team(2))));
        assert!(seen.is_news(&Change::One(&team(2))));
        assert!(seen.is_news(&Change::All));
    }
}
