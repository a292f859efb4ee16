//! Values, metadata and encodings in other forms than sops writes.

use crate::file::{SECRET, encrypt, line, open, open_error, unsealed, with};
use lockstep_secret::SecretString;
use lockstep_sops::{GoRegex, OpenErrorKind, Parsed, parse};

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
    let file = unsealed(&encrypt(SECRET));
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
