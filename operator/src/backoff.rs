//! How long to wait after failures in a row: longer each time, and never just as long as others wait.
//!
//! Pauses are lengths, kept against the process's monotonic clock: setting the time of day neither
//! skips nor hurries one.

use std::time::{Duration, Instant};

/// A way to wait longer and longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

/// After a failure that may pass.
pub(crate) const TRANSIENT: Backoff = Backoff {
    first: Duration::from_secs(2),
    longest: Duration::from_secs(300),
};

/// After a fault of the operator's own, which only another version may be without.
pub(crate) const FAULT: Backoff = Backoff {
    first: Duration::from_secs(60),
    longest: Duration::from_secs(3600),
};

impl Backoff {
    /// The pause after this many failures in a row, the first one being 1.
    pub(crate) fn pause(self, failures: u32) -> Duration {
        spread(self.even(failures))
    }

    /// As [`pause`](Self::pause), but never much longer than what comes anyway after `interval`.
    pub(crate) fn pause_within(self, failures: u32, interval: Duration) -> Duration {
        spread(self.even(failures).min(interval.max(self.first)))
    }

    fn even(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// Failures in a row of one piece of work, and when it is tried again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
    due: Option<Instant>,
}

impl Retry {
    /// Counts a failure that may pass, and says how long to wait. Work that news has had done before it
    /// was due, and that fails again, counts for nothing: however much goes on during an outage, the wait
    /// after it is the same.
    pub(crate) fn failed(&mut self, now: Instant, interval: Duration) -> Duration {
        let left = self.due.and_then(|due| due.checked_duration_since(now));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return left;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = TRANSIENT.pause_within(self.failures, interval);
        self.due = Some(now + pause);
        pause
    }
}

/// Moves a pause by up to a tenth either way, so that many do not end at once.
pub(crate) fn spread(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..=1.1))
}

/// The shortest pause that [`spread`] makes of `pause`.
pub(crate) fn shortest(pause: Duration) -> Duration {
    pause.mul_f64(0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(pause: Duration, seconds: f64) {
        let seconds_off = (pause.as_secs_f64() - seconds).abs();
        assert!(
            seconds_off <= seconds / 10.0 + 1e-6,
            "{pause:?} is not near {seconds} s"
        );
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (failures, seconds) in [(1, 2.0), (2, 4.0), (5, 32.0), (9, 300.0), (u32::MAX, 300.0)] {
            near(TRANSIENT.pause(failures), seconds);
        }
        near(FAULT.pause(1), 60.0);
        near(FAULT.pause(1000), 3600.0);
    }

    #[test]
    fn a_short_interval_is_not_waited_beyond() {
        let minute = Duration::from_secs(60);
        near(TRANSIENT.pause_within(9, minute), 60.0);
        near(TRANSIENT.pause_within(2, minute), 4.0);
        near(TRANSIENT.pause_within(9, Duration::from_secs(1)), 2.0);
    }

    #[test]
    fn news_during_an_outage_does_not_make_the_wait_after_it_longer() {
        let (start, interval) = (Instant::now(), Duration::from_secs(600));
        let mut retry = Retry::default();
        let first = retry.failed(start, interval);
        near(first, 2.0);
        // A bell that rings a hundred times, and each time it fails again.
        for step in 0..100 {
            let now = start + first * step / 100;
            let wait = retry.failed(now, interval);
            assert_eq!(now + wait, start + first);
        }
        near(retry.failed(start + first, interval), 4.0);
    }

    #[test]
    fn pauses_of_many_do_not_end_at_once() {
        let pauses: Vec<_> = (0..50).map(|_| TRANSIENT.pause(9)).collect();
        let all = |pause: &Duration| *pause >= shortest(TRANSIENT.longest);
        assert!(pauses.iter().all(all));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }
}
