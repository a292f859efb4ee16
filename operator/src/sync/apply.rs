//! Step 6, client, as the team: the objects that differ go to the API server.
//!
//! An object that is applied already, with the same content and unmoved, is left out. Before anything
//! is written, every new object is in the inventory, so that whatever comes to be in the cluster can
//! be found again.

use super::admit::admit;
use super::memory::{FileMemory, Memory};
use super::preflight::Cleared;
use super::render::{Rendered, RenderedFile};
use super::report;
use super::resolve::Resolved;
use crate::context::Context;
use crate::ledger::Moved;
use lockstep_api::{ConflictPolicy, DriftMode, Failure, FailureReason, SyncReason};
use lockstep_apply::{ApiError, Change, ConnectError, Planned, Resource, Session, verify_account};
use lockstep_manifests::{Manifest, Stage, stage};
use lockstep_names::{NamespaceName, ObjectId, ObjectKey, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How many objects of one Sync are written at once.
const AT_ONCE: usize = 16;
/// How long kinds that a definition in the same Sync brings are waited for.
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
    /// Recipients of files that could not be opened.
    pub unmet: BTreeSet<String>,
    /// How many objects were written.
    pub written: u64,
    /// Objects that had moved and were put back.
    pub corrected: Vec<(ObjectKey, Moved)>,
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
        let planned = work.plan(manifests, memory).await;
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
    corrected: Vec<(ObjectKey, Moved)>,
    written: u64,
    session: Option<Session>,
    /// Has this Sync brought definitions of kinds just now?
    new_kinds: bool,
    /// Is this revision the one applied before this process began, so that every field of it was ours?
    restarted: bool,
}

/// An object with its place, ready to be written.
struct Placed {
    planned: Planned,
    key: ObjectKey,
    source: RepoPath,
    line: usize,
    fingerprint: lockstep_apply::Fingerprint,
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
        let kept = files.iter().filter(|(_, file)| !file.fresh);
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
            failures,
            transient: false,
            moved,
            corrected: Vec::new(),
            written: 0,
            session: None,
            new_kinds: false,
            restarted,
        }
    }

    /// Finds each object's place, and leaves out what is refused or needs no work.
    async fn plan(&mut self, manifests: Vec<Manifest>, memory: &Memory) -> Vec<Placed> {
        let mut planned = Vec::new();
        for manifest in manifests {
            let Manifest {
                mut key,
                body,
                source,
                line,
            } = manifest;
            let (resource, namespace) = match self.place(&key).await {
                Ok(place) => place,
                Err(failure) => {
                    self.fail(failure.at(&source, Some(line)), &source);
                    continue;
                }
            };
            key.namespace = namespace.as_ref().map(ToString::to_string);
            if let Some(first) = self.wanted_by.get(&key) {
                let message = format!("{key} is already in {first}; one of the two must go");
                let failure = Failure::of_object(&key, FailureReason::DuplicateObject, &message);
                self.fail(failure.at(&source, Some(line)), &source);
                continue;
            }
            self.wanted_by.insert(key.clone(), source.clone());
            if let Some(file) = self.files.get_mut(&source) {
                file.memory.objects.push(key.clone());
            }
            let fingerprint = self.context.fingerprints.of(&body);
            if memory.full_apply.is_some() && self.is_current(&key, &fingerprint) {
                continue;
            }
            let planned_object = self.planned(resource, namespace, &key, body, memory);
            planned.push(Placed {
                planned: planned_object,
                key,
                source,
                line,
                fingerprint,
            });
        }
        planned
    }

    fn planned(
        &self,
        resource: Arc<Resource>,
        namespace: Option<NamespaceName>,
        key: &ObjectKey,
        body: lockstep_secret::SecretBytes,
        memory: &Memory,
    ) -> Planned {
        let known = memory.inventory.get(key).cloned().flatten();
        Planned {
            resource,
            namespace,
            name: key.name.clone(),
            body,
            recorded: self.context.ledger.recorded(&self.resolved.owner, key),
            conflicts: self.conflicts(known),
        }
    }

    /// What to do about fields of others. `known` is the object's UID in the inventory: after a restart
    /// nothing else tells that its fields were ours.
    fn conflicts(&self, known: Option<String>) -> lockstep_apply::ConflictPolicy {
        match (self.resolved.sync.spec.conflict_policy, known) {
            (ConflictPolicy::Force, _) => lockstep_apply::ConflictPolicy::Force,
            (ConflictPolicy::Refuse, Some(uid)) if self.restarted => {
                lockstep_apply::ConflictPolicy::ForceOn { uid }
            }
            (ConflictPolicy::Refuse, _) => lockstep_apply::ConflictPolicy::Refuse,
        }
    }

    fn is_current(&self, key: &ObjectKey, fingerprint: &lockstep_apply::Fingerprint) -> bool {
        let restores = self.resolved.sync.spec.drift_detection.mode == DriftMode::Enabled;
        let moved = restores && self.moved.contains_key(key);
        !moved
            && self
                .context
                .ledger
                .is_applied(&self.resolved.owner, key, fingerprint)
    }

    async fn place(
        &self,
        key: &ObjectKey,
    ) -> Result<(Arc<Resource>, Option<NamespaceName>), Failure> {
        let resource = self.kind(key).await.map_err(|error| {
            let reason = match error {
                ApiError::KindUnknown => FailureReason::KindNotFound,
                _ => FailureReason::ApplyFailed,
            };
            Failure::of_object(key, reason, &error.to_string())
        })?;
        let namespace = admit(key, &resource, &self.resolved)
            .map_err(|refused| Failure::of_object(key, refused.reason, &refused.message))?;
        Ok((resource, namespace))
    }

    /// Finds the kind; if this Sync has just brought definitions of kinds, waits for them.
    async fn kind(&self, key: &ObjectKey) -> Result<Arc<Resource>, ApiError> {
        let started = tokio::time::Instant::now();
        loop {
            match self.context.kinds.resolve(key).await {
                Err(ApiError::KindUnknown)
                    if self.new_kinds && started.elapsed() < KIND_PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                found => return found,
            }
        }
    }

    fn fail(&mut self, failure: Failure, source: &RepoPath) {
        self.transient |= failure.reason == FailureReason::KindNotFound.as_str();
        self.failures.push(failure);
        self.failed.insert(source.clone());
    }

    /// Writes the objects of one stage.
    async fn write(
        &mut self,
        placed: Vec<Placed>,
        memory: &mut Memory,
        stop: &AtomicBool,
    ) -> Result<(), ApplyError> {
        if placed.is_empty() {
            return Ok(());
        }
        self.intend(&placed, memory).await?;
        if self.session.is_none() {
            self.session = Some(self.connect().await?);
        }
        let Some(session) = &self.session else {
            return Ok(());
        };
        let (planned, notes): (Vec<_>, Vec<_>) = placed
            .into_iter()
            .map(|placed| {
                (
                    placed.planned,
                    (placed.key, placed.source, placed.line, placed.fingerprint),
                )
            })
            .unzip();
        let outcomes = session.apply_all(planned, AT_ONCE, stop).await;
        for (outcome, (key, source, line, fingerprint)) in outcomes.into_iter().zip(notes) {
            match outcome {
                Ok(applied) => self.note(key, fingerprint, applied, memory),
                Err(error) => {
                    self.transient |= error.is_transient() || error == ApiError::Stopped;
                    let failure = Failure::of_object(&key, object_reason(&error), &explain(&error));
                    self.fail(failure.at(&source, Some(line)), &source);
                }
            }
        }
        Ok(())
    }

    /// Puts what is new into the inventory before it is in the cluster.
    async fn intend(&self, placed: &[Placed], memory: &mut Memory) -> Result<(), ApplyError> {
        let before = memory.inventory.len();
        for object in placed {
            memory.inventory.entry(object.key.clone()).or_insert(None);
        }
        if memory.inventory.len() == before {
            return Ok(());
        }
        report::intend(self.context, &self.resolved, memory)
            .await
            .map_err(ApplyError::Inventory)
    }

    async fn connect(&self) -> Result<Session, ApplyError> {
        let account = &self.resolved.account;
        verify_account(&self.context.client, account)
            .await
            .map_err(|cause| ApplyError::Account {
                account: account.to_string(),
                cause,
            })?;
        Ok(Session::connect(
            &self.context.config,
            account,
            self.resolved.owner.clone(),
        )?)
    }

    fn note(
        &mut self,
        key: ObjectKey,
        fingerprint: lockstep_apply::Fingerprint,
        applied: lockstep_apply::Applied,
        memory: &mut Memory,
    ) {
        memory
            .inventory
            .insert(key.clone(), Some(applied.recorded.uid().to_owned()));
        self.written += u64::from(applied.change != Change::Unchanged);
        self.new_kinds |= key.kind == "CustomResourceDefinition";
        if let Some(moved) = self.moved.remove(&key) {
            self.corrected.push((key.clone(), moved));
        }
        self.context
            .ledger
            .record(&self.resolved.owner, key, fingerprint, applied.recorded);
    }

    fn finish(self, tree: ObjectId, unmet: BTreeSet<String>) -> Applied {
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
            unmet,
            written: self.written,
            corrected: self.corrected,
            session: self.session,
        }
    }
}

fn object_reason(error: &ApiError) -> FailureReason {
    match error {
        ApiError::Conflict { .. } => FailureReason::Conflict,
        ApiError::Forbidden | ApiError::ImpersonationForbidden => FailureReason::Forbidden,
        ApiError::Invalid { .. }
        | ApiError::Malformed { .. }
        | ApiError::Denied { .. }
        | ApiError::TooLarge
        | ApiError::BadName => FailureReason::Rejected,
        ApiError::NamespaceNotFound | ApiError::Terminating => FailureReason::NamespaceUnavailable,
        ApiError::KindUnknown => FailureReason::KindNotFound,
        _ => FailureReason::ApplyFailed,
    }
}

/// The error, and for a conflict what would help.
fn explain(error: &ApiError) -> String {
    match error {
        ApiError::Conflict { .. } => {
            format!(
                "{error}; remove them there, or set spec.conflictPolicy to Force to take them over"
            )
        }
        _ => error.to_string(),
    }
}
