//! What a team may have in its files, besides what its account may apply.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of the data of a Secret has to be encrypted in Git. Empty values do not count.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretEncryption {
    /// Every value.
    Full,
    /// At least one, so that a Secret nobody encrypted is refused.
    #[default]
    Partial,
    /// Nothing has to be.
    Optional,
}

/// Where values may stand that are encrypted in Git.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecryptedValues {
    /// Under `data` and `stringData` of a Secret, where the cluster guards them.
    #[default]
    SecretData,
    /// In any field of any object.
    Anywhere,
}

/// Types of Secrets, labels and annotations that carry power beyond the object and are allowed all the
/// same: by name, all under a prefix (`example.com/*`), or under all prefixes of a domain
/// (`*.example.com/*`).
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// Types of Secrets, such as `helm.sh/release.v1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 317)))]
    pub secret_types: Vec<String>,

    /// Names of labels, such as `argocd.argoproj.io/secret-type`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 317)))]
    pub labels: Vec<String>,

    /// Names of annotations, such as `replicator.v1.mittwald.de/replicate-from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 317)))]
    pub annotations: Vec<String>,
}

impl Allowed {
    /// Is nothing listed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
