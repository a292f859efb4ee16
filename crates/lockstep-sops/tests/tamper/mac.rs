//! The MAC: what it holds together, and what it leaves open.

use crate::file::{SECRET, encrypt, encrypt_as, line, open, open_error, unsealed, with};
use lockstep_sops::{MacScope, OpenError, OpenErrorKind};

#[test]
fn a_mac_that_is_not_this_files_is_refused() {
    let file = encrypt(SECRET);
    let other = encrypt_as(
        &SECRET.replace("hunter2", "hunter3"),
        MacScope::AllValues,
        100,
    );
    let same = encrypt_as(SECRET, MacScope::AllValues, 100);
    let mac = |file: &str| line(file, "mac:").trim().to_owned();
    let (opened, swapped) = (open(&file), open(&with(&file, "mac:", &mac(&same))));
    assert_eq!(opened, swapped, "a MAC over the same values is this file's");
    let value = line(&file, "password:")
        .trim()
        .replacen("password", "mac", 1);
    for changed in [
        with(&file, "mac:", &mac(&other)),
        with(&file, "mac:", "mac: \"\""),
        with(&file, "mac:", "mac: null"),
        with(
            &file,
            "mac:",
            "mac: ENC[AES256_GCM,data:,iv:,tag:,type:str]",
        ),
        with(&file, "mac:", "mac: 0123456789ABCDEF"),
        with(&file, "mac:", &value),
        with(&file, "mac:", &mac(&file).replace("type:str", "type:int")),
        with(
            &file,
            "lastmodified:",
            "lastmodified: \"2001-01-01T00:00:00Z\"",
        ),
        file.replace(&format!("{}\n", line(&file, "mac:")), ""),
    ] {
        let error = open_error(&changed);
        assert_eq!(error.kind(), OpenErrorKind::Mac, "{changed}");
        // Neither digest is in the message, nor a part of one.
        let said = format!("{error} {error:?}");
        let word = |word: &str| word.len() > 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(
            !said.split(|c: char| !c.is_alphanumeric()).any(word),
            "{said}"
        );
    }
}

/// Changes to values in clear and to their keys that leave SOPS's MAC as it is. sops opens every one
/// of these files; only a seal over names and boundaries could tell.
pub(crate) const PASSES: [(&str, &str, &str); 8] = [
    (
        "a key in clear is renamed",
        "    app: shop",
        "    owner: shop",
    ),
    (
        "a label becomes the namespace's",
        "  labels:\n    app: shop",
        "  annotations:\n    app: shop",
    ),
    (
        "a character moves to the value behind it",
        "  name: db\n  namespace: team-a",
        "  name: dbt\n  namespace: eam-a",
    ),
    (
        "an empty value is added",
        "kind: Secret",
        "kind: Secret\ntype: \"\"",
    ),
    (
        "a null is added",
        "kind: Secret",
        "kind: Secret\nimmutable: null",
    ),
    (
        "an empty mapping is added",
        "kind: Secret",
        "kind: Secret\nextra: {}",
    ),
    (
        "a text becomes a number",
        "apiVersion: \"1\"",
        "apiVersion: 1",
    ),
    (
        "a comment is added",
        "kind: Secret",
        "kind: Secret # changed",
    ),
];

#[test]
fn what_the_mac_of_sops_leaves_open_is_this_and_no_more() {
    let file = unsealed(&encrypt(
        &SECRET.replace("apiVersion: v1", "apiVersion: \"1\""),
    ));
    for (what, old, new) in PASSES {
        assert!(file.contains(old), "{what}");
        let opened = open(&file.replacen(old, new, 1));
        assert!(opened.unwrap().contains(new), "{what}");
    }
    // The type that stands beside an encrypted value, where its text is of the other type as well.
    let file = unsealed(&encrypt(&SECRET.replace("admin", "\"5\"")));
    let user = line(&file, "user:");
    let retyped = file.replace(user, &user.replace("type:str", "type:int"));
    assert!(open(&retyped).unwrap().contains("user: 5\n"));
    let retyped = file.replace(user, &user.replace("type:str", "type:bool"));
    assert!(matches!(open_error(&retyped), OpenError::WrongType(_)));
}

#[test]
fn a_changed_value_in_clear_is_refused() {
    let file = encrypt(SECRET);
    for (old, new) in [
        ("name: db", "name: bd"),
        ("namespace: team-a", "namespace: team-b"),
        ("kind: Secret", "kind: Secret\ntype: Opaque"),
        ("kind: Secret", "kind: Secret\nimmutable: true"),
        ("kind: Secret\n", ""),
        ("    app: shop\n", ""),
        (
            "kind: Secret\nmetadata:\n  name: db",
            "kind: db\nmetadata:\n  name: Secret",
        ),
    ] {
        assert!(file.contains(old), "{old}");
        let error = open_error(&file.replacen(old, new, 1));
        assert!(matches!(error, OpenError::MacMismatch), "{new}: {error:?}");
    }
}

#[test]
fn a_mac_over_encrypted_values_leaves_all_others_open() {
    let file = unsealed(&encrypt_as(SECRET, MacScope::EncryptedOnly, 0));
    let moved = file
        .replace("team-a", "team-b")
        .replace("kind: Secret", "kind: ConfigMap");
    assert!(open(&moved).unwrap().contains("kind: ConfigMap"));
    // The file cannot be made one that says so.
    let all = encrypt(SECRET);
    let claimed = all.replace("    version:", "    mac_only_encrypted: true\n    version:");
    assert!(matches!(open_error(&claimed), OpenError::MacMismatch));
}

#[test]
fn elements_and_documents_have_their_order() {
    let file = encrypt(SECRET);
    let ports = line(&file, "ports:");
    let (start, rest) = ports.split_once('[').unwrap();
    let (one, two) = rest.split_once(", ").unwrap();
    let two = two.strip_suffix(']').unwrap();
    for list in [
        format!("{two}, {one}"),
        format!("{one}, {one}"),
        one.to_owned(),
    ] {
        let changed = file.replace(ports, &format!("{start}[{list}]"));
        assert!(
            matches!(open_error(&changed), OpenError::MacMismatch),
            "{list}"
        );
    }

    let file = encrypt(
        "stringData:\n  a: first\n---\nstringData:\n  a: second\n---\nstringData:\n  a: third\n",
    );
    let documents: Vec<&str> = file.split("---\n").collect();
    let [first, second, third] = documents.as_slice() else {
        panic!("{} documents", documents.len())
    };
    for order in [
        vec![second, first, third],
        vec![first, third, second],
        vec![first, second],
        vec![first, first, second, third],
        vec![first, second, third, third],
        vec![first],
    ] {
        let parts: Vec<&str> = order.into_iter().copied().collect();
        assert!(matches!(
            open_error(&parts.join("---\n")),
            OpenError::MacMismatch
        ));
    }
    // The values alone, each under the other's metadata.
    let (a, b) = (line(first, "a:"), line(second, "a:"));
    let swapped = file.replace(a, "@").replace(b, a).replace('@', b);
    assert!(matches!(open_error(&swapped), OpenError::MacMismatch));
}

#[test]
fn a_selector_that_takes_less_does_not_open() {
    let file = encrypt(SECRET);
    for regex in ["^$", "^data$", "^(data|stringData|metadata)$", ".*"] {
        let changed = with(
            &file,
            "encrypted_regex:",
            &format!("encrypted_regex: {regex}"),
        );
        open(&changed).unwrap_err();
    }
    // Not even for a value that somebody put there in clear.
    let plain = with(&file, "password:", "password: chosen");
    let plain = with(
        &plain,
        "encrypted_regex:",
        "encrypted_regex: ^(user|ports)$",
    );
    assert_eq!(open_error(&plain).kind(), OpenErrorKind::Mac);
}
