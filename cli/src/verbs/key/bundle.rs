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

/// What is in a key Secret.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The recipients of the identities in it.
    pub(super) recipients: BTreeSet<String>,
    /// What is wrong with the rest.
    pub(super) problems: Vec<String>,
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

    /// Reads every entry that holds identities. As for the operator, one that is none does not hide the
    /// others.
    pub(super) fn contents(&self) -> Contents {
        let mut contents = Contents::default();
        for (entry, value) in &self.data {
            if !entry.ends_with(ENTRY_SUFFIX) {
                continue;
            }
            let origin = format!("Secret {}, entry {entry}", self.metadata.name);
            match identities(value, &origin) {
                Ok(found) => {
                    let recipients = found.recipients().map(|(one, _)| one.to_string());
                    contents.recipients.extend(recipients);
                    let unusable = found.unusable().iter();
                    let unusable =
                        unusable.map(|one| format!("{origin}: line {}: {}", one.line, one.why));
                    contents.problems.extend(unusable);
                }
                Err(why) => contents.problems.push(why),
            }
        }
        if contents.recipients.is_empty() && contents.problems.is_empty() {
            let name = &self.metadata.name;
            contents
                .problems
                .push(format!("Secret {name}: no identity is in it"));
        }
        contents
    }

    /// Whether there is anything in it to save.
    pub(super) fn has_entries(&self) -> bool {
        !self.data.is_empty()
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

fn identities(value: &str, origin: &str) -> Result<Identities, String> {
    let bytes = STANDARD.decode(value);
    let bytes = bytes.map_err(|_| format!("{origin}: this is not base64"))?;
    let text = SecretBytes::new(bytes).into_string();
    let text = text.map_err(|error| format!("{origin}: {error}"))?;
    Identities::parse(&text, origin).map_err(|error| error.to_string())
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
        assert_eq!(back[0].contents().recipients, [recipient].into());
        assert!(back[0].manifest().unwrap().expose().contains("Opaque"));
    }

    #[test]
    fn a_secret_without_identities_has_nothing_to_save() {
        let secrets = from_cluster(Some(answer(&[("password", "canary")]))).unwrap();
        assert!(!secrets[0].has_entries());
        let contents = secrets[0].contents();
        assert_eq!(contents.problems, ["Secret a-age: no identity is in it"]);
        assert!(contents.recipients.is_empty());
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
    fn a_damaged_identity_is_named_without_its_text_and_hides_no_other() {
        let good = Identity::generate();
        let text = good.to_file_text("now");
        let half = &text.expose()[..text.expose().len() - 9];
        let entries = [("a.agekey", half), ("b.agekey", text.expose())];
        let secrets = from_cluster(Some(answer(&entries))).unwrap();
        let contents = secrets[0].contents();
        assert_eq!(contents.recipients, [good.to_public().to_string()].into());
        let [why] = &contents.problems[..] else {
            panic!("{:?}", contents.problems);
        };
        assert!(why.starts_with("Secret a-age, entry a.agekey"), "{why}");
        assert!(!why.contains("SECRET-KEY-1Q"), "{why}");
    }
}
