//! Objects ready to be applied, each once, in order.

use lockstep_names::{ObjectKey, RepoPath};
use lockstep_secret::SecretBytes;
use std::collections::BTreeMap;

/// One object as Git wants it.
#[derive(Debug)]
pub struct Manifest {
    /// Which object; its namespace is what the manifest says, if anything.
    pub key: ObjectKey,
    /// Canonical JSON: members sorted, no namespace, nothing that only the API server may write.
    pub body: SecretBytes,
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

/// The objects of all files, each once, sorted by stage and then by key.
#[derive(Debug, Default)]
pub struct Rendered {
    manifests: Vec<Manifest>,
}

/// An object that another document had given already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is already given by {first}, line {first_line}")]
pub struct DuplicateObject {
    /// The object.
    pub key: ObjectKey,
    /// The file whose document counts: the first by path, then by line.
    pub first: RepoPath,
    /// The line of that document.
    pub first_line: usize,
    /// The file whose document was left out.
    pub second: RepoPath,
    /// The line of that document.
    pub second_line: usize,
}

impl Rendered {
    /// Collects the manifests of all files. Namespaces must be settled before, or an object that says
    /// its namespace and one that leaves it open would both be kept.
    #[must_use]
    pub fn collect(manifests: impl IntoIterator<Item = Manifest>) -> (Self, Vec<DuplicateObject>) {
        let mut manifests: Vec<_> = manifests.into_iter().collect();
        manifests.sort_by(|a, b| (&a.source, a.line).cmp(&(&b.source, b.line)));
        let mut first: BTreeMap<ObjectKey, (RepoPath, usize)> = BTreeMap::new();
        let mut duplicates = Vec::new();
        manifests.retain(|manifest| match first.get(&manifest.key) {
            Some((source, line)) => {
                duplicates.push(DuplicateObject {
                    key: manifest.key.clone(),
                    first: source.clone(),
                    first_line: *line,
                    second: manifest.source.clone(),
                    second_line: manifest.line,
                });
                false
            }
            None => {
                first.insert(
                    manifest.key.clone(),
                    (manifest.source.clone(), manifest.line),
                );
                true
            }
        });
        manifests.sort_by(|a, b| (stage(&a.key), &a.key).cmp(&(stage(&b.key), &b.key)));
        (Self { manifests }, duplicates)
    }

    /// The objects, sorted.
    #[must_use]
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// Gives the objects away, sorted.
    #[must_use]
    pub fn into_manifests(self) -> Vec<Manifest> {
        self.manifests
    }
}
