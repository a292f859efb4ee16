//! `Team`: which namespaces, keys, account and repositories belong together. Administrators write it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema, ResourceExt};
use lockstep_names::{AccountName, GitUrl, InvalidName, NamespaceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Allowed, DecryptedValues, LocalSecretReference, SecretEncryption};

/// Which namespaces, keys, account and repositories belong together.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "lockstep.dev",
    version = "v1alpha1",
    kind = "Team",
    plural = "teams",
    shortname = "lsteam",
    category = "lockstep",
    status = "TeamStatus",
    derive = "PartialEq",
    doc = "Which namespaces, keys, account and repositories belong together. Written by administrators; its name is the team's name in .sops.yaml.",
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("metadata.name must be at most 63 characters and without dots"),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.serviceAccountName"),
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
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Namespaces", type_ = "string", json_path = ".spec.namespaces", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
pub struct TeamSpec {
    /// The namespaces of the team, by name. A namespace belongs to one Team only; none may be one of
    /// Kubernetes' own or the operator's.
    #[schemars(
        length(min = 1, max = 256),
        inner(
            length(min = 1, max = 63),
            regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
        )
    )]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(
            "!self.exists(n, n in ['kube-system', 'kube-public', 'kube-node-lease'])"
        ).message("must not name a namespace of Kubernetes itself")
    )]
    pub namespaces: Vec<String>,

    /// The service account the operator acts as. It must be in each of the namespaces; its rights are
    /// the team's rights.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub service_account_name: String,

    /// The Secrets that hold the team's age identities. Every identity is tried, so that keys can
    /// overlap while they are rotated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub keys: Vec<TeamKey>,

    /// The repositories the team may use: an address, or everything below an address that ends in
    /// `/*`. Compared as a whole; the host without case, the path with it.
    #[schemars(length(min = 1, max = 256), inner(length(min = 9, max = 2048)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(r, r.matches('^https://[^/@?#*]+(/[^@?#*]*)?([*])?$'))")
            .message("each must be an https address, which may end in /*"),
        validation = Rule::new("self.all(r, !r.endsWith('*') || r.endsWith('/*'))")
            .message("'*' may only stand at the end, after a slash")
    )]
    pub repositories: Vec<String>,

    /// The cluster-scoped kinds the team may apply; none unless listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["group".into(), "kind".into()]))]
    pub cluster_scoped_kinds: Vec<GroupKind>,

    /// How much of the data of a Secret has to be encrypted in Git.
    #[serde(default)]
    pub secret_encryption: SecretEncryption,

    /// Where values may stand that are encrypted in Git.
    #[serde(default)]
    pub decrypted_values: DecryptedValues,

    /// Types of Secrets, labels and annotations that carry power beyond the object; refused unless
    /// listed.
    #[serde(default, skip_serializing_if = "Allowed::is_empty")]
    pub allowed: Allowed,
}

/// Where one or more identities of a team are.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamKey {
    /// A Secret in the operator's own namespace. Every entry whose name ends in `.agekey` holds age
    /// identities, one a line.
    pub secret_ref: LocalSecretReference,

    /// Whether the operator makes an identity where there is no such Secret.
    #[serde(default)]
    pub generate: KeyGeneration,

    /// The recipients whose identities this Secret is known to hold, as `status.recipients` publishes
    /// them. One that is missing is reported, and while any is named here no key is ever made in its
    /// place: not even in a new cluster that remembers nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(max = 128), regex(pattern = "^age1[a-z0-9]+$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub recipients: Vec<String>,

    /// Other Teams that may hold the same identities. An identity of two Teams is used for neither
    /// unless each names the other here: whoever holds it reads the files of both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub shared_with: Vec<String>,
}

/// Whether the operator makes a key.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyGeneration {
    /// An administrator makes the Secret.
    #[default]
    Never,
    /// Where there is no Secret of this name, the operator creates it with a new X25519 identity in
    /// its entry `key.agekey`. It never does so twice for a Team whose key was published, and never
    /// overwrites anything. Back the key up: see `lockstep key backup`.
    Once,
}

/// A kind of object.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub group: String,

    /// The kind, such as `ClusterRole`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
}

/// What was last seen of a team.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamStatus {
    /// The generation this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// What is true of the team now: `Ready`, `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The public halves of the Team's keys, now and before. Encrypt to those that are `Held`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub recipients: Vec<PublishedRecipient>,

    /// Namespaces that cannot be used, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub namespace_problems: Vec<NamespaceProblem>,
}

/// A recipient of the Team.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedRecipient {
    /// The recipient, such as `age1…`.
    pub recipient: String,

    /// The Secret and entry its identity came from.
    pub origin: String,

    /// The Secret alone.
    #[serde(default)]
    pub secret: String,

    /// Whether its identity is at hand.
    #[serde(default)]
    pub state: RecipientState,
}

/// Whether the identity of a recipient is at hand.
#[derive(
    JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum RecipientState {
    /// It is: files that are encrypted to it are opened.
    #[default]
    Held,
    /// It was published, or the Team names it, and its Secret is gone, is damaged, or lacks it although
    /// the Team names it; or it may not be used. Files that are encrypted to nothing else stay as they
    /// were applied.
    Missing,
    /// It was published, and the Team no longer names its Secret, or that was written anew without it.
    /// Name the recipient in the Team where that must not pass unnoticed.
    Retired,
}

/// A namespace that cannot be used.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceProblem {
    /// The namespace.
    pub name: String,

    /// Why, for programs.
    pub reason: String,

    /// Why, for people.
    pub message: String,
}

impl TeamSpec {
    /// The account to act as, checked.
    ///
    /// # Errors
    /// [`InvalidName`] for a name that passed the schema of an older version.
    pub fn account(&self) -> Result<AccountName, InvalidName> {
        self.service_account_name.parse()
    }

    /// Does the team have this namespace?
    #[must_use]
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|own| own == namespace)
    }

    /// May the team use this repository?
    #[must_use]
    pub fn allows_repository(&self, url: &GitUrl) -> bool {
        self.repositories
            .iter()
            .any(|pattern| url.is_allowed_by(pattern))
    }

    /// May the team apply this cluster-scoped kind?
    #[must_use]
    pub fn allows_cluster_scoped(&self, group: &str, kind: &str) -> bool {
        self.cluster_scoped_kinds
            .iter()
            .any(|own| own.group == group && own.kind == kind)
    }
}

/// A namespace has no team, or more than one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TeamLookupError {
    /// No Team names the namespace.
    #[error("no Team names the namespace {0}")]
    None(NamespaceName),

    /// More than one Team names the namespace.
    #[error("the namespace {namespace} is named by more than one Team: {}", teams.join(", "))]
    Several {
        /// The namespace.
        namespace: NamespaceName,
        /// The names of the Teams, sorted.
        teams: Vec<String>,
    },
}

/// Finds the team of a namespace.
///
/// # Errors
/// [`TeamLookupError`] unless exactly one Team names the namespace.
pub fn team_of<'a>(
    teams: impl IntoIterator<Item = &'a Team>,
    namespace: &NamespaceName,
) -> Result<&'a Team, TeamLookupError> {
    let has = |team: &&Team| team.spec.has_namespace(namespace.as_str());
    let mut found: Vec<_> = teams.into_iter().filter(has).collect();
    match found.as_slice() {
        [] => Err(TeamLookupError::None(namespace.clone())),
        [team] => Ok(team),
        _ => {
            found.sort_by_key(|team| team.name_any());
            let teams = found.iter().map(|team| team.name_any()).collect();
            Err(TeamLookupError::Several {
                namespace: namespace.clone(),
                teams,
            })
        }
    }
}

/// Says why a namespace may be no team's, if so: it is Kubernetes' own or the operator's.
#[must_use]
pub fn reserved_namespace(
    namespace: &NamespaceName,
    operator: &NamespaceName,
) -> Option<&'static str> {
    match namespace.as_str() {
        "kube-system" | "kube-public" | "kube-node-lease" => {
            Some("it is one of Kubernetes' own namespaces")
        }
        _ if namespace == operator => Some("it is the operator's own namespace"),
        _ => None,
    }
}
