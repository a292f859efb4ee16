//! New contents for an encrypted file: what changes, what stays, and what is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    AgeEntry, Document, EditError, EncryptionPolicy, MacScope, Opened, Parsed, Selector, parse,
};

/// One of everything: styles, comments, lists, aliases, braces, several documents.
const TEXTS: [&str; 6] = [
    "apiVersion: v1\nkind: Secret\nmetadata: {name: db} # shown\nstringData:\n  # the password\n  password: \"hunter2\"\n  ports: [1, 2.50, true, 2024-01-02T03:04:05Z]\n  cert: |+\n    a\n    b\n\n  fold: >-\n    x\n    y\n  single: 'it''s'\n  empty: ''\n  nothing: ~\n",
    "---\ndata: {a: b, \"c\": d}\n---\n# of the second\ndata:\n    key: !!binary aGk=\n",
    "{\"data\": {\"a\": \"b\"}, \"kind\": \"Secret\"}\n",
    "data:\r\n  a: b\r\n  c: |\r\n    d\r\n",
    "x: &x {p: q}\ndata:\n  one: *x\n  list:\n  - a\n  # between\n  - a\n",
    "data:\n  a: b\n\n  # c\n",
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

fn time(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000 + second).unwrap()
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
    let entry = AgeEntry {
        recipient: "age1test".into(),
        enc: "line\nline\n".into(),
    };
    document
        .encrypt(policy, &key(1), &[entry], time(0), &mut random(0))
        .unwrap()
}

/// Without the seal, which knows of changes made by hand.
fn unsealed(sealed: &str) -> String {
    let lines = sealed.split_inclusive('\n');
    lines
        .filter(|line| !line.contains("lockstep_seal:"))
        .collect()
}

fn open(text: &str) -> Document<Opened> {
    match parse(SecretString::new(text.to_owned())) {
        Ok(Parsed::Encrypted(document)) => document.open(&key(1)).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn plaintext(text: &str) -> String {
    open(text).plaintext().expose().to_owned()
}

fn edit(old: &str, new: &str) -> Result<String, EditError> {
    open(old).reseal(
        SecretString::new(new.to_owned()),
        &key(1),
        None,
        time(1),
        &mut random(1 << 32),
    )
}

/// The lines of `new` that are not those of `old`, and how many of `old` are gone.
fn changed<'a>(old: &str, new: &'a str) -> Vec<&'a str> {
    let mut left: Vec<_> = old.lines().collect();
    new.lines()
        .filter(|line| match left.iter().position(|one| one == line) {
            Some(at) => {
                left.remove(at);
                false
            }
            None => true,
        })
        .collect()
}

/// How sops would have written it: ciphertext is always plain, on one line.
fn as_sops_writes(text: &str) -> String {
    text.replace("\"ENC[", "ENC[").replace("]\"", "]")
}

#[test]
fn an_edit_that_changes_nothing_renews_the_mac_only() {
    for text in TEXTS {
        for policy in [
            secrets(),
            policy("unencrypted_suffix", "_unencrypted"),
            policy("encrypted_suffix", "a"),
        ] {
            let old = encrypt(text, &policy);
            let new = edit(&old, &plaintext(&old)).unwrap();
            for line in changed(&old, &new) {
                assert!(
                    line.contains("mac") && line.contains("lastmodified")
                        || line.trim().starts_with("mac: ENC[")
                        || line.trim().starts_with("lockstep_seal: v1:")
                        || line.trim().starts_with("lastmodified: \""),
                    "{line}\n{old}\n{new}"
                );
            }
            assert_eq!(old.len(), new.len(), "{old}\n{new}");
            assert_eq!(plaintext(&new), plaintext(&old));
        }
    }
}

#[test]
fn one_value_changes_its_own_line() {
    let old = encrypt(TEXTS[0], &secrets());
    for (from, to, line) in [
        ("hunter2", "hunter3", "password: \"ENC["),
        ("'it''s'", "'its'", "single: 'ENC["),
        ("ports: [1,", "ports: [11,", "ports: [\"ENC["),
        ("x y", "x z", "ENC["),
        ("the password", "his password", "#ENC["),
        ("name: db", "name: d", "name: d"),
    ] {
        let text = plaintext(&old);
        assert!(text.contains(from), "{from}\n{text}");
        let edited = text.replacen(from, to, 1);
        let new = edit(&old, &edited).unwrap();
        let changed = changed(&old, &new);
        assert_eq!(changed.len(), 4, "{from}: {changed:#?}");
        assert!(changed[0].contains(line), "{from}: {changed:#?}");
        assert_eq!(plaintext(&new), edited);
    }
}

#[test]
fn one_element_of_a_list_keeps_the_others() {
    let old = encrypt("a:\n- x\n- x\n- y\n", &policy("encrypted_suffix", "a"));
    let elements = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("- "));
        lines.map(ToOwned::to_owned).collect()
    };
    let before = elements(&old);
    let new = elements(&edit(&old, "a:\n- x\n- x\n- z\n").unwrap());
    assert_eq!((&new[0], &new[1]), (&before[0], &before[1]));
    assert_ne!(new[2], before[2]);
    // What moves takes its ciphertext along.
    let new = elements(&edit(&old, "a:\n- new\n- y\n- x\n").unwrap());
    assert_eq!(new[1], before[2]);
    assert!(before[..2].contains(&new[2]));
}

#[test]
fn files_of_sops_keep_their_form() {
    let old = as_sops_writes(&encrypt(
        "a: \"5\"\nb: \"yes\"\nc: \"p\\nq\"\n",
        &policy("encrypted_regex", "."),
    ));
    assert!(old.starts_with("a: ENC["));
    let text = plaintext(&old);
    assert_eq!(text, "a: \"5\"\nb: \"yes\"\nc: |-\n    p\n    q\n");
    let new = edit(&old, &text.replace("    q\n", "    r\n")).unwrap();
    let changed = changed(&old, &new);
    assert_eq!(changed.len(), 4, "{changed:#?}");
    assert!(changed[0].starts_with("c: ENC["), "{changed:#?}");
}

#[test]
fn comments_in_lists_stay_where_sops_put_them() {
    let with_comment = "data:\n  - a\n  # note\n  - b\n";
    let old = unsealed(&encrypt(with_comment, &secrets()));
    // sops writes an encrypted comment of a list as an element.
    let old = old.replace("  #ENC[", "  - ENC[");
    assert_eq!(plaintext(&old), with_comment);
    let new = edit(&old, &with_comment.replace("- b", "- c")).unwrap();
    assert_eq!(changed(&old, &new).len(), 4, "{new}");
    let new = edit(&old, "data:\n  # note\n").unwrap();
    assert_eq!(plaintext(&new), "data:\n  # note\n");
}

#[test]
fn a_comment_in_clear_stays_in_clear_and_a_new_one_does_not() {
    let old = unsealed(&encrypt("data:\n  # one\n  a: b\n", &secrets()));
    let start = old.find("#ENC[").unwrap();
    let end = start + old[start..].find('\n').unwrap();
    let old = format!("{}# one{}", &old[..start], &old[end..]);
    let new = edit(&old, "data:\n  # one\n  # two\n  a: b\n").unwrap();
    assert!(new.contains("  # one\n  #ENC["), "{new}");
}

#[test]
fn foreign_metadata_and_what_stands_behind_it_stay() {
    let old = unsealed(&encrypt("data:\n  a: b\n", &secrets()));
    let old = old.replace(
        "    lastmodified:",
        "    pgp:\n        - enc: x\n          fp: y # kept\n    unheard: of\n    lastmodified:",
    ) + "\n# the end\n";
    let new = edit(&old, &plaintext(&old).replace("a: b", "a: c")).unwrap();
    assert_eq!(changed(&old, &new).len(), 4, "{old}\n{new}");
    assert_eq!(old.lines().count() + 1, new.lines().count());
    assert!(new.ends_with("\n# the end\n"), "{new}");
}

#[test]
fn documents_come_and_go() {
    let old = encrypt("data: {a: b}\n---\ndata:\n  c: d\n", &secrets());
    for text in [
        "data: {a: b}\n",
        "data: {a: b}\n---\ndata:\n  c: d\n---\ndata:\n  e: f\n",
        "{\"data\": {\"a\": \"b\"}}\n",
        "data: {a: b}\n---\n{data: {c: d}}\n",
        "{}\n",
        "---\n",
    ] {
        let new = edit(&old, text).unwrap();
        let documents = text.matches("---\n").count() + usize::from(!text.starts_with("---"));
        assert_eq!(new.matches("age1test").count(), documents, "{new}");
        assert_eq!(
            plaintext(&new).replace("{}\n", ""),
            text.replace("{}\n", "").replace("---\n---\n", "---\n"),
            "{new}"
        );
        let again = edit(&new, "data: {a: b}\n---\ndata:\n  c: d\n").unwrap();
        assert_eq!(plaintext(&again), "data: {a: b}\n---\ndata:\n  c: d\n");
    }
}

#[test]
fn a_value_that_the_policy_would_encrypt_is_not_put_in_clear() {
    let old = encrypt("data:\n  a: b\nshown: x\n", &secrets());
    let refused = |new: &str| {
        open(&old).reseal(
            SecretString::new(new.to_owned()),
            &key(1),
            Some(&policy("encrypted_regex", "^(data|shown)$").selector),
            time(1),
            &mut random(9),
        )
    };
    assert!(refused("data:\n  a: c\nshown: x\n").is_ok());
    let error = refused("data:\n  a: b\nshown: hunter2\n").unwrap_err();
    assert!(matches!(error, EditError::InClear(_)));
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn texts_that_are_no_contents_are_refused() {
    let old = encrypt("data:\n  a: b\n", &secrets());
    assert!(matches!(edit(&old, "a: [\n"), Err(EditError::Parse(_))));
    assert!(matches!(edit(&old, "- a\n"), Err(EditError::Parse(_))));
    assert!(matches!(edit(&old, ""), Err(EditError::Parse(_))));
    assert!(matches!(edit(&old, &old), Err(EditError::Metadata)));
    let ciphertext = old.lines().nth(1).unwrap();
    let nested = format!("data:\n{}\n", ciphertext.replacen("a:", "b:", 1));
    assert!(matches!(edit(&old, &nested), Err(EditError::Encrypt(_))));
}
