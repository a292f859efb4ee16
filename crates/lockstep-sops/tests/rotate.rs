//! A new data key for an encrypted file: what changes, what stays, and what is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    AgeEntry, Document, Encrypted, EncryptionPolicy, MacScope, Parsed, RotateError, Selection,
    Selector, parse,
};

/// One of everything: styles, comments, lists, aliases, braces, several documents.
const TEXTS: [&str; 5] = [
    "apiVersion: v1\nkind: Secret\nmetadata: {name: db} # shown\nstringData:\n  # the password\n  password: \"hunter2\"\n  ports: [1, 2.50, true, 2024-01-02T03:04:05Z]\n  cert: |+\n    a\n    b\n\n  fold: >-\n    x\n    y\n  single: 'it''s'\n  empty: ''\n  nothing: ~\n",
    "---\ndata: {a: b, \"c\": d}\n---\n# of the second\ndata:\n    key: !!binary aGk=\n",
    "{\"data\": {\"a\": \"b\"}, \"kind\": \"Secret\"}\n",
    "data:\r\n  a: b\r\n  c: |\r\n    d\r\n",
    "x: &x {p: q}\ndata:\n  one: *x\n  list:\n  - a\n  # between\n  - b\n",
];

fn key(byte: u8) -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(byte))
}

fn policy(field: &str, text: &str) -> EncryptionPolicy {
    EncryptionPolicy {
        selector: Selector::from_field(field, text).unwrap(),
        mac_scope: MacScope::AllValues,
    }
}

fn secrets() -> EncryptionPolicy {
    policy("encrypted_regex", "^(data|stringData)$")
}

fn entry(recipient: &str) -> AgeEntry {
    AgeEntry {
        recipient: recipient.into(),
        enc: "line\nline\n".into(),
    }
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000).unwrap()
}

/// Bytes that never come twice.
fn random(start: u64) -> impl FnMut(&mut [u8]) {
    let mut next = start;
    move |bytes| {
        bytes.fill(0);
        bytes[..8].copy_from_slice(&next.to_le_bytes());
        next += 1;
    }
}

fn encrypt(text: &str, policy: &EncryptionPolicy) -> String {
    let Parsed::Clear(document) = parse(SecretString::new(text.to_owned())).unwrap() else {
        panic!("already encrypted")
    };
    let mut random = random(0);
    document
        .encrypt(policy, &key(1), &[entry("age1old")], now(), &mut random)
        .unwrap()
}

fn read(text: &str) -> Document<Encrypted> {
    match parse(SecretString::new(text.to_owned())) {
        Ok(Parsed::Encrypted(document)) => document,
        other => panic!("{other:?}"),
    }
}

fn rotate(text: &str, policy: &EncryptionPolicy) -> Result<String, RotateError> {
    let mut random = random(1 << 32);
    read(text).rotate(
        &key(1),
        policy,
        &key(2),
        &[entry("age1new")],
        now(),
        &mut random,
    )
}

fn open(text: &str, key: &DataKey) -> Option<String> {
    let opened = read(text).open(key).ok()?;
    Some(opened.plaintext().expose().to_owned())
}

/// A file with every ciphertext cut out.
fn masked(text: &str) -> String {
    let mut parts = text.split("ENC[AES256_GCM,");
    let mut masked = parts.next().unwrap().to_owned();
    for part in parts {
        let kind = part.find(",type:").unwrap();
        masked.push_str(&part[kind..]);
    }
    let mut parts = masked.split("v1:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |masked, part| masked + &part[64..])
}

/// Every nonce of a file.
fn nonces(text: &str) -> Vec<&str> {
    let nonces = text.split(",iv:").skip(1);
    nonces.map(|rest| rest.split(',').next().unwrap()).collect()
}

#[test]
fn everything_says_the_same_under_another_key_and_no_other_byte_changes() {
    for text in TEXTS {
        let old = encrypt(text, &secrets());
        let new = rotate(&old, &secrets()).unwrap();
        assert_eq!(open(&new, &key(2)), open(&old, &key(1)), "{text}");
        assert_eq!(open(&new, &key(1)), None);
        assert_eq!(masked(&new).replace("age1new", "age1old"), masked(&old));
        let (old, new) = (nonces(&old), nonces(&new));
        assert!(old.len() > 1 && old.iter().all(|nonce| !new.contains(nonce)));
    }
}

#[test]
fn the_metadata_stays_where_it_stands() {
    let old = encrypt("data:\n  a: b\n", &secrets());
    let (body, block) = old.split_at(old.find("sops:\n").unwrap());
    let moved = format!("{block}{body}");
    let new = rotate(&moved, &secrets()).unwrap();
    assert!(
        new.starts_with("sops:\n") && new.ends_with("type:str]\n"),
        "{new}"
    );
    assert_eq!(open(&new, &key(2)).as_deref(), Some("data:\n  a: b\n"));
}

#[test]
fn a_mac_that_does_not_match_is_no_reason_to_make_a_new_one() {
    let old = encrypt("kind: Secret\ndata:\n  a: b\n", &secrets());
    let tampered = old.replace("kind: Secret", "kind: Other");
    assert!(matches!(
        rotate(&tampered, &secrets()),
        Err(RotateError::Open(_))
    ));
}

#[test]
fn a_policy_that_selects_otherwise_gives_nothing() {
    let old = encrypt("kind: Secret\ndata:\n  a: b\n", &secrets());
    let result = rotate(&old, &policy("encrypted_regex", "^nothing$"));
    assert!(result.is_err());
}

#[test]
fn selections_are_compared_by_what_they_take_of_the_file() {
    let text = "kind: Secret\ndata:\n  a: b\n  empty: ''\nstringData:\n  c: d\n";
    let compare = |file: &str, with: &str| {
        let file = encrypt(text, &policy("encrypted_regex", file));
        let selector = policy("encrypted_regex", with).selector;
        read(&file).compare_selection(&selector).unwrap()
    };
    assert_eq!(compare("^(data|stringData)$", "(?i)data$"), Selection::Same);
    assert_eq!(
        compare("^(a|stringData)$", "^(data|stringData)$"),
        Selection::Same
    );
    assert_eq!(compare("^(data|stringData)$", "^data$"), Selection::More);
    let Selection::Less(place) = compare("^data$", "^(data|stringData)$") else {
        panic!("it leaves stringData in clear")
    };
    assert_eq!(place.to_string(), "line 6, stringData.c");
}
