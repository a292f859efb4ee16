//! Step 6, client, as the team: the objects that differ go to the API server.
//!
//! An object that is applied already, with the same content and unmoved, is left out. Before anything
//! is written, every new object is in the inventory, so that whatever comes to be in the cluster can
//! be found again.

mod plan;
mod standing;
mod write;

pub(crate) use standing::Adopted;

use super::memory::{FileMemory, Memory};
use super::preflight::Cleared;
use super::render::{Origin, Rendered, RenderedFile};
use super::resolve::Resolved;
use crate::context::Context;
use crate::ledger::{Held, Moved};
use lockstep_api::{Failure, FailureReason, SyncReason};
use lockstep_apply::{ApiError, ConnectError, Session};
use lockstep_manifests::{Manifest, Stage, stage};
use lockstep_names::{ObjectId, ObjectKey, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::time::Instant;

/// How long kinds are waited for that a definition in the same Sync brings: all of them together.
const KIND_PATIENCE: Duration = Duration::from_secs(12);

/// The cluster after the objects were applied.
pub(crate) struct Applied {
    /// What it was done for.
    pub cleared: Cleared,
    /// The folder's tree.
    pub tree: ObjectId,
    /// Files without any failure.
    pub files: BTreeMap<RepoPath, FileMemory>,
    /// Every object that Git wants, as far as the files could be read.
    pub desired: BTreeSet<ObjectKey>,
    /// What failed, in whichever step.
    pub failures: Vec<Failure>,
    /// Did a failure happen that may pass by itself?
    pub transient: bool,
    /// How many encrypted files could be opened, whatever became of their objects.
    pub opened: usize,
    /// The recipients that encrypted files name, opened or not.
    pub needed: BTreeSet<String>,
    /// Which recipient's identity opened which file, whatever became of its objects.
    pub opened_by: BTreeMap<RepoPath, String>,
    /// How many objects were written.
    pub written: u64,
    /// Objects that had moved and were put back.
    pub corrected: Vec<(ObjectKey, Moved)>,
    /// Objects that were taken over, and from whom.
    pub adopted: Adopted,
    /// Could the objects of every file be found out?
    pub whole: bool,
    /// The session, if there was anything to write; pruning goes on with it.
    pub session: Option<Session>,
}

/// Why nothing at all could be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The team's account is not there.
    #[error("the team's service account {account} cannot be used: {cause}")]
    Account {
        /// Which account, as `NAMESPACE/NAME`.
        account: String,
        /// What the API server said of it.
        cause: ApiError,
    },
    /// No connection as the team.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The inventory could not be written first.
    #[error("the inventory could not be written, so nothing was applied: {0}")]
    Inventory(String),
}

impl ApplyError {
    /// The reason the status gives.
    pub(crate) fn reason(&self) -> SyncReason {
        match self {
            Self::Account {
                cause: ApiError::NotFound | ApiError::NamespaceNotFound,
                ..
            } => SyncReason::ServiceAccountNotFound,
            Self::Account {
                cause: ApiError::Forbidden | ApiError::ImpersonationForbidden,
                ..
            } => SyncReason::ImpersonationForbidden,
            Self::Account { .. } | Self::Connect(_) | Self::Inventory(_) => SyncReason::Unreachable,
        }
    }
}

/// Applies what differs.
///
/// # Errors
/// [`ApplyError`]; an object that fails is no error but a failure in [`Applied`].
pub(crate) async fn apply(
    context: &Context,
    rendered: Rendered,
    memory: &mut Memory,
    stop: &AtomicBool,
) -> Result<Applied, ApplyError> {
    let Rendered {
        cleared,
        tree,
        files,
        manifests,
        failures,
        unmet,
        opened,
    } = rendered;
    context.metrics.opened(opened);
    let mut work = Work::new(context, cleared, files, failures, memory);
    let mut stages: BTreeMap<Stage, Vec<Manifest>> = BTreeMap::new();
    for manifest in manifests {
        stages
            .entry(stage(&manifest.key))
            .or_default()
            .push(manifest);
    }
    for manifests in stages.into_values() {
        let planned = work.plan(manifests, memory, stop).await;
        work.write(planned, memory, stop).await?;
    }
    Ok(work.finish(tree, unmet))
}

/// The state of one apply while it goes from stage to stage.
struct Work<'a> {
    context: &'a Context,
    resolved: Resolved,
    cleared: Cleared,
    files: BTreeMap<RepoPath, RenderedFile>,
    wanted_by: BTreeMap<ObjectKey, RepoPath>,
    failed: BTreeSet<RepoPath>,
    failures: Vec<Failure>,
    transient: bool,
    moved: BTreeMap<ObjectKey, Moved>,
    /// Those of them that are left for now.
    held: BTreeMap<ObjectKey, Held>,
    corrected: Vec<(ObjectKey, Moved)>,
    written: u64,
    adopted: Adopted,
    whole: bool,
    session: Option<Session>,
    /// Until when kinds are waited for, if this Sync has brought definitions of some just now.
    kinds_until: Option<Instant>,
    /// Is this revision the one applied before this process began, so that every field of it was ours?
    restarted: bool,
}

impl<'a> Work<'a> {
    fn new(
        context: &'a Context,
        cleared: Cleared,
        files: BTreeMap<RepoPath, RenderedFile>,
        failures: Vec<Failure>,
        memory: &Memory,
    ) -> Self {
        let resolved = cleared.resolved.clone();
        let kept = files
            .iter()
            .filter(|(_, file)| file.origin == Origin::Remembered);
        let objects = |(path, file): (&RepoPath, &RenderedFile)| {
            let path = path.clone();
            file.memory
                .objects
                .clone()
                .into_iter()
                .map(move |key| (key, path.clone()))
        };
        let wanted_by = kept.flat_map(objects).collect();
        let moved = context.ledger.moved(&resolved.owner);
        let held = context.ledger.held(&resolved.owner);
        let applied = memory
            .status
            .as_ref()
            .and_then(|status| status.last_applied_revision.clone());
        let restarted = applied == Some(cleared.revision.to_string());
        Self {
            context,
            resolved,
            cleared,
            files,
            wanted_by,
            failed: BTreeSet::new(),
            whole: failures.is_empty(),
            failures,
            transient: false,
            moved,
            held,
            corrected: Vec::new(),
            written: 0,
            adopted: Adopted::new(),
            session: None,
            kinds_until: None,
            restarted,
        }
    }

    fn fail(&mut self, failure: Failure, source: &RepoPath) {
        self.transient |= failure.reason == FailureReason::KindNotFound.as_str();
        self.failures.push(failure);
        self.failed.insert(source.clone());
    }

    fn finish(self, tree: ObjectId, unmet: BTreeSet<String>) -> Applied {
        let encrypted = self
            .files
            .values()
            .map(|file| &file.memory.recipients)
            .filter(|names| !names.is_empty());
        let opened = encrypted.clone().count();
        let needed = encrypted.flatten().cloned().chain(unmet).collect();
        let opened_by = self
            .files
            .iter()
            .filter_map(|(path, file)| Some((path.clone(), file.memory.opened_by.clone()?)))
            .collect();
        let whole = |(path, file): (RepoPath, RenderedFile)| {
            (!self.failed.contains(&path)).then_some((path, file.memory))
        };
        Applied {
            cleared: self.cleared,
            tree,
            files: self.files.into_iter().filter_map(whole).collect(),
            desired: self.wanted_by.into_keys().collect(),
            failures: self.failures,
            transient: self.transient,
            opened,
            needed,
            opened_by,
            written: self.written,
            corrected: self.corrected,
            adopted: self.adopted,
            whole: self.whole,
            session: self.session,
        }
    }
}
