//! When to look at a Sync again, and how long one look may take.

use super::Ending;
use super::failure::{Next, StepError};
use super::memory::Memory;
use crate::backoff::{Retry, spread};
use crate::context::Context;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// When to look again; no later than after `due`, if there is such a thing.
pub(super) fn next(
    ending: &Ending,
    memory: &mut Memory,
    interval: Duration,
    due: Option<Duration>,
) -> Action {
    // A little later, so that it is due then.
    let soonest = due.map_or(Duration::MAX, |due| due + Duration::from_millis(500));
    let retry = match ending {
        Ending::Halted(StepError::Panicked(panicked), _) => {
            return Action::requeue(panicked.again);
        }
        _ if memory.undelivered => true,
        Ending::Idle(_) => false,
        Ending::Done(pruned) => pruned.applied.transient,
        Ending::Halted(error, _) => error.next() == Next::Retry,
    };
    if !retry {
        memory.retry = Retry::default();
        return Action::requeue(spread(interval).min(soonest));
    }
    let pause = memory.retry.failed(Instant::now(), interval);
    Action::requeue(pause.min(soonest))
}

/// A flag that rises when a reconcile has to end: at its deadline, or when the process is to stop.
/// Whatever request is under way then is finished.
pub(super) struct Deadline {
    flag: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

/// Sets a deadline.
pub(super) fn deadline(context: &Context, timeout: Duration) -> Deadline {
    let flag = Arc::new(AtomicBool::new(context.stop.requested()));
    let (raised, stop) = (flag.clone(), context.stop.clone());
    let task = tokio::spawn(async move {
        tokio::select! { () = stop.wait() => {}, () = tokio::time::sleep(timeout) => {} }
        raised.store(true, Ordering::Release);
    });
    Deadline { flag, task }
}

impl Deadline {
    /// The flag.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.flag
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.task.abort();
    }
}
