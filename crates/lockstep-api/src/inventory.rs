//! The inventory: which objects a Sync owns, so that it deletes these and no others.
//!
//! An entry is written before its object is applied and gets the object's UID afterwards, so that a
//! crash between the two leaves nothing behind that nobody knows of.

use kube::KubeSchema;
use lockstep_names::ObjectKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The objects of a Sync.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The objects, sorted by `id`. Replaced whole: as a map it would be listed once more among the
    /// managed fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub entries: Vec<InventoryEntry>,
}

/// One object.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InventoryEntry {
    /// `NAMESPACE_NAME_GROUP_KIND`; namespace and group are empty where there is none.
    pub id: String,

    /// The API version within the group.
    pub v: String,

    /// The UID of the object, once it has been applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl InventoryEntry {
    /// The entry of `key`.
    #[must_use]
    pub fn new(key: &ObjectKey, uid: Option<String>) -> Self {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        Self {
            id: format!("{namespace}_{}_{}_{}", key.name, key.group, key.kind),
            v: key.version.clone(),
            uid,
        }
    }

    /// The object the entry is about, or nothing for an entry that is none.
    ///
    /// Only the name may hold underscores, so the first one and the last two are the separators.
    #[must_use]
    pub fn key(&self) -> Option<ObjectKey> {
        let (namespace, rest) = self.id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        if name.is_empty() || kind.is_empty() {
            return None;
        }
        Some(ObjectKey {
            group: group.to_owned(),
            version: self.v.clone(),
            kind: kind.to_owned(),
            namespace: Some(namespace)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectKey {
        ObjectKey {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        }
    }

    #[test]
    fn entries_name_their_objects() {
        let keys = [
            (key("", "Secret", Some("team-a"), "db"), "team-a_db__Secret"),
            (
                key("apps", "Deployment", Some("team-a"), "web"),
                "team-a_web_apps_Deployment",
            ),
            (
                key(
                    "rbac.authorization.k8s.io",
                    "ClusterRole",
                    None,
                    "system:a_b",
                ),
                "_system:a_b_rbac.authorization.k8s.io_ClusterRole",
            ),
        ];
        for (key, id) in keys {
            let entry = InventoryEntry::new(&key, None);
            assert_eq!(entry.id, id);
            assert_eq!(entry.key(), Some(key));
        }
    }

    #[test]
    fn entries_that_name_no_object_are_nothing() {
        for id in [
            "",
            "a_b",
            "a_b_c",
            "___",
            "ns__apps_Deployment",
            "ns_name_apps_",
        ] {
            let entry = InventoryEntry {
                id: id.into(),
                v: "v1".into(),
                uid: None,
            };
            assert_eq!(entry.key(), None, "{id:?}");
        }
    }
}
