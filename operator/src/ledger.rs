//! What was applied, for each Sync: enough to tell drift and to skip unchanged objects, and no value.
//!
//! The reconciler writes it, the drift watches read it. While a Sync is being applied, what the
//! watches see of it waits: the answer to an apply and the watch event of the same apply race.

mod pull;

use jiff::Timestamp;
use lockstep_apply::{FieldSet, Fingerprint, IgnoredField, Owner, Recorded, Seen, Verdict};
use lockstep_names::{FieldManager, ObjectKey};
use pull::Pull;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use pull::Held;

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
    /// Fields that are left to others.
    ignored: Vec<IgnoredField>,
    moved: Option<Moved>,
    /// The resource version a watch last saw since.
    sighted: Option<String>,
}

/// The page of one Sync.
#[derive(Default)]
struct Page {
    entries: HashMap<ObjectKey, Entry>,
    /// How often objects were put back; those that nobody else touches are not in here.
    pulls: HashMap<ObjectKey, Pull>,
    writing: bool,
    waiting: Vec<Waiting>,
}

/// Objects of one kind and namespace.
#[derive(Clone, Debug)]
pub(crate) struct Territory {
    /// The API group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace, if the kind has one.
    pub namespace: Option<String>,
}

/// What a watch saw while the Sync was being applied.
enum Waiting {
    One(ObjectKey, Sighting),
    All(Territory, HashMap<ObjectKey, Seen>),
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
        let mut any = false;
        for seen in waiting {
            any |= match seen {
                Waiting::One(key, sighting) => page.judge(&key, &sighting, &manager).is_some(),
                Waiting::All(territory, seen) => page.compare(&territory, &seen),
            };
        }
        any
    }

    /// Writes down an object that was applied.
    pub(crate) fn record(
        &self,
        sync: &Owner,
        key: ObjectKey,
        fingerprint: Fingerprint,
        recorded: Recorded,
        ignored: Vec<IgnoredField>,
    ) {
        let entry = Entry {
            fingerprint,
            recorded,
            ignored,
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
            page.pulls.remove(key);
        }
    }

    /// Counts that an object was put back. Too often, and it is left for a while.
    pub(crate) fn put_back(&self, sync: &Owner, key: &ObjectKey) {
        let mut pages = self.pages();
        let page = pages.entry(sync.clone()).or_default();
        let spread = rand::random_range(0.9..=1.1);
        let pull = Pull::again(
            page.pulls.get(key),
            Instant::now(),
            Timestamp::now(),
            spread,
        );
        page.pulls.insert(key.clone(), pull);
    }

    /// How long until an object that is left for now may be put back; nothing if there is none.
    pub(crate) fn next_due(&self, sync: &Owner) -> Option<Duration> {
        let pages = self.pages();
        let page = pages.get(sync)?;
        let now = Instant::now();
        let held = page
            .entries
            .iter()
            .filter(|(_, entry)| entry.moved.is_some());
        held.filter_map(|(key, _)| page.pulls.get(key)?.rest(now))
            .min()
    }

    /// Objects that have moved and are left for now, because somebody moves them again and again.
    pub(crate) fn held(&self, sync: &Owner) -> BTreeMap<ObjectKey, Held> {
        let pages = self.pages();
        let Some(page) = pages.get(sync) else {
            return BTreeMap::new();
        };
        let moved = page
            .entries
            .iter()
            .filter(|(_, entry)| entry.moved.is_some());
        moved
            .filter(|(key, _)| page.is_held(key))
            .filter_map(|(key, _)| Some((key.clone(), page.pulls.get(key)?.held())))
            .collect()
    }

    /// Who else owns fields of this Sync's objects.
    pub(crate) fn co_owners(&self, sync: &Owner) -> Vec<(ObjectKey, Vec<(String, FieldSet)>)> {
        let pages = self.pages();
        let entries = pages.get(sync).into_iter().flat_map(|page| &page.entries);
        let mut shared: Vec<_> = entries
            .filter(|(_, entry)| !entry.recorded.co_owners().is_empty())
            .map(|(key, entry)| (key.clone(), entry.recorded.co_owners().to_vec()))
            .collect();
        shared.sort_by(|(a, _), (b, _)| a.cmp(b));
        shared
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
        ignored: &[IgnoredField],
    ) -> bool {
        let pages = self.pages();
        let entry = pages.get(sync).and_then(|page| page.entries.get(key));
        entry.is_some_and(|entry| entry.fingerprint == *fingerprint && entry.ignored == ignored)
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

    /// Objects that are to be put back now, and why.
    pub(crate) fn due(&self, sync: &Owner) -> BTreeMap<ObjectKey, Moved> {
        let mut moved = self.moved(sync);
        let held = self.held(sync);
        moved.retain(|key, _| !held.contains_key(key));
        moved
    }

    /// Objects that have moved and are not put back yet, and why.
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
            page.waiting.push(Waiting::One(key.clone(), sighting));
            return None;
        }
        page.judge(key, &sighting, &sync.manager())
    }

    /// Compares a Sync's objects of one kind and namespace with a complete new list of them: whatever
    /// moved or went while nobody watched is to be applied again. Tells whether anything was.
    pub(crate) fn observe_all(
        &self,
        sync: &Owner,
        territory: &Territory,
        seen: HashMap<ObjectKey, Seen>,
    ) -> bool {
        let mut pages = self.pages();
        let Some(page) = pages.get_mut(sync) else {
            return false;
        };
        if page.writing {
            page.waiting.push(Waiting::All(territory.clone(), seen));
            return false;
        }
        page.compare(territory, &seen)
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<Owner, Page>> {
        // A panic elsewhere leaves whole entries behind, so the ledger stays usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Territory {
    fn has(&self, key: &ObjectKey) -> bool {
        (&self.group, &self.kind, &self.namespace) == (&key.group, &key.kind, &key.namespace)
    }
}

impl Page {
    /// Is the object left for now?
    fn is_held(&self, key: &ObjectKey) -> bool {
        let pull = self.pulls.get(key);
        pull.is_some_and(|pull| pull.rest(Instant::now()).is_some())
    }

    /// Takes note of one sighting; gives what has moved, if that is to be told or put back now.
    fn judge(
        &mut self,
        key: &ObjectKey,
        sighting: &Sighting,
        manager: &FieldManager,
    ) -> Option<Moved> {
        let is_held = self.is_held(key);
        let entry = self.entries.get_mut(key)?;
        if let Sighting::There(seen) = sighting {
            entry.sighted = Some(seen.resource_version.clone());
        }
        let moved = match sighting {
            Sighting::Gone { uid } if uid == entry.recorded.uid() => Moved::Gone,
            Sighting::Gone { .. } => return None,
            Sighting::There(seen) => match entry.recorded.judge(seen, manager, &entry.ignored) {
                Verdict::Unchanged => return None,
                Verdict::Foreign => {
                    entry.recorded = Recorded::of(seen, manager);
                    return None;
                }
                verdict => Moved::Judged(verdict),
            },
        };
        let is_known = entry.moved.replace(moved.clone()).is_some();
        (!is_held || !is_known).then_some(moved)
    }

    /// Compares the objects of a territory with a complete list of them.
    fn compare(&mut self, territory: &Territory, seen: &HashMap<ObjectKey, Seen>) -> bool {
        let mut any = false;
        let entries = self.entries.iter_mut();
        for (key, entry) in entries.filter(|(key, _)| territory.has(key)) {
            let moved = match seen.get(key) {
                // A list that waited may be older than what was applied meanwhile.
                Some(seen) if !entry.recorded.is_older_than(seen) => continue,
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
}

#[cfg(test)]
mod tests;
