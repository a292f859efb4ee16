//! Ends the unpacking of what a server sent when it takes too long or too much memory.
//!
//! A pack of a few kilobytes can unfold into days of work, and into more memory than there is: the
//! bases of deltas are held while what is made from them is, and how many that are is up to the
//! sender.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How much this process may grow while a pack unfolds, in bytes. Others may work at the same time,
/// so this is wide; it is looked at often enough for what comes on top to stay well below it.
pub(crate) const MEMORY_LIMIT: u64 = 192 << 20;

/// How often is looked.
const EVERY: Duration = Duration::from_millis(20);

/// Why work was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was interrupted, or its time was over.
    Late,
    /// It took too much memory.
    Greedy,
}

/// Does work that a flag can end, and raises the flag when it is time; with why, if so.
pub(crate) fn guarded<T>(
    deadline: Instant,
    interrupt: &AtomicBool,
    work: impl FnOnce(&AtomicBool) -> T,
) -> (T, Option<Ended>) {
    let stop = AtomicBool::new(false);
    let why = OnceLock::new();
    let before = resident();
    let is_greedy = || {
        let grown = resident().zip(before);
        grown.is_some_and(|(now, before)| now.saturating_sub(before) > MEMORY_LIMIT)
    };
    let (working, watched) = mpsc::channel::<()>();
    let done = thread::scope(|scope| {
        // It ends with the work, even if that panics: the channel's other end goes then.
        scope.spawn(|| {
            let watched = watched;
            while watched.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let reason = if interrupt.load(Ordering::Relaxed) || Instant::now() >= deadline {
                    Ended::Late
                } else if is_greedy() {
                    Ended::Greedy
                } else {
                    continue;
                };
                why.get_or_init(|| reason);
                stop.store(true, Ordering::Relaxed);
                return;
            }
        });
        let _working = working;
        work(&stop)
    });
    (done, why.into_inner())
}

/// The memory this process has, in bytes, where the system tells.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_known_on_linux() {
        assert_eq!(resident().is_some(), cfg!(target_os = "linux"));
    }

    #[test]
    fn work_in_time_is_not_ended() {
        let deadline = Instant::now() + Duration::from_secs(3600);
        assert_eq!(guarded(deadline, &AtomicBool::new(false), |_| 7), (7, None));
    }
}
