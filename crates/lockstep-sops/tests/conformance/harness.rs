//! Runs sops, and says what a document means in a form that can be compared.

use lockstep_secret::{DataKey, SecretBytes};
use lockstep_sops::{
    AgeEntry, Document, EncryptionPolicy, Format, MacScope, Opened, OpenedKind, Parsed, Tree,
    Value, ValueKind, parse_as,
};
use serde_json::{Map, Value as Json, json};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output};

/// A test key: it protects nothing.
const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

/// What is asked of encrypted comments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comments {
    /// sops finds each where it was encrypted for.
    Decrypt,
    /// sops may keep some as ciphertext: go-yaml attaches them by a heuristic.
    MayStay,
}

/// A directory with the test key, and the real sops.
pub(crate) struct Judge {
    sops: PathBuf,
    folder: tempfile::TempDir,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let sops = std::env::var_os("LOCKSTEP_SOPS").map(PathBuf::from).expect(
            "LOCKSTEP_SOPS is not set: run `cargo xtask test`, which builds sops and sets it",
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys.txt"), IDENTITY).unwrap();
        Self { sops, folder }
    }

    /// Encrypts here, decrypts with sops, and compares what both mean.
    pub(crate) fn reads_ours(
        &self,
        text: &str,
        policy: &EncryptionPolicy,
        comments: Comments,
    ) -> Result<(), String> {
        let ours = encrypt(text, policy)?;
        let decrypted = self
            .decrypt(&ours, "yaml")
            .map_err(|e| format!("{e}\n{ours}"))?;
        if comments == Comments::Decrypt && decrypted.contains("#ENC[") {
            return Err(format!(
                "sops does not decrypt a comment\n{ours}\n{decrypted}"
            ));
        }
        same(&meaning(text)?, &meaning(&decrypted)?).map_err(|e| format!("{e}\n{ours}"))?;
        let reopened = open(&ours)?.plaintext();
        same(&meaning(text)?, &meaning(reopened.expose())?)
            .map_err(|e| format!("our own decryption: {e}\n{}", reopened.expose()))
    }

    /// Encrypts with sops, opens here, and compares what both mean.
    pub(crate) fn writes_for_us(
        &self,
        text: &str,
        policy: &EncryptionPolicy,
    ) -> Result<(), String> {
        let theirs = self.encrypt(text, policy)?;
        let opened = open(&theirs).map_err(|e| format!("{e}\n{theirs}"))?;
        let plaintext = opened.plaintext();
        let expected = meaning(&self.decrypt(&theirs, "yaml")?)?;
        let context = |e| format!("{e}\n{theirs}\n{}", plaintext.expose());
        same(&expected, &meaning(plaintext.expose()).map_err(context)?).map_err(context)?;
        same(&expected, &meaning(text)?).map_err(context)?;
        // JSON shows what sops thinks the types are, for one document and without infinities.
        if expected.len() == 1 && !has_no_json(plaintext.expose()) {
            let json: Json = serde_json::from_str(&self.decrypt(&theirs, "json")?).unwrap();
            same(&vec![json], &expected).map_err(context)?;
        }
        Ok(())
    }

    pub(crate) fn decrypt(&self, text: &str, format: &str) -> Result<String, String> {
        let arguments = ["decrypt", "--output-type", format];
        let bytes = self.run("document.yaml", text.as_bytes(), &arguments)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    pub(crate) fn encrypt(&self, text: &str, policy: &EncryptionPolicy) -> Result<String, String> {
        let bytes = self.encrypt_file("document.yaml", text.as_bytes(), policy)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    /// Encrypts a file whose name says of which format it is.
    pub(crate) fn encrypt_file(
        &self,
        name: &str,
        content: &[u8],
        policy: &EncryptionPolicy,
    ) -> Result<Vec<u8>, String> {
        let recipient = identity().to_public().to_string();
        let selector = format!("--{}", policy.selector.field().replace('_', "-"));
        let mut arguments = Vec::new();
        if policy.mac_scope == MacScope::EncryptedOnly {
            arguments.push("--mac-only-encrypted");
        }
        arguments.extend([
            "encrypt",
            "--age",
            &recipient,
            &selector,
            policy.selector.text(),
        ]);
        self.run(name, content, &arguments)
    }

    pub(crate) fn decrypt_file(&self, name: &str, content: &[u8]) -> Result<Vec<u8>, String> {
        self.run(name, content, &["decrypt"])
    }

    pub(crate) fn run(
        &self,
        name: &str,
        content: &[u8],
        arguments: &[&str],
    ) -> Result<Vec<u8>, String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.sops)
            .args(arguments)
            .arg(&path)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("SOPS_AGE_KEY_FILE", self.folder.path().join("keys.txt"))
            .output()
            .unwrap();
        if !status.success() {
            return Err(format!("sops: {}", String::from_utf8_lossy(&stderr)));
        }
        Ok(stdout)
    }
}

fn has_no_json(text: &str) -> bool {
    [".inf", ".nan", "!!binary"]
        .iter()
        .any(|word| text.to_ascii_lowercase().contains(word))
}

fn same(expected: &Vec<Json>, found: &Vec<Json>) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!(
        "expected {}\n   found {}",
        json!(expected),
        json!(found)
    ))
}

fn identity() -> age::x25519::Identity {
    IDENTITY.parse().unwrap()
}

fn data_key() -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(b'k'))
}

fn wrapped(key: &DataKey) -> AgeEntry {
    let recipient = identity().to_public();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as _)).unwrap();
    let mut enc = Vec::new();
    let armor =
        age::armor::ArmoredWriter::wrap_output(&mut enc, age::armor::Format::AsciiArmor).unwrap();
    let mut writer = encryptor.wrap_output(armor).unwrap();
    writer.write_all(key.expose()).unwrap();
    writer.finish().and_then(|armor| armor.finish()).unwrap();
    AgeEntry {
        recipient: recipient.to_string(),
        enc: String::from_utf8(enc).unwrap(),
    }
}

fn unwrap(entry: &AgeEntry) -> DataKey {
    let armored = age::armor::ArmoredReader::new(entry.enc.as_bytes());
    let decryptor = age::Decryptor::new(armored).unwrap();
    let identity = identity();
    let mut reader = decryptor.decrypt(std::iter::once(&identity as _)).unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    DataKey::generate(&mut |key| key.copy_from_slice(&bytes))
}

pub(crate) fn encrypt(text: &str, policy: &EncryptionPolicy) -> Result<String, String> {
    encrypt_as(text.as_bytes(), Format::Yaml, policy)
}

pub(crate) fn encrypt_as(
    content: &[u8],
    format: Format,
    policy: &EncryptionPolicy,
) -> Result<String, String> {
    let Parsed::Clear(document) = read(content, format)? else {
        return Err("already encrypted".into());
    };
    let key = data_key();
    let mut counter = 0_u64;
    let mut random = |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            counter = counter
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            chunk.copy_from_slice(&counter.to_be_bytes()[..chunk.len()]);
        }
    };
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let encrypted = document.encrypt(policy, &key, &[wrapped(&key)], now, &mut random);
    encrypted.map_err(|error| format!("{error}: {}", error.source_text()))
}

/// Gives an encrypted file a new data key.
pub(crate) fn rotate_as(
    content: &[u8],
    format: Format,
    policy: &EncryptionPolicy,
) -> Result<String, String> {
    let Parsed::Encrypted(document) = read(content, format)? else {
        return Err("not encrypted".into());
    };
    let old = unwrap(&document.metadata().age()[0]);
    let key = DataKey::generate(&mut |bytes| bytes.fill(b'n'));
    let wrapped = [wrapped(&key)];
    let now = jiff::Timestamp::from_second(1_800_000_060).unwrap();
    let mut next = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        next = next.wrapping_add(1);
        bytes.fill(next);
    };
    let rotated = document.rotate(&old, policy, &key, &wrapped, now, &mut random);
    rotated.map_err(|error| format!("{error}: {}", error.source_text()))
}

fn read(content: &[u8], format: Format) -> Result<Parsed, String> {
    parse_as(SecretBytes::new(content.to_vec()), format)
        .map_err(|error| format!("{error}: {}", error.source_text()))
}

trait SourceText: std::error::Error {
    fn source_text(&self) -> String {
        self.source().map(ToString::to_string).unwrap_or_default()
    }
}

impl<E: std::error::Error> SourceText for E {}

pub(crate) fn open(text: &str) -> Result<Document<Opened>, String> {
    open_as(text.as_bytes(), Format::Yaml)
}

pub(crate) fn open_as(content: &[u8], format: Format) -> Result<Document<Opened>, String> {
    let Parsed::Encrypted(document) = read(content, format)? else {
        return Err("not encrypted".into());
    };
    let key = unwrap(&document.metadata().age()[0]);
    document
        .open(&key)
        .map_err(|error| format!("{error}: {}", error.source_text()))
}

/// What a plaintext means to sops: every value typed by encrypting and opening it.
fn meaning(text: &str) -> Result<Vec<Json>, String> {
    let all = EncryptionPolicy {
        selector: lockstep_sops::Selector::UnencryptedSuffix("\0".into()),
        mac_scope: MacScope::AllValues,
    };
    Ok(trees(open(&encrypt(text, &all)?)?.trees()))
}

fn trees(trees: &[Tree]) -> Vec<Json> {
    trees.iter().map(|tree| to_json(&tree.root)).collect()
}

fn to_json(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Mapping(entries) => {
            let pairs = entries
                .iter()
                .map(|(key, value)| (key.text.clone(), to_json(value)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
        ValueKind::Sequence(items) => Json::Array(items.iter().map(to_json).collect()),
        // Everything is encrypted but nulls and empty strings; an empty document counts as a mapping.
        ValueKind::Clear(scalar)
            if scalar.style == lockstep_sops::ScalarStyle::Plain && scalar.tag.is_none() =>
        {
            Json::Null
        }
        ValueKind::Clear(scalar) => json!(scalar.text),
        ValueKind::Opened(opened) => {
            let text = opened.text.expose();
            match opened.kind {
                OpenedKind::Str | OpenedKind::Time => json!(text),
                OpenedKind::Binary => json!({ "binary": text }),
                OpenedKind::Int => json!(text.parse::<i64>().unwrap()),
                OpenedKind::Float => text.parse::<f64>().map_or(json!(text), |float| {
                    // sops prints an integral float as an integer.
                    if float.fract() == 0.0 && float.abs() < 1e15 {
                        json!(float as i64)
                    } else {
                        json!(float)
                    }
                }),
                OpenedKind::Bool => json!(text == "True"),
            }
        }
    }
}
