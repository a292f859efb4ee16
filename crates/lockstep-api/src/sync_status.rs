//! What a Sync reports: revisions, failures by file, keys, history, inventory.
//!
//! Everything is bounded: a status is one object of at most about a megabyte, and hostile files may
//! not fill it.

use crate::text::shown;
use crate::{FailureReason, Inventory, RecipientReport};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::KubeSchema;
use lockstep_names::{ObjectKey, RepoPath, Revision};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many failures are listed; the others are counted.
const FAILURES: usize = 50;

/// How many attempts are remembered.
const HISTORY: usize = 10;

/// How many owners of fields are listed, and how many fields of each.
const CO_OWNERS: usize = 20;
const CO_OWNED_FIELDS: usize = 10;

/// What was last done for a Sync.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    /// The generation this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// What is true of the Sync now: `Ready`, `Reconciling`, `Stalled`, `Decrypted`, `Drifted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The Team whose keys and service account are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,

    /// The revision last worked on, such as `main@sha1:0c5e…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,

    /// The revision that was last applied without a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,

    /// The value of the annotation `reconcile.lockstep.dev/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// Files and objects that failed, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub failures: Vec<Failure>,

    /// How many failed in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failure_count: i64,

    /// Which keys the revision needs, and which the Team holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<RecipientReport>,

    /// The last attempts, newest first, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<Attempt>,

    /// Who else owns fields that Git has, at most 20: such a field stays in the cluster when Git drops
    /// it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub co_owners: Vec<CoOwner>,

    /// The objects this Sync has applied or is about to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
}

/// A file or an object that failed; never a value of it.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The file, from the root of the repository; empty for an object that is no longer in Git.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,

    /// The line in the file, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,

    /// The object, such as `Secret team-a/db`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,

    /// Why, for programs.
    pub reason: String,

    /// Why, for people.
    pub message: String,
}

impl Failure {
    /// A failure of `path` as a whole.
    #[must_use]
    pub fn of_file(path: &RepoPath, reason: FailureReason, message: &str) -> Self {
        Self::of_entry(path.as_str(), reason, message)
    }

    /// A failure of an entry whose name is no valid path.
    #[must_use]
    pub fn of_entry(path: &str, reason: FailureReason, message: &str) -> Self {
        Self {
            path: shown(path),
            line: None,
            object: None,
            reason: reason.as_str().to_owned(),
            message: shown(message),
        }
    }

    /// A failure of an object.
    #[must_use]
    pub fn of_object(object: &ObjectKey, reason: FailureReason, message: &str) -> Self {
        Self {
            object: Some(shown(&object.to_string())),
            ..Self::of_entry("", reason, message)
        }
    }

    /// Adds where it was written.
    #[must_use]
    pub fn at(self, path: &RepoPath, line: Option<usize>) -> Self {
        let line = line.and_then(|line| i64::try_from(line).ok());
        Self {
            path: shown(path.as_str()),
            line,
            ..self
        }
    }
}

/// Somebody else who owns fields of an object.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoOwner {
    /// The object, such as `Secret team-a/db`.
    pub object: String,

    /// The field manager, by its own name.
    pub manager: String,

    /// The fields, at most 10.
    pub fields: Vec<String>,
}

impl CoOwner {
    /// Names an owner of fields that others see.
    #[must_use]
    pub fn new<'a>(
        object: &ObjectKey,
        manager: &str,
        fields: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            object: shown(&object.to_string()),
            manager: shown(manager),
            fields: fields
                .into_iter()
                .take(CO_OWNED_FIELDS)
                .map(shown)
                .collect(),
        }
    }
}

/// One attempt at a revision.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The revision.
    pub revision: String,

    /// How it ended: the reason of the `Ready` condition.
    pub reason: String,

    /// When it last ended so.
    pub time: Time,
}

impl SyncStatus {
    /// Reports `failures`, sorted by place, and counts those that do not fit.
    pub fn set_failures(&mut self, mut failures: Vec<Failure>) {
        failures.sort();
        self.failure_count = i64::try_from(failures.len()).unwrap_or(i64::MAX);
        failures.truncate(FAILURES);
        self.failures = failures;
    }

    /// Reports who else owns fields, as far as they fit.
    pub fn set_co_owners(&mut self, owners: impl IntoIterator<Item = CoOwner>) {
        self.co_owners = owners.into_iter().take(CO_OWNERS).collect();
    }

    /// Remembers how `revision` ended. The same end of the same revision is remembered once.
    pub fn remember(&mut self, revision: &Revision, reason: &str, now: Timestamp) {
        let attempt = Attempt {
            revision: revision.to_string(),
            reason: reason.to_owned(),
            time: Time(now),
        };
        match self.history.first_mut() {
            Some(last) if last.revision == attempt.revision && last.reason == attempt.reason => {}
            _ => self.history.insert(0, attempt),
        }
        self.history.truncate(HISTORY);
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(digit: char) -> Revision {
        Revision {
            branch: "main".parse().unwrap(),
            commit: digit.to_string().repeat(40).parse().unwrap(),
        }
    }

    #[test]
    fn failures_are_sorted_counted_and_capped() {
        let mut status = SyncStatus::default();
        let failure = |number: usize| {
            let path: RepoPath = format!("file-{number:03}.yaml").parse().unwrap();
            Failure::of_file(&path, FailureReason::MacMismatch, "changed")
        };
        status.set_failures((0..200).rev().map(failure).collect());
        assert_eq!((status.failures.len(), status.failure_count), (50, 200));
        assert_eq!(status.failures[0].path, "file-000.yaml");
    }

    #[test]
    fn history_keeps_the_newest_and_does_not_repeat_itself() {
        let mut status = SyncStatus::default();
        let now = Timestamp::from_second(1).unwrap();
        for digit in ('0'..='9').chain('a'..='f') {
            status.remember(&revision(digit), "Succeeded", now);
            status.remember(&revision(digit), "Succeeded", now);
        }
        assert_eq!(status.history.len(), 10);
        assert!(status.history[0].revision.ends_with('f'));
        status.remember(&revision('f'), "ApplyFailed", now);
        assert_eq!(status.history[0].reason, "ApplyFailed");
    }

    #[test]
    fn hostile_names_are_escaped() {
        let failure = Failure::of_entry("a\nb", FailureReason::EntryRefused, "no\u{1b}[2J");
        assert_eq!(
            (failure.path.as_str(), failure.message.as_str()),
            ("a\\u{a}b", "no\\u{1b}[2J")
        );
    }
}
