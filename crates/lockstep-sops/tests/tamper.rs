//! Encrypted files changed by somebody without the key: what is refused, and the list of what passes
//! because SOPS's MAC does not see it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop at what is unexpected"
)]

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    AgeEntry, EncryptionPolicy, GoRegex, MacScope, OpenError, OpenErrorKind, Parsed, Selector,
    parse,
};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: team-a\n  labels:\n    app: shop\nstringData:\n  user: admin\n  password: hunter2\n  ports: [one, two]\n";

fn key() -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(1))
}

/// Encrypts under one key, with other random numbers for every `seed`.
fn encrypt_as(text: &str, scope: MacScope, seed: u8) -> String {
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

fn encrypt(text: &str) -> String {
    encrypt_as(text, MacScope::AllValues, 0)
}

/// The plaintext, or why there is none.
fn open(text: &str) -> Result<String, String> {
    let parsed = parse(SecretString::new(text.to_owned())).map_err(|error| format!("{error:?}"))?;
    let Parsed::Encrypted(document) = parsed else {
        return Err("not encrypted".to_owned());
    };
    let opened = document
        .open(&key())
        .map_err(|error| format!("{error:?}"))?;
    Ok(opened.plaintext().expose().to_owned())
}

fn open_error(text: &str) -> OpenError {
    let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(text.to_owned())) else {
        panic!("not an encrypted file:\n{text}")
    };
    document.open(&key()).unwrap_err()
}

/// The line that begins so, indentation aside.
fn line<'t>(text: &'t str, start: &str) -> &'t str {
    let found = text.lines().find(|line| line.trim().starts_with(start));
    found.unwrap_or_else(|| panic!("no line begins with {start}"))
}

/// `text` with a line in place of another.
fn with(text: &str, start: &str, new: &str) -> String {
    let old = line(text, start);
    let indent = &old[..old.len() - old.trim_start().len()];
    text.replace(old, &format!("{indent}{new}"))
}

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
const PASSES: [(&str, &str, &str); 8] = [
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
    let file = encrypt(&SECRET.replace("apiVersion: v1", "apiVersion: \"1\""));
    for (what, old, new) in PASSES {
        assert!(file.contains(old), "{what}");
        let opened = open(&file.replacen(old, new, 1));
        assert!(opened.unwrap().contains(new), "{what}");
    }
    // The type that stands beside an encrypted value, where its text is of the other type as well.
    let file = encrypt(&SECRET.replace("admin", "\"5\""));
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
    let file = encrypt_as(SECRET, MacScope::EncryptedOnly, 0);
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
fn encrypted_values_have_one_form() {
    let file = encrypt(SECRET);
    let good = line(&file, "user:").trim().strip_prefix("user: ").unwrap();
    let field = |name: &str| {
        let start = good.find(&format!("{name}:")).unwrap() + name.len() + 1;
        let end = good[start..].find([',', ']']).unwrap() + start;
        &good[start..end]
    };
    let base64 = |bytes: usize| {
        let digits = "A".repeat((bytes * 8).div_ceil(6));
        format!("{digits}{}", "=".repeat((4 - digits.len() % 4) % 4))
    };
    let mut bad = vec![
        format!("{good}x"),
        format!("{good} "),
        format!("x{good}"),
        format!("{good}{good}"),
        good.replace(']', "]]"),
        good.replace(",iv:", "],iv:"),
        good.replace(",type:str", ""),
        good.replace("type:str", "type:comment"),
        good.replace("type:str", "type:unknown"),
        good.replace("ENC[", "enc["),
        good.replace("AES256_GCM", "AES128_GCM"),
        good.replace(",iv:", ",tag:"),
        good.replace(field("data"), &field("data").replace('=', "")),
        good.replace(field("tag"), &format!("{}\\n", field("tag"))),
    ];
    bad.extend([0, 1, 12, 31, 33, 1 << 20].map(|n| good.replace(field("iv"), &base64(n))));
    bad.extend([0, 1, 15, 17].map(|n| good.replace(field("tag"), &base64(n))));
    for value in bad {
        let changed = file.replace(good, &format!("{value:?}"));
        let error = open_error(&changed);
        assert_eq!(error.kind(), OpenErrorKind::Value, "{value}: {error:?}");
        assert!(error.to_string().contains("stringData.user"), "{error}");
    }
}

#[test]
fn other_encodings_are_refused_or_read_the_same() {
    let file = encrypt(SECRET);
    let opened = open(&file).unwrap();
    assert_eq!(
        open(&format!("\u{feff}{file}"))
            .unwrap()
            .trim_start_matches('\u{feff}'),
        opened
    );
    assert_eq!(
        open(&file.replace('\n', "\r\n"))
            .unwrap()
            .replace("\r\n", "\n"),
        opened
    );
    assert_eq!(open(file.trim_end()).unwrap().trim_end(), opened.trim_end());
    for foreign in [
        file.replace('\n', "\r"),
        file.chars().flat_map(|c| [c, '\0']).collect(),
        format!("{file}\0"),
        format!("{file}garbage"),
        format!("{file}- garbage\n"),
        format!("{file}...\ngarbage\n"),
        format!("{file}]"),
        file.replace("user:", "us\u{200b}er:"),
    ] {
        open(&foreign).unwrap_err();
    }
}

#[test]
fn every_conflict_marker_is_named_as_one() {
    let file = encrypt(SECRET);
    for marker in [
        "<<<<<<< HEAD",
        ">>>>>>> theirs",
        "||||||| base",
        "<<<<<<< HEAD\r",
    ] {
        let merged = file.replace("stringData:", &format!("{marker}\nstringData:"));
        let Err(error) = parse(SecretString::new(merged)) else {
            panic!("{marker} is taken")
        };
        assert_eq!(error.to_string(), "line 8: unresolved Git merge conflict");
    }
    // In a text of a manifest it is text.
    let text = "data:\n  note: |\n    <<<<<<< HEAD\n    >>>>>>> theirs\n";
    assert!(matches!(
        parse(SecretString::new(text.into())),
        Ok(Parsed::Clear(_))
    ));
}

#[test]
fn nothing_is_silently_the_last_of_two() {
    let file = encrypt(SECRET);
    let password = line(&file, "password:").to_owned();
    for changed in [
        file.replace(&password, &format!("{password}\n{password}")),
        file.replace("kind: Secret", "kind: Secret\nkind: Secret"),
        file.replace("kind: Secret", "kind: Secret\n\"kind\": ConfigMap"),
        file.replace("    version:", "    mac: x\n    version:"),
        file.replace("    version:", "    MAC: x\n    version:"),
        file.replace("    version:", "    Age: []\n    version:"),
        format!("{file}sops: {{}}\n"),
    ] {
        open(&changed).unwrap_err();
    }
}

#[test]
fn anchors_tags_and_merge_keys_change_no_value() {
    let file = encrypt(SECRET);
    let password = line(&file, "password:").trim().to_owned();
    let value = password.strip_prefix("password: ").unwrap();
    let user = line(&file, "user:").trim().to_owned();
    for (old, new) in [
        (
            password.as_str(),
            format!("password: &p {value}\n  copy: *p"),
        ),
        (user.as_str(), "user: *p".to_owned()),
        (password.as_str(), format!("password: !!binary {value}")),
        (
            password.as_str(),
            format!("password: !!python/object {value}"),
        ),
        (password.as_str(), format!("<<: {{password: {value}}}")),
        (password.as_str(), format!("? {value}\n  : x")),
        (password.as_str(), format!("1: {value}")),
        ("kind: Secret", "kind: !!int Secret".to_owned()),
        ("kind: Secret", "kind: *sops".to_owned()),
    ] {
        match open(&file.replace(old, &new)) {
            Err(_) => {}
            Ok(opened) => {
                let values = |text: &str| text.matches("hunter2").count();
                assert_eq!(values(&opened), 1, "{new}: {opened}");
                assert!(opened.contains("password:"), "{new}");
            }
        }
    }
    // An anchor alone is a name, and changes nothing.
    let named = open(&file.replace(value, &format!("&p {value}"))).unwrap();
    assert!(named.contains("password: &p hunter2"), "{named}");
}

#[test]
fn versions_and_times_to_come_are_read_and_nonsense_is_not() {
    let file = encrypt(SECRET);
    for fine in [
        with(&file, "version:", "version: 99.0.0"),
        with(&file, "version:", "version: unheard-of"),
        file.replace("    version:", "    shamir_threshold: 255\n    version:"),
        file.replace("    version:", "    unknown: {a: [b]}\n    version:"),
        file.replace("    version:", "    kms: []\n    pgp: null\n    version:"),
    ] {
        assert_eq!(open(&fine).as_deref(), open(&file).as_deref(), "{fine}");
    }
    for bad in [
        with(
            &file,
            "lastmodified:",
            "lastmodified: \"9999-99-99T00:00:00Z\"",
        ),
        with(&file, "lastmodified:", "lastmodified: tomorrow"),
        with(&file, "lastmodified:", "lastmodified: [2027]"),
        with(&file, "version:", "version: null"),
        with(&file, "version:", "version: {a: b}"),
        with(&file, "encrypted_regex:", "encrypted_regex: \"(\""),
        with(&file, "encrypted_regex:", "encrypted_regex: [a]"),
        file.replace(
            "    version:",
            "    mac_only_encrypted: maybe\n    version:",
        ),
    ] {
        let error = open(&bad).unwrap_err();
        assert!(error.starts_with("Metadata"), "{error}");
    }
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

#[test]
fn a_regular_expression_that_would_fill_the_memory_is_refused() {
    let (a, deep) = ("a".repeat(2_000_000), "(".repeat(5000) + &")".repeat(5000));
    for bomb in [
        "(((a{100}){100}){100}){100}".to_owned(),
        "(a{1000}){1000}".to_owned(),
        r"(\pL{1000}){100}".to_owned(),
        format!("({a}|b)"),
        deep,
    ] {
        let name = &bomb[..bomb.len().min(40)];
        assert!(GoRegex::new(&bomb).is_err(), "{name}");
    }
    // What backtracking takes years for.
    let slow = GoRegex::new("^(a+)+$").unwrap();
    assert!(!slow.is_match(&format!("{}b", "a".repeat(100_000))));
}
