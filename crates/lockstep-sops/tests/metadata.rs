//! The `sops` block as other writers leave it, and as it must not be.

#![expect(clippy::panic, reason = "helpers of tests stop at what is unexpected")]

use lockstep_secret::SecretString;
use lockstep_sops::{
    Document, Encrypted, MacScope, MetadataError, ParseError, ParseErrorKind, Parsed, Selector,
    parse,
};

/// A block as sops 3.12 and older order it, with empty lists and an unknown field.
const OLD: &str = r#"a: ENC[AES256_GCM,data:x]
sops:
    kms: []
    gcp_kms: null
    hc_vault:
    age:
        - recipient: age1first
          enc: |
            -----BEGIN AGE ENCRYPTED FILE-----
            -----END AGE ENCRYPTED FILE-----
        # a comment
        - recipient: age1second
          enc: x
    lastmodified: "2023-01-02T03:04:05.678+00:00"
    mac: ENC[AES256_GCM,data:y]
    pgp:
        - created_at: "2023-01-02T03:04:05Z"
          enc: z
          fp: AAAA
    attention: an unknown field
    unencrypted_suffix: _unencrypted
    version: 3.7.3
"#;

fn read(text: &str) -> Result<Document<Encrypted>, ParseError> {
    match parse(SecretString::new(text.to_owned()))? {
        Parsed::Encrypted(document) => Ok(document),
        Parsed::Clear(_) => panic!("not encrypted:\n{text}"),
    }
}

fn refused(text: &str) -> MetadataError {
    match read(text) {
        Err(ParseError::Metadata(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn older_blocks_are_read() {
    let document = read(OLD).unwrap();
    let metadata = document.metadata();
    let recipients: Vec<&str> = metadata
        .age()
        .iter()
        .map(|entry| entry.recipient.as_str())
        .collect();
    assert_eq!(recipients, ["age1first", "age1second"]);
    assert!(metadata.age()[0].enc.ends_with("FILE-----\n"));
    assert_eq!(metadata.other_keys().len(), 1);
    assert_eq!(
        (
            metadata.other_keys()[0].kind.as_str(),
            metadata.other_keys()[0].count
        ),
        ("pgp", 1)
    );
    assert_eq!(metadata.key_groups(), 1);
    assert_eq!(metadata.selector(), &Selector::default());
    assert_eq!(metadata.mac_scope(), MacScope::AllValues);
    assert_eq!(metadata.last_modified(), "2023-01-02T03:04:05Z");
    assert_eq!(metadata.version(), "3.7.3");
}

#[test]
fn fields_may_be_written_otherwise() {
    let text = OLD
        .replace(
            "    unencrypted_suffix: _unencrypted\n",
            "    Encrypted_Regex: ^data$\n",
        )
        .replace(
            "version: 3.7.3",
            "version: \"3.7.3\"\n    MAC_only_encrypted: \"true\"",
        );
    let document = read(&text).unwrap();
    assert_eq!(document.metadata().selector().field(), "encrypted_regex");
    assert_eq!(document.metadata().mac_scope(), MacScope::EncryptedOnly);
    let neither = OLD.replace("_suffix: _unencrypted", "_suffix: \"\"");
    assert_eq!(
        read(&neither).unwrap().metadata().selector(),
        &Selector::default()
    );
}

#[test]
fn key_groups_are_counted_and_flat_keys_go_first() {
    let groups = "sops:\n  key_groups:\n  - age:\n    - {recipient: r1, enc: e1}\n    hc_vault: []\n  - age:\n    - {recipient: r2, enc: e2}\n    pgp:\n    - {fp: A}\n    - {fp: B}\n  lastmodified: \"2023-01-02T03:04:05Z\"\n  mac: x\n  version: 3.13.3\n";
    let document = read(groups).unwrap();
    let metadata = document.metadata();
    assert_eq!((metadata.key_groups(), metadata.age().len()), (2, 2));
    assert_eq!(metadata.other_keys()[0].count, 2);
    let flat = groups.replace("  mac: x", "  mac: x\n  age: [{recipient: flat, enc: e}]");
    let document = read(&flat).unwrap();
    assert_eq!(document.metadata().key_groups(), 1);
    assert_eq!(document.metadata().age()[0].recipient, "flat");
}

#[test]
fn a_threshold_is_read_as_sops_does_or_refused() {
    let with = |threshold: &str| {
        let text = format!(
            "sops:\n  key_groups:\n  - age: [{{recipient: r1, enc: e1}}]\n  - age: []\n  - age: [{{recipient: r2, enc: e2}}]\n  shamir_threshold: {threshold}\n  lastmodified: \"2023-01-02T03:04:05Z\"\n  mac: x\n  version: 3.13.3\n"
        );
        read(&text).map(|document| {
            let metadata = document.metadata();
            let groups: Vec<_> = metadata.groups().map(<[_]>::len).collect();
            assert_eq!(groups, [1, 0, 1]);
            metadata.threshold()
        })
    };
    // Fewer than two shares are never put together, and more than there are never come together.
    for (text, read) in [
        ("3", 3),
        ("\"3\"", 3),
        ("0", 2),
        ("1", 2),
        ("null", 2),
        ("255", 255),
    ] {
        assert_eq!(with(text).unwrap(), read, "{text}");
    }
    for text in ["-1", "x", "2.5", "[2]", "99999999999999999999999"] {
        assert!(with(text).is_err(), "{text}");
    }
}

#[test]
fn what_cannot_be_used_is_named_with_its_line() {
    let without = |field: &str| {
        OLD.lines()
            .filter(|line| !line.trim_start().starts_with(field))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    assert_eq!(
        refused(&without("lastmodified")).to_string(),
        "line 2: sops.lastmodified is missing"
    );
    assert_eq!(
        refused(&without("version")).to_string(),
        "line 2: sops.version is missing"
    );
    let bad = OLD.replace("2023-01-02T03:04:05.678+00:00", "yesterday");
    assert_eq!(
        refused(&bad).to_string(),
        "line 14: sops.lastmodified is not a time in RFC 3339"
    );
    let two = OLD.replace("    version", "    encrypted_suffix: x\n    version");
    assert!(matches!(refused(&two), MetadataError::Selectors { .. }));
    let regex = OLD.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: \"(\"");
    assert!(matches!(
        refused(&regex),
        MetadataError::Selector { line: 21, .. }
    ));
    let list = OLD.replace("recipient: age1second", "other: x");
    assert_eq!(
        refused(&list).to_string(),
        "line 12: sops.age[1].recipient is not there"
    );
    let keys = OLD.replace("    kms: []", "    kms: x");
    assert_eq!(refused(&keys).to_string(), "line 3: sops.kms is not a list");
    let none = "sops:\n  lastmodified: \"2023-01-02T03:04:05Z\"\n  version: 3.13.3\n";
    assert!(matches!(refused(none), MetadataError::NoKeys { line: 1 }));
}

#[test]
fn files_that_are_no_documents_say_what_they_are() {
    let kind = |text: &str| match parse(SecretString::new(text.to_owned())) {
        Err(error) => (error.kind(), error.to_string()),
        Ok(_) => panic!("accepted: {text}"),
    };
    assert_eq!(kind("").0, ParseErrorKind::Empty);
    assert_eq!(kind("# only a comment\n").0, ParseErrorKind::Empty);
    assert_eq!(
        kind("- a\n"),
        (
            ParseErrorKind::Unreadable,
            "line 1: the document is a list, not a mapping".into()
        )
    );
    assert_eq!(
        kind("a: 1\n---\ntext\n"),
        (
            ParseErrorKind::Unreadable,
            "line 3 (document 2): the document is a value, not a mapping".into()
        )
    );
    assert_eq!(
        kind("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n"),
        (
            ParseErrorKind::Unreadable,
            "line 2: unresolved Git merge conflict".into()
        )
    );
    assert_eq!(kind("a: 1\nsops: text\n").0, ParseErrorKind::Reserved);
    assert_eq!(
        kind("a: 1\n---\nb: 2\nsops: {}\n").0,
        ParseErrorKind::Reserved
    );
    assert_eq!(kind("a: 1\na: 2\n").0, ParseErrorKind::Unreadable);
    assert_eq!(kind("\u{0}").0, ParseErrorKind::Unreadable);
    assert_eq!(kind(&"[".repeat(100_000)).0, ParseErrorKind::Unreadable);
    assert_eq!(kind(&"- ".repeat(100_000)).0, ParseErrorKind::Unreadable);
}
