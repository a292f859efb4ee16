//! What Kubernetes calls things, as strict as the API server.

use crate::text_name;
use std::fmt;

text_name! {
    /// A namespace: an RFC 1123 label of at most 63 characters.
    NamespaceName, "namespace name", |text| label(text, 63)
}

text_name! {
    /// A service account's own name: an RFC 1123 subdomain of at most 253 characters.
    AccountName, "service account name", |text| subdomain(text, 253)
}

text_name! {
    /// A Team's name, which is also its name in `.sops.yaml`: an RFC 1123 label.
    TeamName, "team name", |text| label(text, 63)
}

text_name! {
    /// A Sync's name: an RFC 1123 label of at most 53 characters, so that a [`FieldManager`] made of it
    /// and of the longest namespace stays within the API server's limit of 128.
    SyncName, "sync name", |text| label(text, 53)
}

/// The account a team acts as, in one of its namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// The namespace of the service account.
    pub namespace: NamespaceName,
    /// Its name there.
    pub name: AccountName,
}

impl Account {
    /// The name the API server gives the account: `system:serviceaccount:NAMESPACE:NAME`.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The name under which a Sync owns fields: `lockstep/NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldManager(String);

impl FieldManager {
    /// How the name of every Sync's manager begins.
    pub const PREFIX: &str = "lockstep/";

    /// The manager of the Sync of this name.
    #[must_use]
    pub fn of(namespace: &NamespaceName, sync: &SyncName) -> Self {
        Self(format!("{}{namespace}/{sync}", Self::PREFIX))
    }

    /// Reads the name as text, at most 128 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn label(text: &str, longest: usize) -> Result<(), &'static str> {
    if text.contains('.') {
        Err("a dot may not stand in it")
    } else {
        subdomain(text, longest)
    }
}

fn subdomain(text: &str, longest: usize) -> Result<(), &'static str> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = |part: &str| {
        !part.is_empty()
            && part.bytes().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if text.len() > longest {
        Err("it is too long")
    } else if text.split('.').all(good) {
        Ok(())
    } else {
        Err("it is not made of lower-case letters, digits and inner dashes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rfc_1123() {
        assert!("team-a".parse::<NamespaceName>().is_ok());
        assert!("robot.v1".parse::<AccountName>().is_ok());
        for text in [
            "",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "a b",
            "a\nb",
            "ä",
            &"x".repeat(64),
        ] {
            assert!(
                text.parse::<NamespaceName>().is_err(),
                "{text:?} was accepted"
            );
        }
        assert!("a..b".parse::<AccountName>().is_err());
    }

    #[test]
    fn the_longest_field_manager_fits() {
        let manager = FieldManager::of(
            &"n".repeat(63).parse().unwrap(),
            &"s".repeat(53).parse().unwrap(),
        );
        assert_eq!(manager.as_str().len(), 126);
        assert!("s".repeat(54).parse::<SyncName>().is_err());
    }
}
