//! Step 5, pure: opened documents to objects. The documents, and with them the plaintext, end here;
//! what is left of it are the bodies of the objects.

use super::memory::{FileMemory, Memory};
use super::open::OpenedTree;
use super::preflight::Cleared;
use super::vet::{Refused, vet};
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
    /// How its objects are known.
    pub origin: Origin,
}

/// How the objects of a file are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was opened in this reconcile, and its manifests are at hand.
    Opened,
    /// It is as it was when it was last applied.
    Remembered,
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
            rendered.keep(path, known.clone(), Origin::Remembered);
        }
    }
    for (path, blob) in empty {
        rendered.keep(path, FileMemory::of(blob, BTreeSet::new()), Origin::Opened);
    }
    let labels = rendered.cleared.resolved.owner.labels();
    for file in files {
        rendered.opened += u64::from(!file.recipients.is_empty());
        match render_file(&file.path, &file.document, &labels) {
            Ok(manifests) => {
                let refused = vet(&manifests, &rendered.cleared.resolved.team);
                if !refused.is_empty() {
                    rendered.refuse(&file.path, refused);
                    continue;
                }
                let memory = FileMemory::of(file.blob, file.recipients).opened_by(file.opened_by);
                rendered.keep(file.path, memory, Origin::Opened);
                rendered.manifests.extend(manifests);
            }
            Err(errors) => rendered.fail(&file.path, &errors),
        }
    }
    rendered
}

impl Rendered {
    fn keep(&mut self, path: RepoPath, memory: FileMemory, origin: Origin) {
        self.files.insert(path, RenderedFile { memory, origin });
    }

    fn refuse(&mut self, path: &RepoPath, refused: Vec<Refused>) {
        let failure = |refused: Refused| Failure::of_file(path, refused.reason, &refused.message);
        self.failures.extend(refused.into_iter().map(failure));
    }

    fn fail(&mut self, path: &RepoPath, errors: &[RenderError]) {
        let failure = |error: &RenderError| {
            let text = explain(error, error.hint());
            Failure::of_file(path, FailureReason::ManifestInvalid, &text)
        };
        self.failures.extend(errors.iter().map(failure));
    }
}
