//! An encrypted file, and ways to change and to open it.

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{AgeEntry, EncryptionPolicy, MacScope, OpenError, Parsed, Selector, parse};

pub(crate) const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: team-a\n  labels:\n    app: shop\nstringData:\n  user: admin\n  password: hunter2\n  ports: [one, two]\n";

pub(crate) fn key() -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(1))
}

/// Encrypts under one key, with other random numbers for every `seed`.
pub(crate) fn encrypt_as(text: &str, scope: MacScope, seed: u8) -> String {
    let Parsed::Clear(document) = parse(SecretString::new(text.to_owned())).unwrap() else {
        panic!("already encrypted")
    };
    let policy = EncryptionPolicy {
        selector: Selector::from_field("encrypted_regex", "^(data|stringData)$").unwrap(),
        mac_scope: scope,
    };
    let entry = AgeEntry {
        recipient: "age1test".into(),
        enc: "x\n".into(),
    };
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let mut next = seed;
    let mut random = |bytes: &mut [u8]| {
        bytes.fill(next);
        next = next.wrapping_add(1);
    };
    document
        .encrypt(&policy, &key(), &[entry], now, &mut random)
        .unwrap()
}

pub(crate) fn encrypt(text: &str) -> String {
    encrypt_as(text, MacScope::AllValues, 0)
}

/// As sops writes it.
pub(crate) fn unsealed(sealed: &str) -> String {
    sealed.replace(&format!("{}\n", line(sealed, "lockstep_seal:")), "")
}

/// The plaintext, or why there is none.
pub(crate) fn open(text: &str) -> Result<String, String> {
    let parsed = parse(SecretString::new(text.to_owned())).map_err(|error| format!("{error:?}"))?;
    let Parsed::Encrypted(document) = parsed else {
        return Err("not encrypted".to_owned());
    };
    let opened = document
        .open(&key())
        .map_err(|error| format!("{error:?}"))?;
    Ok(opened.plaintext().expose().to_owned())
}

pub(crate) fn open_error(text: &str) -> OpenError {
    let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(text.to_owned())) else {
        panic!("not an encrypted file:\n{text}")
    };
    document.open(&key()).unwrap_err()
}

/// The line that begins so, indentation aside.
pub(crate) fn line<'t>(text: &'t str, start: &str) -> &'t str {
    let found = text.lines().find(|line| line.trim().starts_with(start));
    found.unwrap_or_else(|| panic!("no line begins with {start}"))
}

/// `text` with a line in place of another.
pub(crate) fn with(text: &str, start: &str, new: &str) -> String {
    let old = line(text, start);
    let indent = &old[..old.len() - old.trim_start().len()];
    text.replace(old, &format!("{indent}{new}"))
}
