//! What was applied, for each Sync: enough to tell drift and to skip unchanged objects, and no value.
//!
//! The reconciler writes it, the drift watches read it. While a Sync is being applied, what the
//! watches see of it waits: the answer to an apply and the watch event of the same apply race.

use lockstep_apply::{Fingerprint, Owner, Recorded, Seen, Verdict};
use lockstep_names::{FieldManager, ObjectKey};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why an object must be applied although Git has not changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Somebody changed it, in a way the API server tells.
    Judged(Verdict),
    /// Somebody deleted it, or took our label off.
    Gone,
    /// It moved while nobody watched.
    Unwatched,
}

/// What a watch has seen of one object.
#[derive(Clone, Debug)]
pub(crate) enum Sighting {
    /// The object, as it is now.
    There(Box<Seen>),
    /// The object is gone, or no longer carries our label.
    Gone {
        /// The UID of the object that went.
        uid: String,
    },
}

/// What is kept of one applied object.
#[derive(Clone, Debug)]
struct Entry {
    fingerprint: Fingerprint,
    recorded: Recorded,
    moved: Option<Moved>,
    /// The resource version a watch last saw since.
    sighted: Option<String>,
}

/// The page of one Sync.
#[derive(Default)]
struct Page {
    entries: HashMap<ObjectKey, Entry>,
    writing: bool,
    waiting: Vec<(ObjectKey, Sighting)>,
}

/// All pages.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<HashMap<Owner, Page>>);

impl Ledger {
    /// From now on, until [`Self::end`], sightings of `sync` wait.
    pub(crate) fn begin(&self, sync: &Owner) {
        self.pages().entry(sync.clone()).or_default().writing = true;
    }

    /// Judges what was seen meanwhile; tells whether anything has moved.
    pub(crate) fn end(&self, sync: &Owner) -> bool {
        let mut pages = self.pages();
        let Some(page) = pages.get_mut(sync) else {
            return false;
        };
        page.writing = false;
        let manager = sync.manager();
        let waiting = std::mem::take(&mut page.waiting);
        waiting
            .into_iter()
            .filter(|(key, sighting)| page.judge(key, sighting, &manager).is_some())
            .count()
            > 0
    }

    /// Writes down an object that was applied.
    pub(crate) fn record(
        &self,
        sync: &Owner,
        key: ObjectKey,
        fingerprint: Fingerprint,
        recorded: Recorded,
    ) {
        let entry = Entry {
            fingerprint,
            recorded,
            moved: None,
            sighted: None,
        };
        self.pages()
            .entry(sync.clone())
            .or_default()
            .entries
            .insert(key, entry);
    }

    /// Strikes out an object that is no longer ours.
    pub(crate) fn forget(&self, sync: &Owner, key: &ObjectKey) {
        if let Some(page) = self.pages().get_mut(sync) {
            page.entries.remove(key);
        }
    }

    /// Strikes out every Sync for which `keep` says no.
    pub(crate) fn retain(&self, keep: impl Fn(&Owner) -> bool) {
        self.pages().retain(|sync, _| keep(sync));
    }

    /// Was this object last applied with just this content?
    pub(crate) fn is_applied(
        &self,
        sync: &Owner,
        key: &ObjectKey,
        fingerprint: &Fingerprint,
    ) -> bool {
        let pages = self.pages();
        let entry = pages.get(sync).and_then(|page| page.entries.get(key));
        entry.is_some_and(|entry| entry.fingerprint == *fingerprint)
    }

    /// Did a watch last see the object in this version? Then an apply that left it there found nothing
    /// to put back.
    pub(crate) fn has_seen(&self, sync: &Owner, key: &ObjectKey, version: &str) -> bool {
        let pages = self.pages();
        let entry = pages.get(sync).and_then(|page| page.entries.get(key));
        entry.is_some_and(|entry| entry.sighted.as_deref() == Some(version))
    }

    /// What was recorded when the object was last applied.
    pub(crate) fn recorded(&self, sync: &Owner, key: &ObjectKey) -> Option<Recorded> {
        self.pages()
            .get(sync)?
            .entries
            .get(key)
            .map(|entry| entry.recorded.clone())
    }

    /// Objects that must be put back, and why.
    pub(crate) fn moved(&self, sync: &Owner) -> BTreeMap<ObjectKey, Moved> {
        let pages = self.pages();
        let entries = pages.get(sync).into_iter().flat_map(|page| &page.entries);
        entries
            .filter_map(|(key, entry)| Some((key.clone(), entry.moved.clone()?)))
            .collect()
    }

    /// Takes note of what a watch saw; gives what has moved, if the Sync must be woken for it.
    pub(crate) fn observe(
        &self,
        sync: &Owner,
        key: &ObjectKey,
        sighting: Sighting,
    ) -> Option<Moved> {
        let mut pages = self.pages();
        let page = pages.get_mut(sync)?;
        if page.writing {
            page.waiting.push((key.clone(), sighting));
            return None;
        }
        page.judge(key, &sighting, &sync.manager())
    }

    /// Compares a Sync's objects of one kind and namespace with a complete new list of them: whatever
    /// moved or went while nobody watched is to be applied again. Tells whether anything was.
    pub(crate) fn observe_all(
        &self,
        sync: &Owner,
        watched: impl Fn(&ObjectKey) -> bool,
        seen: &HashMap<ObjectKey, Seen>,
    ) -> bool {
        let mut pages = self.pages();
        let Some(page) = pages.get_mut(sync) else {
            return false;
        };
        let mut any = false;
        for (key, entry) in page.entries.iter_mut().filter(|(key, _)| watched(key)) {
            let moved = match seen.get(key) {
                Some(seen) if seen.resource_version == entry.recorded.resource_version() => {
                    continue;
                }
                Some(seen) => {
                    entry.sighted = Some(seen.resource_version.clone());
                    Moved::Unwatched
                }
                None => Moved::Gone,
            };
            entry.moved.get_or_insert(moved);
            any = true;
        }
        any
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<Owner, Page>> {
        // A panic elsewhere leaves whole entries behind, so the ledger stays usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    fn judge(
        &mut self,
        key: &ObjectKey,
        sighting: &Sighting,
        manager: &FieldManager,
    ) -> Option<Moved> {
        let entry = self.entries.get_mut(key)?;
        if let Sighting::There(seen) = sighting {
            entry.sighted = Some(seen.resource_version.clone());
        }
        let moved = match sighting {
            Sighting::Gone { uid } if uid == entry.recorded.uid() => Moved::Gone,
            Sighting::Gone { .. } => return None,
            Sighting::There(seen) => match entry.recorded.judge(seen, manager) {
                Verdict::Unchanged => return None,
                Verdict::Foreign => {
                    entry.recorded = Recorded::of(seen, manager);
                    return None;
                }
                verdict => Moved::Judged(verdict),
            },
        };
        entry.moved = Some(moved.clone());
        Some(moved)
    }
}

#[cfg(test)]
mod tests;
