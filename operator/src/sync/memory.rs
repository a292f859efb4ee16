//! What a Sync's last reconcile found, so that the next one works only on what changed.
//!
//! Everything that could change the outcome is in the [`Basis`] or in a file's blob id; when either
//! differs, the file is opened again. Only names and digests are kept. A lost memory costs work and
//! nothing else: the inventory is in the Sync's status, too.

use super::resolve::Resolved;
use crate::backoff::Retry;
use crate::keys::KeyBasis;
use lockstep_api::SyncStatus;
use lockstep_names::{NamespaceName, ObjectId, ObjectKey, RepoPath};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What the outcome depends on besides the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    /// Generation of the Sync.
    pub sync: i64,
    /// UID and generation of its Team.
    pub team: (String, i64),
    /// The namespaces that are the Team's alone; other Teams have a say in that.
    pub namespaces: Arc<BTreeSet<NamespaceName>>,
    /// Which keys are held.
    pub keys: KeyBasis,
}

impl Basis {
    /// The basis of what was resolved just now.
    pub(crate) fn of(resolved: &Resolved) -> Self {
        let (sync, team) = (&resolved.sync.metadata, &resolved.team.metadata);
        Self {
            sync: sync.generation.unwrap_or_default(),
            team: (
                team.uid.clone().unwrap_or_default(),
                team.generation.unwrap_or_default(),
            ),
            namespaces: resolved.namespaces.clone(),
            keys: resolved.keys.basis.clone(),
        }
    }
}

/// A file that was opened, rendered and applied without failure.
#[derive(Clone, Debug)]
pub(crate) struct FileMemory {
    /// The bytes it was opened from.
    pub blob: ObjectId,
    /// Its objects, in their namespaces.
    pub objects: Vec<ObjectKey>,
    /// The recipients it names, if it is encrypted.
    pub recipients: BTreeSet<String>,
    /// The one whose identity opened it.
    pub opened_by: Option<String>,
}

impl FileMemory {
    /// A file whose objects have yet to find their places.
    pub(crate) fn of(blob: ObjectId, recipients: BTreeSet<String>) -> Self {
        Self {
            blob,
            objects: Vec::new(),
            recipients,
            opened_by: None,
        }
    }

    /// The same, opened by the identity of this recipient.
    pub(crate) fn opened_by(self, opened_by: Option<String>) -> Self {
        Self { opened_by, ..self }
    }
}

/// What one Sync remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// What the rest was found under.
    pub basis: Option<Basis>,
    /// Every file that needs no work until it changes.
    pub files: BTreeMap<RepoPath, FileMemory>,
    /// The folder's tree, when every file in it was applied and all else pruned.
    pub settled: Option<ObjectId>,
    /// Objects that are, or are about to be, in the cluster because of this Sync, with their UIDs.
    pub inventory: BTreeMap<ObjectKey, Option<String>>,
    /// Since when deleting waits for what another Sync has to say.
    pub holding_since: Option<Instant>,
    /// When everything was last applied, changed or not.
    pub full_apply: Option<Instant>,
    /// How often in a row the Sync has failed in a way that may pass, and when it is tried again.
    pub retry: Retry,
    /// The status as it should be in the cluster.
    pub status: Option<SyncStatus>,
    /// Did writing it fail?
    pub undelivered: bool,
}

impl Memory {
    /// Takes inventory and status from the Sync's stored status, the first time.
    pub(crate) fn recall(&mut self, stored: Option<&SyncStatus>) {
        if self.status.is_some() {
            return;
        }
        let status = stored.cloned().unwrap_or_default();
        let entries = status
            .inventory
            .iter()
            .flat_map(|inventory| &inventory.entries);
        self.inventory = entries
            .filter_map(|entry| Some((entry.key()?, entry.uid.clone())))
            .collect();
        self.status = Some(status);
    }

    /// Forgets every file, and how often it failed, unless it was found under the same basis.
    pub(crate) fn rebase(&mut self, basis: Basis) {
        if self.basis.as_ref() != Some(&basis) {
            self.files.clear();
            self.settled = None;
            self.retry = Retry::default();
            self.basis = Some(basis);
        }
    }

    /// Gives away what is known of the files, and nothing else: they are known again when all the work
    /// on them has come to its end. If it never does, the cluster may be half way between two revisions,
    /// and every file has to be opened again.
    pub(crate) fn lend(&mut self) -> Self {
        self.settled = None;
        Self {
            files: std::mem::take(&mut self.files),
            ..Self::default()
        }
    }

    /// Does this file need no work?
    pub(crate) fn knows(&self, path: &RepoPath, blob: &ObjectId) -> bool {
        self.files.get(path).is_some_and(|file| file.blob == *blob)
    }
}

/// The memories of all Syncs, by UID.
#[derive(Default)]
pub(crate) struct Memories(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Memory>>>>);

impl Memories {
    /// The memory of one Sync, made empty when there is none. The controller never runs two
    /// reconciles of one Sync at once, so nobody waits for its lock.
    pub(crate) fn of(&self, uid: &str) -> Arc<tokio::sync::Mutex<Memory>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(uid.to_owned()).or_default().clone()
    }

    /// Drops the memory of every Sync for which `keep` says no.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|uid, _| keep(uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ObjectKey {
        ObjectKey {
            group: String::new(),
            version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some("team-a".into()),
            name: "db".into(),
        }
    }

    #[test]
    fn work_that_is_lost_loses_neither_inventory_nor_status() {
        let blob: ObjectId = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        let path: RepoPath = "deploy/db.yaml".parse().unwrap();
        let mut memory = Memory {
            files: BTreeMap::from([(path.clone(), FileMemory::of(blob.clone(), BTreeSet::new()))]),
            settled: Some(blob.clone()),
            inventory: BTreeMap::from([(key(), Some("u".into()))]),
            status: Some(SyncStatus::default()),
            ..Memory::default()
        };
        let lent = memory.lend();
        assert!(lent.knows(&path, &blob) && lent.inventory.is_empty());
        assert_eq!(memory.inventory.len(), 1);
        assert!(memory.status.is_some());
        assert!(
            memory.settled.is_none() && !memory.knows(&path, &blob),
            "a revert to the last good revision must be applied after work that halted half way"
        );
    }
}
