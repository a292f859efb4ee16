//! Step 3, Git: the files of the revision, from the object database. There is no checkout.

use super::preflight::Cleared;
use crate::context::Context;
use kube::ResourceExt;
use lockstep_api::SyncReason;
use lockstep_git::{Snapshot, SnapshotError, SnapshotFile, StoreError};
use lockstep_manifests::{FileRole, role_of};
use lockstep_names::RepoPath;

/// The files of one revision, listed.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// What they are wanted for.
    pub cleared: Cleared,
    /// The folder at that revision.
    pub snapshot: Snapshot,
    /// The files of it that are manifests.
    pub manifests: Vec<SnapshotFile>,
    /// The files of it that belong to a tool whose work would be missing, and which tool.
    pub unsupported: Vec<(RepoPath, &'static str)>,
}

/// Why the files cannot be had. Nothing is concluded from that about what should be in the cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The folder cannot be listed.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This process has not fetched the Repository yet, and an earlier one left nothing behind.
    #[error("the Repository has not been fetched since the operator started")]
    NotYet,
    /// There is nothing to apply.
    #[error("there is no manifest below {0}; nothing was deleted")]
    Empty(String),
    /// The task that reads was cancelled.
    #[error("reading the repository was cancelled")]
    Cancelled,
}

impl FetchError {
    /// The reason the status gives.
    pub(crate) fn reason(&self) -> SyncReason {
        match self {
            Self::Snapshot(
                SnapshotError::PathNotFound { .. } | SnapshotError::NotAFolder { .. },
            ) => SyncReason::PathNotFound,
            Self::Empty(_) => SyncReason::EmptySource,
            Self::Snapshot(_) | Self::Store(_) | Self::NotYet | Self::Cancelled => {
                SyncReason::SourceNotReady
            }
        }
    }
}

/// Lists the files of the cleared revision. Blocks.
///
/// # Errors
/// [`FetchError`].
pub(crate) fn fetch(context: &Context, cleared: Cleared) -> Result<Fetched, FetchError> {
    let repository = &cleared.resolved.repository;
    let store = context.stores.of(&repository.uid().unwrap_or_default())?;
    // Asked before the store is: a fetch may end in between.
    let has_looked = context.schedule.has_looked(repository);
    let snapshot = match store.snapshot(&cleared.revision, &cleared.path) {
        Err(SnapshotError::CommitNotFound { .. }) if !has_looked => return Err(FetchError::NotYet),
        found => found?,
    };
    let (mut manifests, mut unsupported) = (Vec::new(), Vec::new());
    for file in snapshot.files() {
        match role_of(&file.path, &cleared.path) {
            FileRole::Manifest => manifests.push(file.clone()),
            FileRole::Unsupported(why) => unsupported.push((file.path.clone(), why)),
            FileRole::Other => {}
        }
    }
    if manifests.is_empty() && unsupported.is_empty() && snapshot.refused().is_empty() {
        return Err(FetchError::Empty(cleared.path.to_string()));
    }
    Ok(Fetched {
        cleared,
        snapshot,
        manifests,
        unsupported,
    })
}
