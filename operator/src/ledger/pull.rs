//! A tug of war over one object: how long to leave it before it is put back once more.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// So many times in a row an object is put back at once.
const AT_ONCE: u32 = 3;
/// The first pause after that; each is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(15);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3600);
/// Whoever leaves the object alone for so long after a pause has let go of the rope.
const CALM: Duration = Duration::from_secs(600);

/// How often an object was put back lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pull {
    times: u32,
    last: Instant,
    pause: Duration,
    until: Timestamp,
}

/// An object that is left for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// How often it was put back in a row.
    pub times: u32,
    /// When it is put back again.
    pub until: Timestamp,
}

impl Pull {
    /// Counts one more time that an object was put back; `spread`, about 1, keeps many from being put
    /// back at the same moment.
    pub(super) fn again(
        before: Option<&Self>,
        now: Instant,
        clock: Timestamp,
        spread: f64,
    ) -> Self {
        let ongoing = before.filter(|pull| now < pull.last + pull.pause * 2 + CALM);
        let times = ongoing.map_or(1, |pull| pull.times.saturating_add(1));
        let pause = match times.checked_sub(AT_ONCE) {
            None => Duration::ZERO,
            Some(more) => FIRST
                .saturating_mul(1 << more.min(16))
                .min(LONGEST)
                .mul_f64(spread),
        };
        Self {
            times,
            last: now,
            pause,
            until: clock.saturating_add(pause).unwrap_or(clock),
        }
    }

    /// How long the object is still left; nothing if it may be put back.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        (self.last + self.pause)
            .checked_duration_since(now)
            .filter(|rest| !rest.is_zero())
    }

    /// What to tell of it.
    pub(super) fn held(&self) -> Held {
        Held {
            times: self.times,
            until: self.until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_to_an_hour_and_end_with_the_war() {
        let clock = Timestamp::from_second(1_000_000).unwrap();
        let mut now = Instant::now();
        let mut pull: Option<Pull> = None;
        let mut pauses = Vec::new();
        for _ in 0..14 {
            let next = Pull::again(pull.as_ref(), now, clock, 1.0);
            pauses.push(next.pause.as_secs());
            // Pulled at again as soon as it was put back, which is when the pause is over.
            assert_eq!(next.rest(now).is_some(), next.times >= 3);
            now += next.pause;
            assert_eq!(next.rest(now), None);
            pull = Some(next);
        }
        assert_eq!(
            pauses,
            [
                0, 0, 15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600
            ]
        );
        let calm = now + Duration::from_secs(2 * 3600 + 601);
        assert_eq!(Pull::again(pull.as_ref(), calm, clock, 1.0).times, 1);
    }
}
