//! Secrets with random values, and the manifests that hold them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A Secret with one value under the key `value`.
pub(crate) struct Secret {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

impl Secret {
    /// A Secret with a random value of 33 characters.
    pub(crate) fn random(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: random(),
        }
    }

    /// Its manifest with the value under `stringData`.
    pub(crate) fn in_clear(&self) -> String {
        let value = serde_json::Value::from(self.value.as_str());
        self.manifest(&format!("stringData:\n  value: {value}\n"))
    }

    /// Its manifest with the value under `data`.
    pub(crate) fn in_base64(&self) -> String {
        let value = STANDARD.encode(&self.value);
        self.manifest(&format!("data:\n  value: {value}\n"))
    }

    /// Its manifest with the value as a block of lines.
    pub(crate) fn in_lines(&self) -> String {
        let lines: String = self
            .value
            .lines()
            .map(|line| format!("    {line}\n"))
            .collect();
        self.manifest(&format!("stringData:\n  value: |\n{lines}"))
    }

    fn manifest(&self, values: &str) -> String {
        let name = &self.name;
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{values}")
    }
}

/// Random text of 33 letters, digits, `-` and `_`, the first a letter.
pub(crate) fn random() -> String {
    format!("v{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>()))
}

/// Files of a folder `deploy` with 100 Secrets in all shapes, and the Secrets: in files of their own
/// and many to a file, as text and as base64, one of several lines, one of 100 KiB.
pub(crate) fn hundred() -> (Vec<(String, String)>, Vec<Secret>) {
    let mut secrets: Vec<Secret> = (0..98).map(|n| Secret::random(&format!("s{n}"))).collect();
    let mut files: Vec<(String, String)> = Vec::new();
    for (n, secret) in secrets.iter().enumerate() {
        let manifest = if n % 2 == 0 {
            secret.in_clear()
        } else {
            secret.in_base64()
        };
        match (n, files.last_mut()) {
            (40.., Some((_, text))) if n % 20 != 0 => {
                text.push_str(&format!("---\n{manifest}"));
            }
            _ => files.push((format!("deploy/s{n}-secret.yaml"), manifest)),
        }
    }
    let lines = Secret {
        name: "lines".to_owned(),
        value: (0..6).map(|_| random() + "\n").collect(),
    };
    let long = Secret {
        name: "long".to_owned(),
        value: (0..3200).map(|_| random()).collect(),
    };
    files.push(("deploy/lines-secret.yaml".to_owned(), lines.in_lines()));
    files.push(("deploy/long-secret.yaml".to_owned(), long.in_clear()));
    secrets.extend([lines, long]);
    (files, secrets)
}
