//! The seal: every change to a sealed file is refused, or changes nothing that the file says.

use crate::file::{SECRET, encrypt, encrypt_as, key, line, open, open_error, unsealed, with};
use crate::mac::PASSES;
use lockstep_secret::SecretString;
use lockstep_sops::{
    Document, Encrypted, MacScope, OpenError, OpenErrorKind, Opened, Parsed, ResealError,
    ScalarStyle, Seal, Tree, Value, ValueKind, parse,
};

/// Everything a file may have: comments in clear and not, all types, lists, empty things, words that
/// not everybody reads alike, several documents.
const RICH: &str = "# shown\napiVersion: v1\nkind: Secret\nmetadata: {name: db, on: yes, n: 3}\nstringData:\n  # why\n  user: admin\n  list: [a, {b: c}, 5]\n  none: ~\n  empty: ''\n---\ndata:\n  a: b\n";

fn opened(text: &str) -> Option<Document<Opened>> {
    match parse(SecretString::new(text.to_owned())) {
        Ok(Parsed::Encrypted(document)) => document.open(&key()).ok(),
        _ => None,
    }
}

/// What a file says to whoever reads it, apart from how it is laid out.
fn meaning(document: &Document<Opened>) -> String {
    let mut said = String::new();
    for tree in document.trees() {
        let Tree { root, .. } = tree;
        say(root, &mut said);
        said.push('\n');
    }
    said
}

fn say(value: &Value, said: &mut String) {
    match &value.kind {
        ValueKind::Mapping(entries) => {
            said.push('{');
            for (key, value) in entries {
                said.push_str(&format!("{:?}: ", key.text));
                say(value, said);
            }
            said.push('}');
        }
        ValueKind::Sequence(items) => {
            said.push('[');
            for item in items {
                say(item, said);
                said.push(',');
            }
            said.push(']');
        }
        ValueKind::Clear(clear)
            if clear.style == ScalarStyle::Plain
                && clear.tag.is_none()
                && matches!(clear.text.as_str(), "" | "~") =>
        {
            said.push_str("null;");
        }
        ValueKind::Clear(clear) => said.push_str(&format!("{:?} {:?};", clear.text, clear.tag)),
        ValueKind::Opened(opened) => {
            said.push_str(&format!("{:?} {:?};", opened.kind, opened.text.expose()));
        }
    }
}

#[test]
fn a_seal_is_verified_and_one_that_is_gone_is_told() {
    let file = encrypt(SECRET);
    assert_eq!(
        *opened(&file).unwrap().seal(),
        Seal::Verified { team: None }
    );
    let gone = opened(&unsealed(&file)).unwrap();
    assert_eq!(*gone.seal(), Seal::Missing);
    let null = with(&file, "lockstep_seal:", "lockstep_seal: null");
    assert_eq!(*opened(&null).unwrap().seal(), Seal::Missing);
    for unknown in ["\"\"", "v2:00", "v1:", "{a: b}", "[]"] {
        let text = with(
            &file,
            "lockstep_seal:",
            &format!("lockstep_seal: {unknown}"),
        );
        assert!(open(&text).is_err(), "{unknown}");
    }
    let later = file.replace("lockstep_seal: v1:", "lockstep_seal: v2:");
    assert!(matches!(open_error(&later), OpenError::SealUnreadable));
}

#[test]
fn the_seal_closes_what_the_mac_of_sops_leaves_open() {
    let file = encrypt(&SECRET.replace("apiVersion: v1", "apiVersion: \"1\""));
    for (what, old, new) in PASSES {
        let changed = file.replacen(old, new, 1);
        if what == "a comment is added" {
            assert!(open(&changed).unwrap().contains(new), "{what}");
        } else {
            assert!(
                matches!(open_error(&changed), OpenError::SealMismatch),
                "{what}"
            );
        }
    }
    let file = encrypt(&SECRET.replace("admin", "\"5\""));
    let user = line(&file, "user:");
    let retyped = file.replace(user, &user.replace("type:str", "type:int"));
    assert!(matches!(open_error(&retyped), OpenError::SealMismatch));

    let file = encrypt_as(SECRET, MacScope::EncryptedOnly, 0);
    for (old, new) in [("team-a", "team-b"), ("kind: Secret", "kind: ConfigMap")] {
        let error = open_error(&file.replace(old, new));
        assert!(matches!(error, OpenError::SealMismatch), "{new}");
    }
}

#[test]
fn who_can_open_a_file_and_what_it_encrypts_is_sealed() {
    let file = encrypt(SECRET);
    let entry = "        - enc: |\n            x\n          recipient: age1test\n";
    assert!(file.contains(entry));
    let mallory = entry.replace("age1test", "age1mallory");
    for changed in [
        file.replace("age1test", "age1mallory"),
        file.replace(entry, &format!("{entry}{mallory}")),
        file.replace(entry, &format!("{mallory}{entry}")),
        file.replace(entry, &format!("{entry}{entry}")),
        file.replace("            x\n", "            y\n"),
        file.replace(
            "    age:\n",
            "    pgp:\n        - {fp: '00', enc: x, created_at: '2026-01-01T00:00:00Z'}\n    age:\n",
        ),
        file.replace("    age:\n", "    shamir_threshold: 1\n    age:\n"),
        file.replace("^(data|stringData)$", "^(stringData|data)$"),
    ] {
        assert_ne!(changed, file);
        let error = open_error(&changed);
        assert!(matches!(error, OpenError::SealMismatch), "{changed}");
        assert_eq!(error.kind(), OpenErrorKind::Seal);
    }
    // What sops writes differently from release to release says the same.
    for same in [
        file.replace("    age:\n", "    kms: []\n    pgp: null\n    age:\n"),
        file.replace(
            entry,
            "        - recipient: \"age1test\"\n          enc: x\n",
        ),
    ] {
        assert_ne!(same, file);
        assert_eq!(open(&same).unwrap(), SECRET);
    }
}

#[test]
fn a_seal_names_its_team() {
    let Parsed::Encrypted(document) = parse(SecretString::new(encrypt(SECRET))).unwrap() else {
        panic!("not encrypted")
    };
    let policy = lockstep_sops::EncryptionPolicy {
        selector: document.metadata().selector().clone(),
        mac_scope: MacScope::AllValues,
    };
    let entries = document.metadata().age().to_vec();
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let rotated = document
        .sealed_for(Some("shop"))
        .rotate(&key(), &policy, &key(), &entries, now, &mut |bytes| {
            bytes.fill(77);
        })
        .unwrap();
    let team = Some("shop".to_owned());
    assert_eq!(*opened(&rotated).unwrap().seal(), Seal::Verified { team });
    let field = line(&rotated, "lockstep_seal:").trim();
    for other in [
        field.replace(":shop", ":bank"),
        field.replace(":shop", ""),
        format!("{field}2"),
    ] {
        let error = open_error(&with(&rotated, "lockstep_seal:", &other));
        assert!(matches!(error, OpenError::SealMismatch), "{other}");
    }
}

#[test]
fn a_comment_that_is_encrypted_is_sealed_where_it_stands() {
    let file = encrypt("stringData:\n  # one\n  a: x\n  # two\n  b: y\n");
    let comments: Vec<&str> = file.lines().filter(|line| line.contains('#')).collect();
    let [one, two] = comments.as_slice() else {
        panic!("{file}")
    };
    for changed in [
        file.replace(one, "@").replace(two, one).replace('@', two),
        file.replace(&format!("{one}\n"), ""),
        file.replace(one, &format!("{one}\n{one}")),
        file.replace(one, "  # shown"),
    ] {
        assert!(matches!(open_error(&changed), OpenError::SealMismatch));
    }
}

fn line_at(file: &str, at: usize) -> &str {
    let start = file[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = file[at..].find('\n').map_or(file.len(), |end| at + end);
    &file[start..end]
}

/// Where a single byte of a sealed file may change and the file still opens.
fn is_harmless(file: &str, at: usize) -> bool {
    let start = file[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let (line, before) = (line_at(file, at), &file[start..at]);
    let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let bytes = file.as_bytes();
    // Blanks and line breaks, and what stands beside them.
    blank(bytes.get(at))
        || blank(bytes.get(at.wrapping_sub(1)))
        || blank(bytes.get(at + 1))
        // A comment in clear.
        || line.trim_start().starts_with("# ")
        // Metadata that says nothing about who opens the file and what is encrypted.
        || line.trim_start().starts_with("version:")
        // How a null is spelled, how a value is quoted, or where a bracket stands.
        || matches!(bytes[at], b'\'' | b'"' | b'{' | b'}' | b'[' | b']' | b',' | b'|' | b'-' | b'#' | b'~')
        || before.ends_with(['\'', '"'])
        || before.rfind("\\x").is_some_and(|escape| before.len() - escape < 4)
        // Whatever stands in the metadata of a later document, which is not read.
        || file.match_indices("\n---\n").next().is_some_and(|(first, _)| {
            at > first && file[..at].rfind("\nsops:").is_some_and(|block| block > first)
        })
}

/// Whether it is a letter in the name of a metadata field, which may be written in any case.
fn is_name(file: &str, at: usize, old: u8, new: u8) -> bool {
    let line_start = file[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let name = file[line_start..at].trim_start().trim_start_matches("- ");
    let in_block = file[..at].contains("sops") && old.eq_ignore_ascii_case(&new);
    in_block && (!name.contains(':') || file.starts_with('{'))
}

/// Changes bytes of a sealed file, one at a time.
fn sweep(text: &str, step: usize, replacements: impl Fn(u8) -> Vec<u8>) {
    let file = encrypt(text);
    let expected = meaning(&opened(&file).unwrap());
    let (mut harmless, mut odd) = (0_usize, Vec::new());
    for at in (0..file.len()).step_by(step) {
        let old = file.as_bytes()[at];
        for new in replacements(old).into_iter().filter(|new| *new != old) {
            let mut bytes = file.clone().into_bytes();
            bytes[at] = new;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            let Some(document) = opened(&changed) else {
                continue;
            };
            let said = meaning(&document);
            let context = format!("byte {at} is {:?}:\n{changed}", char::from(new));
            if *document.seal() == Seal::Missing {
                // The seal's own line was made something else, and the seal is gone.
                assert!(line_at(&file, at).contains("lockstep_seal"), "{context}");
                continue;
            }
            assert_eq!(said, expected, "{context}");
            harmless += 1;
            if !is_harmless(&file, at) && !is_name(&file, at, old, new) {
                let line = file[..at].matches('\n').count() + 1;
                let (from, to) = (at.saturating_sub(12), file.len().min(at + 12));
                odd.push(format!(
                    "line {line}, {:?}: {:?}",
                    &file[from..to],
                    char::from(new)
                ));
            }
        }
    }
    assert!(odd.is_empty(), "not in the list:\n{}", odd.join("\n"));
    assert!(harmless > 0, "blanks can change");
}

#[test]
fn a_changed_byte_of_a_sealed_file_is_refused_or_harmless() {
    let tried = |byte: u8| vec![byte ^ 1, byte ^ 2, byte ^ 32, b' ', b'\n', b'"', b'#', b'0'];
    sweep(RICH, 3, tried);
    sweep(SECRET, 7, tried);
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn every_changed_byte_of_a_sealed_file_is_refused_or_harmless() {
    for text in [
        SECRET,
        RICH,
        "{\"kind\": \"Secret\", \"data\": {\"a\": \"b\"}}\n",
    ] {
        sweep(text, 1, |_| (0..128).collect());
    }
}

fn encrypted(text: &str) -> Document<Encrypted> {
    match parse(SecretString::new(text.to_owned())) {
        Ok(Parsed::Encrypted(document)) => document,
        other => panic!("{other:?}"),
    }
}

fn sealed_again(text: &str) -> Result<String, ResealError> {
    encrypted(text).seal_again(&key(), &mut |bytes| bytes.fill(0xcd))
}

#[test]
fn a_seal_comes_back_where_it_was_and_nothing_else_changes() {
    for text in [
        SECRET,
        RICH,
        "{\"kind\": \"Secret\", \"data\": {\"a\": \"b\"}}\n",
    ] {
        let file = encrypt(text);
        let seal = file.find("v1:").map(|at| &file[at..at + 67]).unwrap();
        // The field is written where sops would sort it.
        let gone = file.replace(&format!("    lockstep_seal: {seal}\n"), "");
        let gone = gone.replace(&format!(" \"lockstep_seal\": \"{seal}\","), "");
        assert!(!gone.contains("lockstep"), "{gone}");
        assert_eq!(sealed_again(&gone).unwrap(), file);
        // One that is wrong is replaced.
        let wrong = file.replace(seal, "v7:none");
        let again = sealed_again(&wrong).unwrap();
        assert_eq!(
            again.replace(&format!("\"{seal}\""), seal),
            file.replace(&format!("\"{seal}\""), seal)
        );
        let null = file.replace(seal, "");
        assert!(opened(&sealed_again(&null).unwrap()).is_some());
    }
}

#[test]
fn nothing_is_sealed_again_when_the_mac_fails() {
    let file = encrypt(SECRET).replace("team-a", "team-b");
    let error = sealed_again(&file).unwrap_err();
    assert!(matches!(error, ResealError::Open(OpenError::MacMismatch)));
}

#[test]
fn what_changed_since_the_seal_is_named_without_values() {
    let old = encrypt(SECRET);
    let changes = |new: &str| -> Vec<String> {
        let (old, new) = (encrypted(&old), encrypted(new));
        let changes = new.changes_since(&key(), old, &key()).unwrap();
        changes.iter().map(ToString::to_string).collect()
    };
    assert!(changes(&unsealed(&old)).is_empty());
    assert_eq!(
        changes(&old.replace("    app: shop", "    owner: shop")),
        [
            "added: line 7, metadata.labels.owner",
            "removed: line 7, metadata.labels.app of the sealed version"
        ]
    );
    let moved = old.replace(
        "name: db\n  namespace: team-a",
        "name: dbt\n  namespace: eam-a",
    );
    assert_eq!(
        changes(&moved),
        [
            "changed: line 4, metadata.name",
            "changed: line 5, metadata.namespace"
        ]
    );
    assert_eq!(
        changes(&old.replace("age1test", "age1mallory")),
        [
            "recipient added: age1mallory",
            "recipient removed: age1test"
        ]
    );
    assert_eq!(
        changes(&old.replace("^(data|stringData)$", "^(stringData|data)$")),
        ["the rule for what is encrypted changed"]
    );
    assert_eq!(
        changes(&old.replace("            x\n", "            y\n")),
        ["wrapped keys changed"]
    );
}
