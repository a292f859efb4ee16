//! From manifests to what has to be written: places found, refusals noted, unchanged objects left out.

use super::Work;
use crate::sync::admit::admit;
use crate::sync::memory::Memory;
use lockstep_api::{ConflictPolicy, DriftMode, Failure, FailureReason};
use lockstep_apply::{ApiError, Fingerprint, IgnoredField, Planned, Resource};
use lockstep_manifests::Manifest;
use lockstep_names::{NamespaceName, ObjectKey, RepoPath};
use lockstep_secret::SecretBytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// An object with its place, ready to be written.
pub(super) struct Placed {
    /// What to write.
    pub planned: Planned,
    /// Which object.
    pub key: ObjectKey,
    /// The file it came from.
    pub source: RepoPath,
    /// The line there.
    pub line: usize,
    /// The digest of its content.
    pub fingerprint: Fingerprint,
}

impl Work<'_> {
    /// Finds each object's place, and leaves out what is refused or needs no work.
    pub(super) async fn plan(
        &mut self,
        manifests: Vec<Manifest>,
        memory: &Memory,
        stop: &AtomicBool,
    ) -> Vec<Placed> {
        let mut planned = Vec::new();
        let digest = |manifest: &Manifest| self.context.fingerprints.of(&manifest.body);
        let fingerprints: Vec<_> = manifests.iter().map(digest).collect();
        // Hashing leaves the end of a body on the stack.
        lockstep_secret::wipe_stack();
        for (manifest, fingerprint) in manifests.into_iter().zip(fingerprints) {
            let Manifest {
                mut key,
                body,
                source,
                line,
                ..
            } = manifest;
            let (resource, namespace) = match self.place(&key, stop).await {
                Ok(place) => place,
                Err(failure) => {
                    self.whole = false;
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
            let rules = &self.resolved.sync.spec.drift_detection;
            let ignored = IgnoredField::of(&body, rules.ignored(&key));
            // What is only reported is not put back by the way either.
            let is_reported = rules.mode == DriftMode::Warn && self.moved.contains_key(&key);
            if (memory.full_apply.is_some() || is_reported)
                && self.is_current(&key, &fingerprint, &ignored)
            {
                continue;
            }
            let mut planned_object = self.planned(resource, namespace, &key, body, memory);
            planned_object.ignored = ignored;
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
        body: SecretBytes,
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
            ignored: Vec::new(),
            seen: None,
            previous: None,
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

    fn is_current(
        &self,
        key: &ObjectKey,
        fingerprint: &Fingerprint,
        ignored: &[IgnoredField],
    ) -> bool {
        let restores = self.resolved.sync.spec.drift_detection.mode == DriftMode::Enabled;
        let moved = restores && self.moved.contains_key(key) && !self.held.contains_key(key);
        !moved
            && self
                .context
                .ledger
                .is_applied(&self.resolved.owner, key, fingerprint, ignored)
    }

    async fn place(
        &self,
        key: &ObjectKey,
        stop: &AtomicBool,
    ) -> Result<(Arc<Resource>, Option<NamespaceName>), Failure> {
        let resource = self.kind(key, stop).await.map_err(|error| {
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
    async fn kind(&self, key: &ObjectKey, stop: &AtomicBool) -> Result<Arc<Resource>, ApiError> {
        let is_early = || self.kinds_until.is_some_and(|end| Instant::now() < end);
        loop {
            match self.context.kinds.resolve(key).await {
                Err(ApiError::KindUnknown) if is_early() && !stop.load(Ordering::Relaxed) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                found => return found,
            }
        }
    }
}
