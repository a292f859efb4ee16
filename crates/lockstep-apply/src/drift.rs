//! Has somebody changed what was applied? Answered from metadata alone.
//!
//! Whoever changes a field takes our ownership of it away, so a missing field in our entry of
//! `managedFields` is drift, and the entry that holds it now names the manager. Pure: what was recorded
//! after an apply and what is seen now go in, a verdict comes out.
//!
//! Limits. A mutating webhook that rewrites the object within our own write, and a writer who puts the
//! old `managedFields` back while nobody watches, leave no trace here; a slow background re-apply is
//! the answer to those. Whether a `Suspect` object really differs can only be told by applying it again.

use crate::fields::{Entry, FieldSet, Operation};
use crate::ignore::IgnoredField;
use crate::seen::Seen;
use lockstep_names::FieldManager;
use std::cmp::Ordering;

/// What an object looked like right after it was applied. Holds no value of any field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    uid: String,
    resource_version: String,
    generation: Option<i64>,
    ours: Ours,
    /// Who owned fields of ours too, and which.
    co_owners: Vec<(String, FieldSet)>,
    /// A digest of all entries but ours.
    others: blake3::Hash,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ours {
    time: Option<String>,
    fields: FieldSet,
}

impl Recorded {
    /// Keeps what the API server answered to an apply as `manager`.
    #[must_use]
    pub fn of(seen: &Seen, manager: &FieldManager) -> Self {
        let ours = our_entry(seen, manager).map_or_else(Ours::default, |entry| Ours {
            time: entry.time.clone(),
            fields: entry.fields.clone(),
        });
        Self {
            uid: seen.uid.clone(),
            resource_version: seen.resource_version.clone(),
            generation: seen.generation,
            co_owners: co_owners(seen, manager, &ours.fields),
            others: others(seen, manager),
            ours,
        }
    }

    /// The object's UID.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The resource version the apply left behind.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// The fields that were ours: these may be forced back.
    #[must_use]
    pub fn fields(&self) -> &FieldSet {
        &self.ours.fields
    }

    /// Whether `seen` shows the object at a later time. If that cannot be told, it is taken to.
    #[must_use]
    pub fn is_older_than(&self, seen: &Seen) -> bool {
        seen.resource_version != self.resource_version
            && !is_older(&seen.resource_version, &self.resource_version)
    }

    /// Who else owned fields of ours, and which: these stay in the cluster when Git drops them.
    #[must_use]
    pub fn co_owners(&self) -> &[(String, FieldSet)] {
        &self.co_owners
    }

    /// Judges the object as it is seen now; what becomes of `ignored` fields is nobody's business.
    #[must_use]
    pub fn judge(&self, seen: &Seen, manager: &FieldManager, ignored: &[IgnoredField]) -> Verdict {
        let matters = |path: &&str| !ignored.iter().any(|field| field.covers(path));
        if seen.uid != self.uid {
            return Verdict::Recreated;
        }
        if is_older(&seen.resource_version, &self.resource_version) {
            return Verdict::Unchanged;
        }
        if seen.resource_version == self.resource_version {
            return Verdict::Unchanged;
        }
        let now = our_entry(seen, manager);
        let lost: Vec<_> = self
            .ours
            .fields
            .iter()
            .filter(matters)
            .filter(|path| now.is_none_or(|entry| !entry.fields.contains(path)))
            .map(|path| DriftedField::explain(path, seen, manager))
            .collect();
        if !lost.is_empty() {
            return Verdict::Drifted(lost);
        }
        let Some(now) = now else {
            return Verdict::Suspect(Suspicion::EntryMissing);
        };
        let has_grown = !now
            .fields
            .iter()
            .filter(matters)
            .all(|path| self.ours.fields.contains(path));
        if now.time != self.ours.time || has_grown {
            return Verdict::Suspect(Suspicion::WrittenAsUs);
        }
        let known = |path: &str| {
            self.co_owners
                .iter()
                .any(|(_, shared)| shared.contains(path))
        };
        if co_owners(seen, manager, &self.ours.fields)
            .iter()
            .flat_map(|(_, shared)| shared.iter())
            .filter(matters)
            .any(|path| !known(path))
        {
            return Verdict::Suspect(Suspicion::NewCoOwner);
        }
        let explained = others(seen, manager) != self.others;
        let touched = seen.generation.is_none() || seen.generation != self.generation;
        if !explained && touched && seen.deletion_timestamp.is_none() {
            return Verdict::Suspect(Suspicion::Unexplained);
        }
        Verdict::Foreign
    }
}

/// What has become of an object since it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody has written to it, or what is seen is from before the apply.
    Unchanged,
    /// Somebody has written to it, but to no field of ours.
    Foreign,
    /// These fields of ours were changed or removed.
    Drifted(Vec<DriftedField>),
    /// Nothing is known to be lost, but only applying it again can tell.
    Suspect(Suspicion),
    /// It is another object by the same name.
    Recreated,
}

/// Why an object is suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// Our entry of `managedFields` is gone.
    EntryMissing,
    /// Our entry has changed without us: somebody writes under our name.
    WrittenAsUs,
    /// Somebody else now owns a field of ours as well.
    NewCoOwner,
    /// There was a write that no entry accounts for, such as an older `managedFields` put back.
    Unexplained,
}

/// A field of ours that somebody changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftedField {
    /// Which field, such as `.data.password`.
    pub path: String,
    /// Who owns it now, by the name the writer gave; a removal leaves none.
    pub manager: Option<String>,
    /// When that manager last wrote (RFC 3339, whole seconds).
    pub time: Option<String>,
}

impl DriftedField {
    /// Finds who holds the field now: of several, the one who wrote last. The holder may be a parent,
    /// when a whole map or list was replaced.
    fn explain(path: &str, seen: &Seen, manager: &FieldManager) -> Self {
        let holder = seen
            .entries
            .iter()
            .filter(|entry| !is_ours(entry, manager) && entry.fields.contains(path))
            .max_by(|a, b| a.time.cmp(&b.time));
        Self {
            path: path.to_owned(),
            manager: holder.map(|entry| entry.manager.clone()),
            time: holder.and_then(|entry| entry.time.clone()),
        }
    }
}

fn is_ours(entry: &Entry, manager: &FieldManager) -> bool {
    entry.manager == manager.as_str()
        && entry.operation == Operation::Apply
        && entry.subresource.is_empty()
}

/// Whether the object was applied as `manager`, by its own account.
pub(crate) fn is_applied_by(seen: &Seen, manager: &FieldManager) -> bool {
    our_entry(seen, manager).is_some()
}

/// The fields that `manager` has applied.
pub(crate) fn fields_of(seen: &Seen, manager: &FieldManager) -> FieldSet {
    our_entry(seen, manager).map_or_else(FieldSet::default, |entry| entry.fields.clone())
}

fn our_entry<'a>(seen: &'a Seen, manager: &FieldManager) -> Option<&'a Entry> {
    seen.entries.iter().find(|entry| is_ours(entry, manager))
}

fn co_owners(seen: &Seen, manager: &FieldManager, ours: &FieldSet) -> Vec<(String, FieldSet)> {
    let others = seen.entries.iter().filter(|entry| !is_ours(entry, manager));
    others
        .filter_map(|entry| {
            let shared = ours.iter().filter(|path| entry.fields.contains(path));
            let shared: FieldSet = shared.map(str::to_owned).collect();
            (!shared.is_empty()).then(|| (entry.manager.clone(), shared))
        })
        .collect()
}

/// Digests every entry but ours, each part framed by its length.
fn others(seen: &Seen, manager: &FieldManager) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for entry in seen.entries.iter().filter(|entry| !is_ours(entry, manager)) {
        part(&entry.manager);
        part(&entry.subresource);
        part(entry.time.as_deref().unwrap_or_default());
        part(match entry.operation {
            Operation::Apply => "apply",
            Operation::Update => "update",
        });
        part(&entry.fields.len().to_string());
        entry.fields.iter().for_each(&mut part);
    }
    hasher.finalize()
}

/// Whether one resource version is older than another. They are decimal numbers of any length since
/// Kubernetes 1.35 says so, and were before; if one is not, nothing is claimed.
fn is_older(version: &str, than: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number(version)
        && is_number(than)
        && version
            .len()
            .cmp(&than.len())
            .then_with(|| version.cmp(than))
            == Ordering::Less
}

#[cfg(test)]
mod tests;
