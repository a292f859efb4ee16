//! `Sync`: keeps a folder of a Repository and the cluster in step.

use crate::interval::{LONGEST_TIMEOUT, timeout_schema};
use crate::{Interval, SyncStatus};
use kube::{CustomResource, KubeSchema};
use lockstep_names::{InvalidName, RepoPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Keeps a folder of a Repository and the cluster in step.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "lockstep.dev",
    version = "v1alpha1",
    kind = "Sync",
    plural = "syncs",
    shortname = "lssync",
    category = "lockstep",
    namespaced,
    status = "SyncStatus",
    derive = "PartialEq",
    doc = "Keeps a folder of a Repository and the cluster in step. Keys and rights come from the Team that names the namespace.",
    validation = Rule::new("size(self.metadata.name) <= 53 && !self.metadata.name.contains('.')")
        .message("metadata.name must be at most 53 characters and without dots"),
    printcolumn(name = "Team", type_ = "string", json_path = ".status.team"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.lastAppliedRevision"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Path", type_ = "string", json_path = ".spec.path", priority = 1),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
pub struct SyncSpec {
    /// Where the manifests come from.
    pub source_ref: SourceReference,

    /// The folder in the repository; everything below it is applied. `.` is the whole repository.
    /// Objects that name no namespace go into the namespace of the Sync.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 4096))]
    #[x_kube(
        validation = Rule::new("!self.startsWith('/')").message("must be relative"),
        validation = Rule::new("!self.matches('(^|/)[.][.](/|$)')").message("must not have '..'"),
        validation = Rule::new(r"!self.matches('[\\\\\\x00-\\x1f\\x7f]')")
            .message("must not have backslashes or control characters")
    )]
    pub path: String,

    /// How often to look at everything again without being asked. A new revision and drift are acted
    /// on at once.
    #[serde(default = "default_interval")]
    pub interval: Interval,

    /// How long one reconcile may take, an hour at most.
    #[serde(default = "default_timeout")]
    #[schemars(schema_with = "timeout_schema")]
    pub timeout: Interval,

    /// Deletes objects that left Git. Only what this Sync applied itself is ever deleted.
    #[serde(default)]
    pub prune: bool,

    /// What happens to the applied objects when the Sync itself is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// What to do about fields that somebody else owns.
    #[serde(default)]
    pub conflict_policy: ConflictPolicy,

    /// What to do about changes made by others to what was applied.
    #[serde(default)]
    pub drift_detection: DriftDetection,

    /// Stops reconciling, until it is set back. What was applied stays.
    #[serde(default)]
    pub suspend: bool,
}

/// Where the manifests of a Sync come from.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReference {
    /// The kind of the source.
    #[serde(default)]
    pub kind: SourceKind,

    /// Its name, in the namespace of the Sync.
    #[schemars(
        length(min = 1, max = 53),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub name: String,
}

/// A kind of source.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceKind {
    /// A Git repository.
    #[default]
    Repository,
}

/// What happens to the applied objects when the Sync itself is deleted.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// They stay.
    #[default]
    Orphan,
    /// They are deleted, too.
    Prune,
}

/// What to do about fields that another field manager owns and Git wants otherwise.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConflictPolicy {
    /// The object fails and the conflict is reported. Fields this Sync owned before are taken back.
    #[default]
    Refuse,
    /// The fields are taken over.
    Force,
}

/// What to do about changes made by others to what was applied.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftDetection {
    /// Whether changes are put back.
    #[serde(default)]
    pub mode: DriftMode,
}

/// Whether changes made by others are put back.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriftMode {
    /// Put back and reported.
    #[default]
    Enabled,
    /// Reported only.
    Warn,
    /// Not looked for.
    Disabled,
}

impl SyncSpec {
    /// How long it may take: `timeout`, or an hour where it says more.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.duration().min(LONGEST_TIMEOUT)
    }

    /// The folder, checked.
    ///
    /// # Errors
    /// [`InvalidName`] for a path that passed the schema but may not be read.
    pub fn path(&self) -> Result<RepoPath, InvalidName> {
        self.path.parse()
    }
}

fn default_path() -> String {
    ".".to_owned()
}

fn default_interval() -> Interval {
    Interval::literal("10m")
}

fn default_timeout() -> Interval {
    Interval::literal("5m")
}
