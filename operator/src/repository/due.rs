//! When a Repository is fetched next.
//!
//! A Repository is reconciled for many reasons, its own status among them; the server is asked only
//! when the interval has passed, the specification changed or somebody asks for it.

use crate::backoff::{TRANSIENT, spread};
use kube::ResourceExt;
use lockstep_api::{REQUESTED_AT, Repository};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a fetch ended, as far as the next one is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tried {
    /// Well.
    Fetched,
    /// Not well, and it may pass.
    Failed,
    /// By a fault of the operator's own; the next one is due after this pause.
    Panicked(Duration),
}

/// When each Repository was last fetched, by UID.
#[derive(Default)]
pub(crate) struct Schedule(Mutex<HashMap<String, Last>>);

struct Last {
    wanted: Wanted,
    next: Instant,
    failures: u32,
}

/// What a fetch was made for; when it changes, the next one is due.
type Wanted = (Option<i64>, Option<String>);

fn wanted(repository: &Repository) -> Wanted {
    (
        repository.metadata.generation,
        repository.annotations().get(REQUESTED_AT).cloned(),
    )
}

impl Schedule {
    /// How long to wait, or nothing when a fetch is due.
    pub(super) fn wait(&self, repository: &Repository) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.get(&repository.uid().unwrap_or_default())?;
        let wait = last.next.checked_duration_since(Instant::now())?;
        (last.wanted == wanted(repository) && !wait.is_zero()).then_some(wait)
    }

    /// Notes that a fetch was tried just now, and says when the next is due.
    pub(super) fn note(&self, repository: &Repository, tried: Tried) -> Duration {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = repository.uid().unwrap_or_default();
        let interval = repository.spec.interval.duration();
        let before = all.get(&uid).map_or(0, |last| last.failures);
        let (failures, pause) = match tried {
            Tried::Fetched => (0, spread(interval)),
            Tried::Failed => {
                let failures = before.saturating_add(1);
                (failures, TRANSIENT.pause_within(failures, interval))
            }
            Tried::Panicked(again) => (before, again),
        };
        all.insert(
            uid,
            Last {
                wanted: wanted(repository),
                next: Instant::now() + pause,
                failures,
            },
        );
        pause
    }

    /// Notes that it may not be fetched for now: the next fetch is due as soon as it may. Says when to
    /// look at the latest.
    pub(super) fn hold(&self, repository: &Repository) -> Duration {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(
            repository.uid().unwrap_or_default(),
            Last {
                wanted: wanted(repository),
                next: Instant::now(),
                failures: 0,
            },
        );
        repository.spec.interval.duration()
    }

    /// Has this process fetched it, or tried to, or found that it may not?
    pub(crate) fn has_looked(&self, repository: &Repository) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.contains_key(&repository.uid().unwrap_or_default())
    }

    /// Forgets every Repository but these, by UID.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|uid, _| keep(uid));
    }
}
