//! Step 5, pure: opened documents to objects. The documents, and with them the plaintext, end here;
//! what is left of it are the bodies of the objects.

use super::memory::{FileMemory, Memory};
use super::open::OpenedTree;
use super::preflight::Cleared;
use crate::explain::explain;
use lockstep_api::{Failure, FailureReason};
use lockstep_manifests::{Manifest, RenderError, render as render_file};
use lockstep_names::{ObjectId, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

/// A file whose objects are known.
#[derive(Debug)]
pub(crate) struct RenderedFile {
    /// Its objects, and what it was opened from.
    pub memory: FileMemory,
    /// Has it been opened in this reconcile, so that its manifests are at hand?
    pub fresh: bool,
}

/// The objects one revision wants.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// What they are wanted for.
    pub cleared: Cleared,
    /// The folder's tree.
    pub tree: ObjectId,
    /// Every file that could be rendered.
    pub files: BTreeMap<RepoPath, RenderedFile>,
    /// The objects of the files that were opened now.
    pub manifests: Vec<Manifest>,
    /// What failed so far.
    pub failures: Vec<Failure>,
    /// Recipients of files that could not be opened.
    pub unmet: BTreeSet<String>,
    /// How many encrypted files were opened.
    pub opened: u64,
}

/// Renders what was opened; files that were not are filled in from `memory`.
pub(crate) fn render(opened: OpenedTree, memory: &Memory) -> Rendered {
    let OpenedTree {
        fetched,
        files,
        kept,
        empty,
        failures,
        unmet,
    } = opened;
    let labels = fetched.cleared.resolved.owner.labels();
    let mut rendered = Rendered {
        tree: fetched.snapshot.tree().clone(),
        cleared: fetched.cleared,
        files: BTreeMap::new(),
        manifests: Vec::new(),
        failures,
        unmet,
        opened: 0,
    };
    for path in kept {
        if let Some(known) = memory.files.get(&path) {
            rendered.files.insert(
                path,
                RenderedFile {
                    memory: known.clone(),
                    fresh: false,
                },
            );
        }
    }
    for (path, blob) in empty {
        let memory = FileMemory {
            blob,
            objects: Vec::new(),
            recipients: BTreeSet::new(),
        };
        rendered.files.insert(
            path,
            RenderedFile {
                memory,
                fresh: true,
            },
        );
    }
    for file in files {
        rendered.opened += u64::from(!file.recipients.is_empty());
        match render_file(&file.path, &file.document, &labels) {
            Ok(manifests) => {
                let memory = FileMemory {
                    blob: file.blob,
                    objects: Vec::new(),
                    recipients: file.recipients,
                };
                rendered.files.insert(
                    file.path,
                    RenderedFile {
                        memory,
                        fresh: true,
                    },
                );
                rendered.manifests.extend(manifests);
            }
            Err(errors) => {
                let failure = |error: &RenderError| {
                    let text = explain(error, error.hint());
                    Failure::of_file(&file.path, FailureReason::ManifestInvalid, &text)
                };
                rendered.failures.extend(errors.iter().map(failure));
            }
        }
    }
    rendered
}
