//! An object ready to be applied, and when.

use crate::findings::Findings;
use lockstep_names::{ObjectKey, RepoPath};
use lockstep_secret::SecretBytes;

/// One object as Git wants it.
#[derive(Debug)]
pub struct Manifest {
    /// Which object; its namespace is what the manifest says, if anything.
    pub key: ObjectKey,
    /// Canonical JSON: members sorted, no namespace, nothing that only the API server may write.
    pub body: SecretBytes,
    /// What a policy may have something to say about.
    pub findings: Findings,
    /// The file it came from.
    pub source: RepoPath,
    /// The line it starts on in that file, counted from 1.
    pub line: usize,
}

/// When an object is applied: all of a stage before any of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What others need to exist at all: kinds and namespaces.
    Foundation,
    /// Everything else.
    Ordinary,
    /// What can refuse the others: admission webhooks and policies.
    Admission,
}

/// The stage an object is applied in.
#[must_use]
pub fn stage(key: &ObjectKey) -> Stage {
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            Stage::Foundation
        }
        ("admissionregistration.k8s.io", _) => Stage::Admission,
        _ => Stage::Ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first_and_what_can_refuse_them_last() {
        let key = |group: &str, kind: &str| ObjectKey {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: None,
            name: "x".into(),
        };
        let stages = [
            key("apiextensions.k8s.io", "CustomResourceDefinition"),
            key("", "Secret"),
            key(
                "admissionregistration.k8s.io",
                "ValidatingWebhookConfiguration",
            ),
        ]
        .map(|key| stage(&key));
        assert!(stages.is_sorted() && stages[0] < stages[1] && stages[1] < stages[2]);
        assert_eq!(stage(&key("", "Namespace")), Stage::Foundation);
        assert_eq!(stage(&key("example.com", "Namespace")), Stage::Ordinary);
    }
}
