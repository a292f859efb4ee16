//! Encrypted files: decrypted values keep the type SOPS stored, as `sops decrypt | kubectl apply`
//! would give them, and no message gives one away.

use lockstep_manifests::{RenderError, render};
use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{AgeEntry, Document, EncryptionPolicy, Opened, Parsed, Selector};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Encrypts what `regex` selects and opens it again.
fn encrypted(text: &str, regex: &str) -> Document<Opened> {
    let mut counter = 0u8;
    let mut random = |bytes: &mut [u8]| {
        counter = counter.wrapping_add(1);
        bytes.fill(counter);
    };
    let key = DataKey::generate(&mut random);
    let parse = |text: String| lockstep_sops::parse(SecretString::new(text)).expect("a document");
    let Parsed::Clear(clear) = parse(text.to_owned()) else {
        unreachable!("the tests start without a sops block")
    };
    let policy = EncryptionPolicy {
        selector: Selector::from_field("encrypted_regex", regex).expect("a selector"),
        ..EncryptionPolicy::default()
    };
    let wrapped = [AgeEntry {
        recipient: "age1test".into(),
        enc: "test key\n".into(),
    }];
    let now = jiff::Timestamp::from_second(1_700_000_000).expect("a time");
    let text = clear
        .encrypt(&policy, &key, &wrapped, now, &mut random)
        .expect("encrypts");
    let Parsed::Encrypted(document) = parse(text) else {
        unreachable!("the file was just encrypted")
    };
    document.open(&key).expect("opens")
}

fn errors(text: &str, regex: &str) -> Vec<RenderError> {
    let document = encrypted(text, regex);
    render(
        &"x.yaml".parse().expect("a path"),
        &document,
        &BTreeMap::new(),
    )
    .expect_err("fails")
}

fn body(text: &str, regex: &str) -> Value {
    let document = encrypted(text, regex);
    let path = "x.yaml".parse().expect("a path");
    let manifests = render(&path, &document, &BTreeMap::new()).expect("renders");
    serde_json::from_slice(manifests[0].body.expose()).expect("JSON")
}

#[test]
fn decrypted_values_keep_their_types() {
    let text = "apiVersion: v1\nkind: X\nmetadata: {name: x}\nv:\n- yes\n- 0777\n- 1_000\n- 1.50\n- True\n\
                - ''\n- '5'\n- 2001-01-01\n- 1e3\n- 12:30\n- \"a\\nb\"\n- 3.0\n";
    let expected = json!([
        "yes",
        511,
        1000,
        1.5,
        true,
        "",
        "5",
        "2001-01-01T00:00:00Z",
        1000,
        "12:30",
        "a\nb",
        3
    ]);
    assert_eq!(body(text, "^v$")["v"], expected);
}

#[test]
fn an_encrypted_secret_becomes_data() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  a: aGVsbG8=\nstringData:\n  user: admin\n  \"on\": yes\n";
    let found = body(text, "^(data|stringData)$");
    assert_eq!(
        found["data"],
        json!({"a": "aGVsbG8=", "user": "YWRtaW4=", "on": "eWVz"})
    );
    assert_eq!(found["stringData"], Value::Null);
}

#[test]
fn a_file_encrypted_as_a_whole_gives_the_same_bytes() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {app: web}\nspec:\n  replicas: 3\n  paused: false\n\
                \x20 template:\n    spec:\n      containers:\n      - {name: web, args: ['-v', \"5\", ''], ports: [{containerPort: 80}]}\n\
                \x20     volumes: []\n      nodeSelector: {}\n";
    let Parsed::Clear(clear) = lockstep_sops::parse(SecretString::new(text.to_owned())).unwrap()
    else {
        unreachable!("the file has no sops block")
    };
    let path = "x.yaml".parse().unwrap();
    let clear = render(&path, &clear.into_opened().unwrap(), &BTreeMap::new()).unwrap();
    let opened = render(&path, &encrypted(text, "."), &BTreeMap::new()).unwrap();
    assert!(clear[0].body.ct_eq(&opened[0].body));
    assert_eq!(opened[0].key.to_string(), "Deployment web");
}

#[test]
fn a_decrypted_value_is_in_no_message() {
    let secret =
        |lines: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n{lines}\n");
    let cases = [
        (
            secret("stringData: {pin: 860407}"),
            "line 4, stringData.pin: a Secret's values are text, and this is a number",
        ),
        (
            secret("stringData: {pin: true}"),
            "line 4, stringData.pin: a Secret's values are text, and this is a bool",
        ),
        (
            secret("data: {pin: 860407canary!}"),
            "line 4, data.pin: a value under data must be base64",
        ),
        (
            secret("data: {pin: {canary: 860407}}"),
            "line 4, data.pin: a Secret's values are text, and this is a mapping",
        ),
        (
            secret("stringData: {pin: .inf}"),
            "line 4, stringData.pin: a number that JSON has no form for",
        ),
    ];
    for (text, message) in cases {
        let errors = errors(&text, "^(data|stringData)$");
        let shown = format!("{errors:?} {:?}", errors[0].hint());
        assert_eq!(errors[0].to_string(), message);
        assert!(!shown.contains("860407"), "{shown}");
    }
    let text = "apiVersion: v1\nkind: X\nmetadata:\n  name: canary/860407\n";
    let errors = errors(text, "^name$");
    assert_eq!(
        errors[0].to_string(),
        "line 4, metadata.name: not a valid name"
    );
}
