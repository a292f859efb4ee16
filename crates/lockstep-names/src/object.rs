//! Which Kubernetes object.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// One object of the cluster, as a manifest names it.
///
/// Keys are equal when they name the same object. The version is no part of that: an object read as
/// `apps/v1beta1` is the one that was written as `apps/v1`, and a manifest that moves to another
/// version must not look like one object gone and another new.
#[derive(Clone, Debug)]
pub struct ObjectKey {
    /// The API group, empty for the core group.
    pub group: String,
    /// The API version without its group, such as `v1`.
    pub version: String,
    /// The kind, such as `Secret`.
    pub kind: String,
    /// The namespace; nothing for a cluster-scoped object, or one whose manifest leaves it open.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// `apiVersion` as a manifest spells it: `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    fn identifying(&self) -> (&str, &str, Option<&str>, &str) {
        (
            &self.group,
            &self.kind,
            self.namespace.as_deref(),
            &self.name,
        )
    }
}

impl PartialEq for ObjectKey {
    fn eq(&self, other: &Self) -> bool {
        self.identifying() == other.identifying()
    }
}

impl Eq for ObjectKey {}

impl Hash for ObjectKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identifying().hash(state);
    }
}

impl Ord for ObjectKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identifying().cmp(&other.identifying())
    }
}

impl PartialOrd for ObjectKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(version: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: "apps".into(),
            version: version.into(),
            kind: "Deployment".into(),
            namespace: Some("shop".into()),
            name: name.into(),
        }
    }

    #[test]
    fn the_version_does_not_make_another_object() {
        assert_eq!(deployment("v1", "web"), deployment("v1beta1", "web"));
        assert_ne!(deployment("v1", "web"), deployment("v1", "api"));
    }

    #[test]
    fn keys_read_as_people_say_them() {
        assert_eq!(deployment("v1", "web").to_string(), "Deployment shop/web");
        assert_eq!(deployment("v1", "web").api_version(), "apps/v1");
    }
}
