//! Panics: one ends the reconcile it happens in, and nothing else.
//!
//! What a panic says may quote what was being worked on, so nobody looks at it; the place is in the
//! log, by the hook of [`hardening`](crate::hardening).

use crate::backoff;
use futures::FutureExt;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often in a row the reconciles of each object have panicked, by UID.
#[derive(Default)]
pub(crate) struct Guard(Mutex<HashMap<String, u32>>);

/// A reconcile panicked.
#[derive(Debug, thiserror::Error)]
#[error(
    "a fault in lockstep-operator ended this reconcile; its log says where, and it is tried again less and less often"
)]
pub(crate) struct Panicked {
    /// When to try it again: the same input panics again, so less and less often.
    pub again: Duration,
}

impl Guard {
    /// Does `work` for the object `uid`.
    ///
    /// # Errors
    /// [`Panicked`].
    pub(crate) async fn keep<T>(
        &self,
        uid: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, Panicked> {
        let outcome = AssertUnwindSafe(work).catch_unwind().await;
        let mut panics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(done) = outcome {
            panics.remove(uid);
            return Ok(done);
        }
        let many = panics.entry(uid.to_owned()).or_default();
        *many = many.saturating_add(1);
        let again = backoff::FAULT.pause(*many);
        Err(Panicked { again })
    }

    /// Forgets every object but these, by UID.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut panics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        panics.retain(|uid, _| keep(uid));
    }
}

/// Does work that blocks on a thread for it. A panic there is one here; nothing comes of work that was
/// called off because the process ends.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn panicking() {
        blocking(|| panic!("password=hunter2")).await;
    }

    #[tokio::test]
    async fn a_panic_on_any_thread_is_caught_and_tried_less_and_less_often() {
        let guard = Guard::default();
        let mut last = Duration::ZERO;
        for _ in 0..4 {
            let Err(panicked) = guard.keep("poisoned", panicking()).await else {
                panic!("it was not caught");
            };
            assert!(panicked.again > last, "{:?}", panicked.again);
            last = panicked.again;
        }
        let Err(other) = guard.keep("other", panicking()).await else {
            panic!("it was not caught");
        };
        assert!(
            other.again < Duration::from_secs(70),
            "each object counts for itself"
        );
        assert!(
            guard
                .keep("poisoned", async { 7 })
                .await
                .is_ok_and(|done| done == 7)
        );
        assert!(!guard.0.lock().unwrap().contains_key("poisoned"));
        guard.retain(|_| false);
        assert!(guard.0.lock().unwrap().is_empty());
    }
}
