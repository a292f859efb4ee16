//! Encrypts and opens without sops: what must come back, and what must be refused.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop at what is unexpected"
)]

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    AgeEntry, Document, EncryptError, Encrypted, EncryptionPolicy, MacScope, OpenError, Parsed,
    Selector, parse,
};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db # shown\nstringData:\n  user: admin\n  # the password\n  password: \"hunter2\"\n  ports: [1, 2]\n";

fn key(byte: u8) -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(byte))
}

fn secrets_only() -> EncryptionPolicy {
    EncryptionPolicy {
        selector: Selector::from_field("encrypted_regex", "^(data|stringData)$").unwrap(),
        mac_scope: MacScope::AllValues,
    }
}

fn encrypt(text: &str, policy: &EncryptionPolicy) -> Result<String, EncryptError> {
    let Parsed::Clear(document) = parse(SecretString::new(text.to_owned())).unwrap() else {
        panic!("already encrypted")
    };
    let entry = AgeEntry {
        recipient: "age1test".into(),
        enc: "line\nline\n".into(),
    };
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let mut next = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        bytes.fill(next);
        next = next.wrapping_add(1);
    };
    document.encrypt(policy, &key(1), &[entry], now, &mut random)
}

fn read(text: &str) -> Document<Encrypted> {
    match parse(SecretString::new(text.to_owned())) {
        Ok(Parsed::Encrypted(document)) => document,
        other => panic!("{other:?}"),
    }
}

fn open(text: &str) -> Result<String, OpenError> {
    read(text)
        .open(&key(1))
        .map(|opened| opened.plaintext().expose().to_owned())
}

#[test]
fn only_the_selected_spans_change() {
    let encrypted = encrypt(SECRET, &secrets_only()).unwrap();
    let (body, block) = encrypted.split_once("sops:\n").unwrap();
    let changed: Vec<&str> = body
        .lines()
        .zip(SECRET.lines())
        .filter(|(new, old)| new != old)
        .map(|(_, old)| old.trim())
        .collect();
    assert_eq!(
        changed,
        [
            "user: admin",
            "# the password",
            "password: \"hunter2\"",
            "ports: [1, 2]"
        ]
    );
    assert!(!encrypted.contains("hunter2"));
    let fields: Vec<&str> = block
        .lines()
        .filter_map(|line| line.trim().split(':').next())
        .collect();
    let expected = [
        "age",
        "- enc",
        "line",
        "line",
        "recipient",
        "encrypted_regex",
        "lastmodified",
        "lockstep_seal",
        "mac",
        "version",
    ];
    assert_eq!(fields, expected);
    assert_eq!(open(&encrypted).unwrap(), SECRET);
}

#[test]
fn comments_in_the_block_of_a_secret_are_encrypted_wherever_they_are_indented() {
    for text in [
        "stringData:\n    # hunter2\n  a: x\n",
        "stringData:\n  a: x\n    # hunter2\ntype: y\n",
        "stringData:\n  a: x\n # hunter2\ntype: y\n",
        "data:\n    # hunter2\n- a\n",
        "items:\n- stringData:\n    a: x\n  # hunter2\n- kind: y\n",
    ] {
        let encrypted = encrypt(text, &secrets_only()).unwrap();
        assert!(!encrypted.contains("hunter2"), "{encrypted}");
        assert_eq!(open(&encrypted).unwrap(), text);
    }
    let text = "stringData:\n  a: x\n# what follows is no secret\ntype: y\n";
    assert!(
        encrypt(text, &secrets_only())
            .unwrap()
            .contains("# what follows")
    );
}

#[test]
fn false_comments_stay_as_they_are_and_hide_no_good_one() {
    let mut text: String = (0..60).map(|depth| format!("{:depth$}k:\n", "")).collect();
    text.push_str(&format!("{:60}a: x\n{:60}# good\n{:60}b: y\n", "", "", ""));
    let encrypted = encrypt(&text, &EncryptionPolicy::default()).unwrap();
    let (iv, tag) = ("A".repeat(43) + "=", "A".repeat(22) + "==");
    let line = format!(
        "{:60}#ENC[AES256_GCM,data:AA==,iv:{iv},tag:{tag},type:comment]\n",
        ""
    );
    // More than are tried in other places than their likeliest.
    let lines = line.repeat(200);
    let at = encrypted.find(&format!("{:60}a:", "")).unwrap();
    let forged = format!("{}{lines}{}", &encrypted[..at], &encrypted[at..]);
    let back = open(&forged).unwrap();
    assert!(back.contains(&lines) && back.contains("# good"), "{back}");
}

#[test]
fn every_document_gets_the_metadata_and_loses_it_again() {
    let text = "a: x\n---\n# only a comment\n---\nb: {c: z}\n...\n---\n{d: w}\n";
    let encrypted = encrypt(text, &EncryptionPolicy::default()).unwrap();
    assert_eq!(encrypted.matches("sops").count(), 4);
    assert_eq!(open(&encrypted).unwrap(), text);
}

#[test]
fn another_key_opens_nothing() {
    let encrypted = encrypt(SECRET, &secrets_only()).unwrap();
    let error = read(&encrypted).open(&key(2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 6, stringData.user: the value does not decrypt here: it was changed, moved, or made \
         with another key"
    );
}

#[test]
fn moved_and_changed_values_are_refused() {
    let encrypted = encrypt(
        "a: x\nb: z\nc_unencrypted: public\n",
        &EncryptionPolicy::default(),
    );
    let encrypted = encrypted.unwrap();
    let line = |key: &str| {
        encrypted
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
    };
    let (a, b) = (line("a:"), line("b:"));
    let refused = |text: String| open(&text).unwrap_err();
    let swapped = encrypted
        .replace(a, &a.replacen("a:", "t:", 1))
        .replace(b, &b.replacen("b:", "a:", 1));
    assert!(matches!(refused(swapped), OpenError::Undecryptable(_)));
    assert!(matches!(
        refused(encrypted.replace(a, "a: x")),
        OpenError::Plaintext(_)
    ));
    assert!(matches!(
        refused(encrypted.replace(a, "a: 5")),
        OpenError::Plaintext(_)
    ));
    let broken = a.replace(",type:str]", ",type:str] ENC[x]");
    assert!(matches!(
        refused(encrypted.replace(a, &broken)),
        OpenError::Malformed(_)
    ));
    assert!(matches!(
        refused(encrypted.replace("public", "publik")),
        OpenError::MacMismatch
    ));
    assert!(matches!(
        refused(encrypted.replace("  mac:", "  mca:")),
        OpenError::MacMissing
    ));
    let later = encrypted.replace("lastmodified: \"2027", "lastmodified: \"2028");
    assert!(matches!(refused(later), OpenError::MacUndecryptable));
    assert!(matches!(
        refused(encrypted.replace(a, "a: \"\"")),
        OpenError::MacMismatch
    ));
}

/// As sops writes it.
fn unsealed(sealed: &str) -> String {
    let lines = sealed.split_inclusive('\n');
    lines
        .filter(|line| !line.contains("lockstep_seal:"))
        .collect()
}

#[test]
fn no_flipped_bit_changes_what_is_read() {
    let encrypted = unsealed(&encrypt(SECRET, &secrets_only()).unwrap());
    let mut passed = Vec::new();
    for at in 0..encrypted.len() {
        for bit in [0, 1, 5] {
            let mut bytes = encrypted.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            let Ok(Parsed::Encrypted(document)) = parse(SecretString::new(text)) else {
                continue;
            };
            let Ok(opened) = document.open(&key(1)) else {
                continue;
            };
            if opened.plaintext().expose() != SECRET {
                passed.push(at);
            }
        }
    }
    // SOPS's MAC does not cover keys of unencrypted values, nor comments: only those may pass.
    let uncovered = |at: usize| {
        let line = encrypted[..at].matches('\n').count();
        let start = encrypted[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = encrypted[at..]
            .find('\n')
            .map_or(encrypted.len(), |newline| at + newline);
        let (line_text, column) = (&encrypted[start..end], at - start);
        let in_key = line < 4 && line_text.find(':').is_none_or(|colon| column <= colon + 1);
        let in_comment = line_text.find('#').is_some_and(|hash| hash <= column + 1);
        in_key || in_comment || line_text[..column].trim().is_empty()
    };
    let surprising: Vec<&str> = passed
        .iter()
        .filter(|at| !uncovered(**at))
        .map(|at| &encrypted[*at..*at + 1])
        .collect();
    assert!(surprising.is_empty(), "{surprising:?}");
}

#[test]
fn truncation_never_opens_as_something_else() {
    let encrypted = encrypt(SECRET, &secrets_only()).unwrap();
    for end in 0..encrypted.len() {
        if let Ok(Parsed::Encrypted(document)) =
            parse(SecretString::new(encrypted[..end].to_owned()))
            && let Ok(opened) = document.open(&key(1))
        {
            assert_eq!(opened.plaintext().expose(), SECRET);
        }
    }
}

#[test]
fn mac_only_encrypted_leaves_other_values_free() {
    let mut policy = secrets_only();
    policy.mac_scope = MacScope::EncryptedOnly;
    let encrypted = unsealed(&encrypt(SECRET, &policy).unwrap());
    assert_eq!(
        open(&encrypted.replace("name: db", "name: other")).unwrap(),
        SECRET.replace("name: db", "name: other")
    );
    let lied = encrypted.replace("    mac_only_encrypted: true\n", "");
    assert!(matches!(open(&lied).unwrap_err(), OpenError::MacMismatch));
}

#[test]
fn what_sops_could_not_read_is_refused() {
    let refused = |text: &str| encrypt(text, &EncryptionPolicy::default()).unwrap_err();
    let message = |text: &str| match refused(text) {
        EncryptError::Tree(error) => error.to_string(),
        other => other.to_string(),
    };
    assert_eq!(
        message("a:\n  5: x\n"),
        "line 2, a: the key is not a string"
    );
    assert_eq!(
        message("a: 9223372036854775808\n"),
        "line 1, a: the number does not fit into 64 bits"
    );
    assert_eq!(
        message("a: !!int x\n"),
        "line 1, a: the value does not fit its tag"
    );
    assert_eq!(
        message("a: &x\n  b: *x\n"),
        "line 2, a.b: the alias stands inside what it stands for"
    );
    let encrypted = encrypt("a: x\n", &EncryptionPolicy::default()).unwrap();
    let value = encrypted.lines().next().unwrap();
    assert_eq!(
        message(&format!("{value}\n")),
        "line 1, a: the value is encrypted already"
    );
}

#[test]
fn an_alias_into_the_metadata_outlives_it() {
    let text = "a: x\nb_unencrypted: 3.13.3\n";
    let encrypted = encrypt(text, &EncryptionPolicy::default()).unwrap();
    let (body, block) = encrypted.split_at(encrypted.find("sops:").unwrap());
    let aliased = body.replace("3.13.3", "*v");
    let moved = block.replace("version: ", "version: &v ") + &aliased;
    assert_eq!(open(&moved).unwrap(), text);
}

#[test]
fn aliases_do_not_explode() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let error = encrypt(&bomb, &EncryptionPolicy::default()).unwrap_err();
    assert!(matches!(
        error,
        EncryptError::Tree(lockstep_sops::TreeError::TooManyAliases(_))
    ));
    let Ok(Parsed::Clear(document)) = parse(SecretString::new(bomb)) else {
        panic!("not clear")
    };
    assert!(document.into_opened().is_err());
}

#[test]
fn messages_never_hold_a_value() {
    let canary = "c4n4ry";
    for text in [
        format!("a: \"{canary}\nb"),
        format!("a: {canary}: x\n"),
        format!("a: [{canary}\n"),
        format!("- {canary}\n"),
        format!("{canary}\n"),
        format!("a: !!int {canary}\n"),
        format!("a: *{canary}\n"),
        format!("a: |1{canary}\n"),
        format!("a: @{canary}\n"),
        format!("<<<<<<< {canary}\na: {canary}\n"),
        format!("sops: {canary}\n"),
        format!(
            "a: x\nsops:\n  lastmodified: {canary}\n  age: [{{recipient: {canary}, enc: z}}]\n"
        ),
    ] {
        let shown = match parse(SecretString::new(text.clone())) {
            Err(error) => format!("{error:?} {error} {:?}", error.hint()),
            Ok(Parsed::Clear(_)) => match encrypt(&text, &EncryptionPolicy::default()) {
                Err(error) => format!("{error:?} {error} {:?}", error.hint()),
                Ok(_) => panic!("accepted: {text}"),
            },
            Ok(Parsed::Encrypted(document)) => format!("{document:?}"),
        };
        assert!(!shown.contains(canary), "{shown}");
    }
}
