//! Whose object it is: the labels and the field manager of one Sync.

use crate::drift::is_applied_by;
use crate::seen::Seen;
use lockstep_names::{FieldManager, NamespaceName, SyncName};
use std::collections::BTreeMap;
use std::fmt;

/// The label that names the Sync.
pub const SYNC_LABEL: &str = "lockstep.dev/sync";
/// The label that names the Sync's namespace.
pub const SYNC_NAMESPACE_LABEL: &str = "lockstep.dev/sync-namespace";

/// A Sync as the owner of objects.
///
/// Its labels are fields it owns, so two Syncs that claim one object conflict over them and the API
/// server refuses the second.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The namespace of the Sync.
    pub namespace: NamespaceName,
    /// Its name.
    pub sync: SyncName,
}

impl Owner {
    /// The labels every object of this Sync carries.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (SYNC_LABEL.to_owned(), self.sync.to_string()),
            (SYNC_NAMESPACE_LABEL.to_owned(), self.namespace.to_string()),
        ])
    }

    /// The Sync that these labels name, if they name one.
    #[must_use]
    pub fn named_by(labels: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            namespace: labels.get(SYNC_NAMESPACE_LABEL)?.parse().ok()?,
            sync: labels.get(SYNC_LABEL)?.parse().ok()?,
        })
    }

    /// Whether this Sync has applied the object, as its `managedFields` and labels say.
    #[must_use]
    pub fn has(&self, seen: &Seen) -> bool {
        self.is_named_in(&seen.labels) && is_applied_by(seen, &self.manager())
    }

    /// The label selector that finds the objects of this Sync.
    #[must_use]
    pub fn selector(&self) -> String {
        format!(
            "{SYNC_LABEL}={},{SYNC_NAMESPACE_LABEL}={}",
            self.sync, self.namespace
        )
    }

    /// The name under which its fields are owned.
    #[must_use]
    pub fn manager(&self) -> FieldManager {
        FieldManager::of(&self.namespace, &self.sync)
    }

    /// Whether an object with these labels says that it belongs to this Sync.
    #[must_use]
    pub fn is_named_in(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels()
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
    }

    /// Whether an object with these labels says that it belongs to another Sync.
    #[must_use]
    pub fn is_displaced_in(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels()
            .iter()
            .any(|(name, value)| labels.get(name).is_some_and(|other| other != value))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.sync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_syncs_labels_are_not_ours() {
        let owner = |namespace: &str, sync: &str| Owner {
            namespace: namespace.parse().unwrap(),
            sync: sync.parse().unwrap(),
        };
        let ours = owner("team-a", "app");
        assert!(ours.is_named_in(&ours.labels()));
        assert!(!ours.is_named_in(&owner("team-b", "app").labels()));
        assert!(!ours.is_named_in(&owner("team-a", "web").labels()));
        assert!(!ours.is_named_in(&BTreeMap::new()));
        assert!(ours.is_displaced_in(&owner("team-b", "app").labels()));
        assert!(!ours.is_displaced_in(&ours.labels()));
        assert!(!ours.is_displaced_in(&BTreeMap::new()));
        assert_eq!(
            ours.selector(),
            "lockstep.dev/sync=app,lockstep.dev/sync-namespace=team-a"
        );
    }
}
