//! Trying again: a few times, further and further apart, and not at all once told to stop.

use crate::error::ApiError;
use crate::refusal::Refusal;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const TRIES: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Repeats `once` while its failure is one that time heals.
///
/// Only for requests that may be sent twice: a server-side apply, a read, a delete with a UID.
pub(crate) async fn persist<T, F, R>(stop: &AtomicBool, mut once: F) -> Result<T, ApiError>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, Refusal>>,
{
    let mut tries = 1;
    loop {
        let refusal = match once().await {
            Ok(value) => return Ok(value),
            Err(refusal) => refusal,
        };
        if tries >= limit(&refusal.error) || stop.load(Ordering::Relaxed) {
            return Err(refusal.error);
        }
        rest(pause(tries, refusal.retry_after), stop).await;
        if stop.load(Ordering::Relaxed) {
            return Err(refusal.error);
        }
        tries += 1;
    }
}

/// Sleeps, but not on into a stop: a server may ask for a pause longer than the process has left.
async fn rest(pause: Duration, stop: &AtomicBool) {
    const STEP: Duration = Duration::from_millis(200);
    let end = tokio::time::Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) && tokio::time::Instant::now() < end {
        tokio::time::sleep_until(end.min(tokio::time::Instant::now() + STEP)).await;
    }
}

/// How often a request that fails in this way is sent altogether.
fn limit(error: &ApiError) -> u32 {
    match error {
        ApiError::Changed
        | ApiError::Throttled
        | ApiError::Unavailable { .. }
        | ApiError::Unreachable => TRIES,
        // It has taken long already.
        ApiError::Timeout => 2,
        _ => 1,
    }
}

/// How long to wait after the failed try number `tries`: as long as the server asked, or twice as long
/// each time; and up to half as long again, so that many clients do not return at once.
pub(crate) fn pause(tries: u32, asked: Option<Duration>) -> Duration {
    let own = Duration::from_millis(200) * 2_u32.saturating_pow(tries.saturating_sub(1));
    let base = asked.unwrap_or(own).min(LONGEST_WAIT);
    base + base.mul_f64(jitter() / 2.0)
}

/// A number from 0 to 1, different each time. Spreads load; keeps no secret.
pub(crate) fn jitter() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn what_time_heals_is_tried_again_and_then_given_up() {
        let tries = Cell::new(0);
        let fail = |error: ApiError| {
            tries.set(tries.get() + 1);
            async move { Err::<(), _>(Refusal::from(error)) }
        };
        let go = AtomicBool::new(false);
        for (error, expected) in [
            (ApiError::Throttled, 5),
            (ApiError::Unavailable { status: 502 }, 5),
            (ApiError::Timeout, 2),
            (ApiError::Forbidden, 1),
        ] {
            tries.set(0);
            assert_eq!(
                persist(&go, || fail(error.clone())).await,
                Err(error.clone())
            );
            assert_eq!(tries.get(), expected, "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_tries() {
        let stop = AtomicBool::new(true);
        let mut tries = 0;
        let result = persist(&stop, || {
            tries += 1;
            async { Err::<(), _>(Refusal::from(ApiError::Throttled)) }
        })
        .await;
        assert_eq!((result, tries), (Err(ApiError::Throttled), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_a_long_pause() {
        let stop = AtomicBool::new(false);
        let started = tokio::time::Instant::now();
        let slow = Refusal {
            error: ApiError::Throttled,
            retry_after: Some(Duration::from_secs(30)),
        };
        let tried = persist(&stop, || {
            let refusal = slow.clone();
            async { Err::<(), _>(refusal) }
        });
        let stopped = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.store(true, Ordering::Relaxed);
        };
        let (result, ()) = tokio::join!(tried, stopped);
        assert_eq!(result, Err(ApiError::Throttled));
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn the_wait_follows_the_server_within_reason() {
        let between = |pause: Duration, low: u64, high: u64| {
            assert!(pause >= Duration::from_millis(low) && pause <= Duration::from_millis(high));
        };
        between(pause(1, None), 200, 300);
        between(pause(3, None), 800, 1200);
        between(pause(1, Some(Duration::from_secs(2))), 2000, 3000);
        between(pause(1, Some(Duration::from_secs(3600))), 30_000, 45_000);
        between(pause(40, None), 30_000, 45_000);
    }
}
