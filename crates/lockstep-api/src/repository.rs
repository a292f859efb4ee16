//! `Repository`: a branch of a Git repository, fetched at an interval.

use crate::Interval;
use crate::interval::{LONGEST_TIMEOUT, timeout_schema};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use lockstep_names::{BranchName, GitUrl, InvalidName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A branch of a Git repository, fetched at an interval.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "lockstep.dev",
    version = "v1alpha1",
    kind = "Repository",
    plural = "repositories",
    shortname = "lsrepo",
    category = "lockstep",
    namespaced,
    status = "RepositoryStatus",
    derive = "PartialEq",
    doc = "A branch of a Git repository, fetched at an interval.",
    validation = Rule::new("size(self.metadata.name) <= 53 && !self.metadata.name.contains('.')")
        .message("metadata.name must be at most 53 characters and without dots"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
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
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.artifact.revision"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
pub struct RepositorySpec {
    /// The `https` address, without user, password, query or fragment. Credentials belong in the
    /// Secret of `secretRef`. The Team must allow the address.
    #[schemars(length(min = 9, max = 2048))]
    #[x_kube(
        validation = Rule::new("self.startsWith('https://')").message("must start with https://"),
        validation = Rule::new("self.matches('^[^:]+://[^/@]+(/.*)?$')")
            .message("must not name a user; credentials belong in the Secret of secretRef"),
        validation = Rule::new(r##"self.matches('^[!-~]+$') && !self.matches('[?#%<>"`\\\\]')"##)
            .message("must not have blanks, escapes, a query or a fragment")
    )]
    pub url: String,

    /// What to fetch.
    #[serde(rename = "ref", default)]
    pub reference: Reference,

    /// How often to ask the server for something new.
    #[serde(default = "default_interval")]
    pub interval: Interval,

    /// How long one fetch may take, an hour at most.
    #[serde(default = "default_timeout")]
    #[schemars(schema_with = "timeout_schema")]
    pub timeout: Interval,

    /// A Secret in the same namespace: `username` and `password`, or `bearerToken`; and `ca.crt` if the
    /// server's certificate is signed by an authority of its own. It is read as the Team's service
    /// account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalSecretReference>,

    /// Stops fetching, until it is set back.
    #[serde(default)]
    pub suspend: bool,
}

/// What to fetch of a repository.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// A branch, without `refs/heads/`.
    #[serde(default = "default_branch")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new(
        r"self.matches('^[^-/\\s~^:?*\\[\\\\][^\\s~^:?*\\[\\\\]*$') && !self.contains('..')"
    ).message("must be a branch name"))]
    pub branch: String,
}

impl Default for Reference {
    fn default() -> Self {
        Self {
            branch: default_branch(),
        }
    }
}

/// A Secret in the same namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalSecretReference {
    /// The name of the Secret.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub name: String,
}

/// What was last seen of a repository.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// The generation this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// What is true of the repository now: `Ready`, `Reconciling`, `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// What was last fetched. It stays when a later fetch fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,

    /// The value of the annotation `reconcile.lockstep.dev/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// A fetched revision.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The revision, such as `main@sha1:0c5e…`.
    pub revision: String,

    /// The address it came from.
    pub url: String,

    /// When it was first fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Time>,
}

impl RepositorySpec {
    /// How long it may take: `timeout`, or an hour where it says more.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.duration().min(LONGEST_TIMEOUT)
    }

    /// The address, checked.
    ///
    /// # Errors
    /// [`InvalidName`] for an address that passed the schema of an older version.
    pub fn url(&self) -> Result<GitUrl, InvalidName> {
        self.url.parse()
    }

    /// The branch, checked.
    ///
    /// # Errors
    /// [`InvalidName`] for a branch that passed the schema but is none.
    pub fn branch(&self) -> Result<BranchName, InvalidName> {
        self.reference.branch.parse()
    }
}

fn default_branch() -> String {
    "main".to_owned()
}

fn default_interval() -> Interval {
    Interval::literal("1m")
}

fn default_timeout() -> Interval {
    Interval::literal("1m")
}
