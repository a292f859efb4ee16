//! The Lease as a record: who has it, what a change of it says, and when it has ended. No client.

use super::LENGTH;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use lockstep_api::LEASE_NAME;
use std::time::{Duration, Instant};

/// Who holds it.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    (!holder.is_empty()).then_some(holder)
}

/// `lease`, or a new one, as it is when `identity` takes it.
pub(super) fn taken(lease: Option<Lease>, identity: &str, now: Timestamp) -> Lease {
    let mut lease = lease.unwrap_or_default();
    lease.metadata.name = Some(LEASE_NAME.to_owned());
    let changed = holder(&lease) != Some(identity);
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = Some(identity.to_owned());
    spec.acquire_time = Some(MicroTime(now));
    spec.renew_time = Some(MicroTime(now));
    spec.lease_duration_seconds = i32::try_from(LENGTH.as_secs()).ok();
    let transitions = spec.lease_transitions.unwrap_or_default();
    spec.lease_transitions = Some(transitions.saturating_add(changed.into()));
    lease
}

/// `lease`, renewed.
pub(super) fn renewed(mut lease: Lease, now: Timestamp) -> Lease {
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(now));
    lease
}

/// `lease`, given back.
pub(super) fn released(lease: Lease, now: Timestamp) -> Lease {
    let mut lease = renewed(lease, now);
    lease.spec.get_or_insert_default().holder_identity = None;
    lease
}

/// What is known of whoever holds the lease now.
#[derive(Debug, Default)]
pub(super) struct Rival {
    /// The last record, and when it was first seen; no record when the lease was deleted.
    last: Option<(Option<LeaseSpec>, Instant)>,
}

impl Rival {
    /// Given the lease as it is, has it ended? A record ends when it has not changed for as long as it
    /// says; a deleted one may have been renewed just before.
    pub(super) fn has_ended(&mut self, seen: Option<&Lease>, now: Instant) -> bool {
        let record = match seen {
            Some(lease) if holder(lease).is_none() => return true,
            None if self.last.is_none() => return true,
            Some(lease) => lease.spec.clone(),
            None => None,
        };
        match &self.last {
            Some((last, since)) if *last == record => {
                now.saturating_duration_since(*since) >= length(record.as_ref())
            }
            _ => {
                self.last = Some((record, now));
                false
            }
        }
    }

    /// What it calls itself.
    pub(super) fn name(&self) -> &str {
        let record = self.last.as_ref().and_then(|(record, _)| record.as_ref());
        record
            .and_then(|record| record.holder_identity.as_deref())
            .unwrap_or("another process")
    }
}

/// How long a record is good for.
fn length(record: Option<&LeaseSpec>) -> Duration {
    let seconds = record.and_then(|record| record.lease_duration_seconds);
    seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(LENGTH, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_lease_that_never_was_and_one_given_back_are_free() {
        let now = Instant::now();
        assert!(Rival::default().has_ended(None, now));
        let free = released(taken(None, "a", EPOCH), EPOCH);
        assert_eq!(holder(&free), None);
        assert!(Rival::default().has_ended(Some(&free), now));
    }

    #[test]
    fn a_lease_ends_when_it_was_not_renewed_whatever_its_times_say() {
        let (mut rival, start) = (Rival::default(), Instant::now());
        // Its clock is decades behind; only that the record changes counts.
        let lease = taken(None, "a", EPOCH);
        assert!(!rival.has_ended(Some(&lease), start));
        assert!(!rival.has_ended(Some(&lease), start + LENGTH - Duration::from_millis(1)));
        let lease = renewed(lease, EPOCH + Duration::from_secs(1));
        assert!(!rival.has_ended(Some(&lease), start + LENGTH));
        assert!(!rival.has_ended(Some(&lease), start + LENGTH + Duration::from_secs(14)));
        assert!(rival.has_ended(Some(&lease), start + LENGTH + LENGTH));
        assert_eq!(rival.name(), "a");
    }

    #[test]
    fn a_record_of_another_length_is_taken_at_its_word() {
        let (mut rival, start) = (Rival::default(), Instant::now());
        let mut lease = taken(None, "a", EPOCH);
        lease.spec.get_or_insert_default().lease_duration_seconds = Some(40);
        assert!(!rival.has_ended(Some(&lease), start));
        assert!(!rival.has_ended(Some(&lease), start + Duration::from_secs(39)));
        assert!(rival.has_ended(Some(&lease), start + Duration::from_secs(40)));
    }

    #[test]
    fn a_deleted_lease_may_have_been_renewed_just_before() {
        let (mut rival, start) = (Rival::default(), Instant::now());
        let lease = taken(None, "a", EPOCH);
        assert!(!rival.has_ended(Some(&lease), start));
        let deleted = start + LENGTH * 2;
        assert!(!rival.has_ended(None, deleted));
        assert!(rival.has_ended(None, deleted + LENGTH));
    }

    #[test]
    fn changes_of_the_holder_are_counted() {
        let transitions = |lease: &Lease| lease.spec.as_ref().unwrap().lease_transitions;
        let first = taken(None, "a", EPOCH);
        assert_eq!(transitions(&first), Some(1));
        let again = taken(Some(first), "a", EPOCH);
        assert_eq!(transitions(&again), Some(1));
        assert_eq!(transitions(&taken(Some(again), "b", EPOCH)), Some(2));
    }
}
