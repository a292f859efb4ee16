//! Conditions: what is true of an object now, since when, and why.
//!
//! The types follow kstatus, so that tools which wait for readiness understand them: `Ready` is the
//! verdict, `Reconciling` is there while work is going on, `Stalled` while only a change by a person
//! can help. The other types say more about one aspect.

use crate::reason::Reason;
use crate::text::shown;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// The object is as its specification and Git want it.
    Ready,
    /// Work is going on; absent otherwise.
    Reconciling,
    /// Retrying will not help, only a change will; absent otherwise.
    Stalled,
    /// Every encrypted file of the revision was verified and decrypted.
    Decrypted,
    /// Somebody else has changed applied objects.
    Drifted,
}

impl ConditionType {
    /// The type as it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Decrypted => "Decrypted",
            Self::Drifted => "Drifted",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be said yet.
    Unknown,
}

impl ConditionStatus {
    /// The status as it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What is to be said about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is about.
    pub about: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, for programs.
    pub reason: &'static str,
    /// Why, for people; never a value of a secret.
    pub message: String,
}

impl Statement {
    /// Says that `about` is `status`, because of `reason`.
    pub fn new(
        about: ConditionType,
        status: ConditionStatus,
        reason: impl Reason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            about,
            status,
            reason: reason.as_str(),
            message: message.into(),
        }
    }
}

/// Puts `statement` among `conditions`, as of `generation` of the object.
///
/// The transition time becomes `now` only when the status changes. Returns whether anything but the
/// observed generation changed, which is when an event is worth sending.
pub fn set(
    conditions: &mut Vec<Condition>,
    statement: &Statement,
    generation: Option<i64>,
    now: Timestamp,
) -> bool {
    let mut new = Condition {
        type_: statement.about.as_str().to_owned(),
        status: statement.status.as_str().to_owned(),
        reason: statement.reason.to_owned(),
        message: shown(&statement.message),
        observed_generation: generation,
        last_transition_time: Time(now),
    };
    let Some(old) = conditions
        .iter_mut()
        .find(|condition| condition.type_ == new.type_)
    else {
        conditions.push(new);
        return true;
    };
    if old.status == new.status {
        new.last_transition_time = old.last_transition_time.clone();
    }
    let changed =
        old.status != new.status || old.reason != new.reason || old.message != new.message;
    *old = new;
    changed
}

/// Takes the condition of this type away.
pub fn remove(conditions: &mut Vec<Condition>, about: ConditionType) {
    conditions.retain(|condition| condition.type_ != about.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SyncReason;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn find(conditions: &[Condition], about: ConditionType) -> Option<&Condition> {
        conditions
            .iter()
            .find(|condition| condition.type_ == about.as_str())
    }

    fn ready(status: ConditionStatus, message: &str) -> Statement {
        Statement::new(
            ConditionType::Ready,
            status,
            SyncReason::Progressing,
            message,
        )
    }

    #[test]
    fn the_transition_time_follows_the_status_alone() {
        let mut conditions = Vec::new();
        assert!(set(
            &mut conditions,
            &ready(ConditionStatus::False, "a"),
            Some(1),
            at(1)
        ));
        assert!(set(
            &mut conditions,
            &ready(ConditionStatus::False, "b"),
            Some(2),
            at(2)
        ));
        let condition = find(&conditions, ConditionType::Ready).unwrap();
        assert_eq!(condition.last_transition_time, Time(at(1)));
        assert_eq!(
            (condition.message.as_str(), condition.observed_generation),
            ("b", Some(2))
        );
        assert!(!set(
            &mut conditions,
            &ready(ConditionStatus::False, "b"),
            Some(3),
            at(3)
        ));
        assert!(set(
            &mut conditions,
            &ready(ConditionStatus::True, "b"),
            Some(3),
            at(4)
        ));
        assert_eq!(conditions[0].last_transition_time, Time(at(4)));
    }

    #[test]
    fn conditions_are_one_of_a_type() {
        let mut conditions = Vec::new();
        let stalled = Statement {
            about: ConditionType::Stalled,
            ..ready(ConditionStatus::True, "x")
        };
        set(
            &mut conditions,
            &ready(ConditionStatus::True, "x"),
            None,
            at(1),
        );
        set(&mut conditions, &stalled, None, at(1));
        assert_eq!(conditions.len(), 2);
        remove(&mut conditions, ConditionType::Stalled);
        assert!(find(&conditions, ConditionType::Stalled).is_none());
        assert!(find(&conditions, ConditionType::Ready).is_some());
    }
}
