//! What a backup holds: a Kubernetes `List` of Secrets with identities in them, so that plain `age` and
//! `kubectl create` can restore it, too.
//!
//! The texts are base64 of private keys. The allocator wipes them when they are freed.

use crate::Exit;
use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_age::Identities;
use lockstep_secret::{SecretBytes, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Ending of the entries that hold identities.
const ENTRY_SUFFIX: &str = ".agekey";

/// One Secret, as far as it matters.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeySecret {
    api_version: String,
    kind: String,
    pub(super) metadata: Metadata,
    #[serde(rename = "type", default)]
    type_: String,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// Where a Secret is.
#[derive(Serialize, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: String,
    kind: String,
    items: Vec<KeySecret>,
}

/// What kubectl gives for several names: a list, or the one that there is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Many { items: Vec<KeySecret> },
    One(KeySecret),
}

impl KeySecret {
    /// The Secret with nothing but the entries that hold identities.
    fn only_keys(mut self) -> Self {
        self.data.retain(|entry, _| entry.ends_with(ENTRY_SUFFIX));
        self.type_ = "Opaque".to_owned();
        self
    }

    /// The recipients of the identities in it.
    ///
    /// # Errors
    /// What is wrong with the first entry that is none.
    pub(super) fn recipients(&self) -> Result<BTreeSet<String>, String> {
        let mut recipients = BTreeSet::new();
        for (entry, value) in &self.data {
            if !entry.ends_with(ENTRY_SUFFIX) {
                continue;
            }
            let origin = format!("Secret {}, entry {entry}", self.metadata.name);
            let bytes = STANDARD
                .decode(value)
                .map_err(|_| format!("{origin}: this is not base64"))?;
            let text = SecretBytes::new(bytes).into_string();
            let text = text.map_err(|error| format!("{origin}: {error}"))?;
            let found = Identities::parse(&text, &origin).map_err(|error| error.to_string())?;
            recipients.extend(found.recipients().map(|(one, _)| one.to_string()));
        }
        if recipients.is_empty() {
            return Err(format!(
                "Secret {}: no identity is in it",
                self.metadata.name
            ));
        }
        Ok(recipients)
    }

    /// The manifest that creates it.
    pub(super) fn manifest(&self) -> Result<SecretString, Failure> {
        json(self)
    }

    /// Whether it is a Secret whose name may stand on a command line.
    fn is_plain(&self) -> bool {
        let plain = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        (self.api_version.as_str(), self.kind.as_str()) == ("v1", "Secret")
            && plain(&self.metadata.name)
            && plain(&self.metadata.namespace)
    }
}

/// Reads what kubectl gave for some Secrets.
pub(super) fn from_cluster(answer: Option<SecretBytes>) -> Result<Vec<KeySecret>, Failure> {
    let Some(answer) = answer else {
        return Ok(Vec::new());
    };
    let given = serde_json::from_slice(answer.expose())
        .map_err(|_| Failure::new(Exit::Failure, "kubectl gave no Secrets"))?;
    let secrets = match given {
        Given::Many { items } => items,
        Given::One(one) => vec![one],
    };
    Ok(secrets.into_iter().map(KeySecret::only_keys).collect())
}

/// The text that is encrypted.
pub(super) fn to_text(items: Vec<KeySecret>) -> Result<SecretString, Failure> {
    json(&List {
        api_version: "v1".to_owned(),
        kind: "List".to_owned(),
        items,
    })
}

/// Reads a decrypted backup.
pub(super) fn from_text(text: &SecretBytes) -> Result<Vec<KeySecret>, Failure> {
    let wrong = || Failure::new(Exit::Failure, "this is no backup of keys");
    // What serde says may quote what it read.
    let list: List = serde_json::from_slice(text.expose()).map_err(|_| wrong())?;
    let is_whole = (list.api_version.as_str(), list.kind.as_str()) == ("v1", "List")
        && list.items.iter().all(KeySecret::is_plain);
    if !is_whole {
        return Err(wrong());
    }
    Ok(list.items.into_iter().map(KeySecret::only_keys).collect())
}

fn json(value: &impl Serialize) -> Result<SecretString, Failure> {
    serde_json::to_string(value)
        .map(SecretString::new)
        .map_err(|_| Failure::new(Exit::Failure, "the keys cannot be written down"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_age::Identity;

    fn answer(entries: &[(&str, &str)]) -> SecretBytes {
        let data: BTreeMap<_, _> = entries
            .iter()
            .map(|(name, text)| (*name, STANDARD.encode(text)))
            .collect();
        let metadata = serde_json::json!({
            "name": "a-age", "namespace": "lockstep-system", "uid": "1",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "canary"},
        });
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data,
        });
        SecretBytes::new(secret.to_string().into_bytes())
    }

    #[test]
    fn only_identities_are_kept_and_come_back() {
        let identity = Identity::generate();
        let text = identity.to_file_text("now");
        let entries = [("key.agekey", text.expose()), ("password", "canary")];
        let secrets = from_cluster(Some(answer(&entries))).unwrap();
        let text = to_text(secrets).unwrap();
        assert!(!text.expose().contains("canary") && !text.expose().contains("password"));
        let back = from_text(&text.into_bytes()).unwrap();
        let recipient = identity.to_public().to_string();
        assert_eq!(back[0].recipients().unwrap(), [recipient].into());
        assert!(back[0].manifest().unwrap().expose().contains("Opaque"));
    }

    #[test]
    fn what_is_no_backup_is_refused_without_its_content() {
        let bad = [
            "canary".to_owned(),
            r#"{"apiVersion":"v1","kind":"Secret","canary":1}"#.to_owned(),
            String::from_utf8(answer(&[]).expose().to_vec()).unwrap(),
            r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"--canary","namespace":"a"}}]}"#.to_owned(),
        ];
        for text in bad {
            let failure = from_text(&SecretBytes::new(text.into_bytes()));
            let failure = failure.err().unwrap();
            assert_eq!(failure.message, "this is no backup of keys");
        }
    }

    #[test]
    fn a_damaged_identity_is_named_without_its_text() {
        let text = Identity::generate().to_file_text("now");
        let half = &text.expose()[..text.expose().len() - 9];
        let secrets = from_cluster(Some(answer(&[("key.agekey", half)]))).unwrap();
        let why = secrets[0].recipients().unwrap_err();
        assert!(why.starts_with("Secret a-age, entry key.agekey"), "{why}");
        assert!(!why.contains("SECRET-KEY-1Q"), "{why}");
    }
}
