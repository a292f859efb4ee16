//! `Sync`: keeps a folder of a Repository and the cluster in step.

use crate::interval::{LONGEST_TIMEOUT, timeout_schema};
use crate::{Interval, SyncStatus};
use kube::{CustomResource, KubeSchema};
use lockstep_names::{InvalidName, ObjectKey, RepoPath};
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

    /// What to do about objects that were in the cluster before this Sync came.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

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

/// What to do about an object that Git wants and that exists already, though this Sync never applied it.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdoptionPolicy {
    /// The object fails with `AlreadyExists` and is left as it is.
    #[default]
    Refuse,
    /// The object becomes this Sync's, with what kubectl, Flux, Argo CD or Helm own of it: fields they
    /// own and Git does not have go. Where a value differs from Git's, `conflictPolicy` decides.
    /// Objects of another Sync are not adopted while that Sync exists.
    Adopt,
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

    /// Fields that are left to others once the object exists, such as the replicas that an autoscaler
    /// sets. A new object gets the value Git has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub ignore: Vec<IgnoreRule>,
}

/// Fields that are left to others.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreRule {
    /// The fields, as JSON pointers such as `/spec/replicas`, with everything below them. A pointer
    /// cannot lead into a list.
    #[schemars(
        length(min = 1, max = 50),
        inner(length(max = 500), regex(pattern = "^(/[^/]+)+$"))
    )]
    pub paths: Vec<String>,

    /// The objects; all of this Sync's if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<IgnoreTarget>,
}

/// Objects an [`IgnoreRule`] is about: those that have everything that is said here.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreTarget {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub group: Option<String>,
    /// The kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub kind: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
    /// The namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
}

impl DriftDetection {
    /// The pointers that are ignored in the object `key`.
    pub fn ignored<'a>(&'a self, key: &'a ObjectKey) -> impl Iterator<Item = &'a str> {
        let rules = self.ignore.iter();
        let about = rules.filter(|rule| rule.target.as_ref().is_none_or(|it| it.matches(key)));
        about.flat_map(|rule| rule.paths.iter().map(String::as_str))
    }
}

impl IgnoreTarget {
    fn matches(&self, key: &ObjectKey) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        is(&self.group, Some(&key.group))
            && is(&self.kind, Some(&key.kind))
            && is(&self.name, Some(&key.name))
            && is(&self.namespace, key.namespace.as_deref())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_about_the_objects_that_fit_its_target() {
        let rules: DriftDetection = serde_json::from_value(serde_json::json!({"ignore": [
            {"paths": ["/spec/replicas"], "target": {"group": "apps", "kind": "Deployment"}},
            {"paths": ["/metadata/labels/x"], "target": {"name": "web", "namespace": "a"}},
            {"paths": ["/metadata/annotations"]},
        ]}))
        .unwrap();
        let ignored = |kind: &str, namespace: &str, name: &str| {
            let key = ObjectKey {
                group: if kind == "Secret" { "" } else { "apps" }.to_owned(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: Some(namespace.to_owned()),
                name: name.to_owned(),
            };
            rules.ignored(&key).map(str::to_owned).collect::<Vec<_>>()
        };
        let everywhere = "/metadata/annotations";
        assert_eq!(
            ignored("Deployment", "b", "x"),
            ["/spec/replicas", everywhere]
        );
        assert_eq!(
            ignored("Secret", "a", "web"),
            ["/metadata/labels/x", everywhere]
        );
        assert_eq!(ignored("Secret", "b", "web"), [everywhere]);
    }
}
