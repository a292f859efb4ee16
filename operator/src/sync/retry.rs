//! When to look at a Sync again, and how long one look may take.

use super::Ending;
use super::failure::Next;
use super::memory::Memory;
use crate::context::Context;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The first pause after a failure that may pass.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause after such failures in a row.
const LONGEST: Duration = Duration::from_secs(300);

/// When to look again.
pub(super) fn next(ending: &Ending, memory: &mut Memory, interval: Duration) -> Action {
    let retry = match ending {
        _ if memory.undelivered => true,
        Ending::Idle(_) => false,
        Ending::Done(pruned) => pruned.applied.transient,
        Ending::Halted(error, _) => error.next() == Next::Retry,
    };
    if !retry {
        memory.failures = 0;
        return Action::requeue(spread(interval));
    }
    let pause = FIRST
        .saturating_mul(1 << memory.failures.min(16))
        .min(LONGEST)
        .min(interval.max(FIRST));
    memory.failures += 1;
    Action::requeue(spread(pause))
}

/// The shortest pause that [`spread`] makes of `interval`.
pub(super) fn shortest(interval: Duration) -> Duration {
    interval.mul_f64(0.9)
}

/// Moves a pause by up to a tenth either way, so that many Syncs do not wake at once.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..=1.1))
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
