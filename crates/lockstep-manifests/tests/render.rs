//! What files become: objects as kubectl would send them, or an error without a value.

use lockstep_manifests::{Manifest, RenderError, RenderErrorKind, render};
use lockstep_secret::SecretString;
use lockstep_sops::{Document, Opened, Parsed};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn open(text: &str) -> Document<Opened> {
    let parsed = lockstep_sops::parse(SecretString::new(text.to_owned())).expect("a document");
    let Parsed::Clear(document) = parsed else {
        unreachable!("the tests have no sops block")
    };
    document.into_opened().expect("aliases within the budget")
}

fn try_render(text: &str) -> Result<Vec<Manifest>, Vec<RenderError>> {
    render(
        &"apps/x.yaml".parse().expect("a path"),
        &open(text),
        &BTreeMap::new(),
    )
}

fn bodies(text: &str) -> Vec<Value> {
    let manifests = try_render(text).expect("renders");
    let read = |manifest: &Manifest| serde_json::from_slice(manifest.body.expose());
    manifests
        .iter()
        .map(|manifest| read(manifest).expect("JSON"))
        .collect()
}

fn error(text: &str) -> RenderError {
    let mut errors = try_render(text).expect_err("does not render");
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

/// A Secret with these lines below its metadata, which is line 4.
fn secret(lines: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n{lines}")
}

#[test]
fn scalars_have_the_types_kubectl_gives_them() {
    for case in include_str!("scalars.txt").lines() {
        let (text, expected) = case.split_once('\t').unwrap();
        let manifest = format!("apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nv: {text}\n");
        if expected == "!" {
            assert!(try_render(&manifest).is_err(), "{text} was accepted");
            continue;
        }
        let expected: Value = serde_json::from_str(expected).unwrap();
        let found = bodies(&manifest).remove(0)["v"].take();
        // Numbers are compared as text where they are whole: an integer field takes no `8.0`.
        let same = found == expected
            || found.is_f64() && expected.is_f64() && found.as_f64() == expected.as_f64();
        assert!(same, "{text}: {found} instead of {expected}");
    }
}

#[test]
fn layout_and_order_do_not_change_the_bytes() {
    let block =
        "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\ndata:\n  b: '1'\n  a: |\n    x\n";
    let flow =
        "{data: {a: \"x\\n\", b: \"1\"}, metadata: {name: a}, apiVersion: v1, kind: ConfigMap}";
    let [block, flow] = [block, flow].map(|text| try_render(text).unwrap().remove(0).body);
    assert_eq!(
        std::str::from_utf8(block.expose()).unwrap(),
        r#"{"apiVersion":"v1","data":{"a":"x\n","b":"1"},"kind":"ConfigMap","metadata":{"labels":{},"name":"a"}}"#
    );
    assert!(block.ct_eq(&flow));
}

#[test]
fn documents_and_lists_become_objects_with_their_lines() {
    let text = "---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: team-a}\n\
                ---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: b}\n\
                - apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n";
    let manifests = try_render(text).unwrap();
    let found: Vec<_> = manifests
        .iter()
        .map(|m| (m.key.to_string(), m.line))
        .collect();
    let expected = [
        ("ConfigMap team-a/a", 4),
        ("Deployment b", 11),
        ("ConfigMap c", 17),
    ];
    assert_eq!(found, expected.map(|(key, line)| (key.to_owned(), line)));
    assert_eq!(manifests[1].key.api_version(), "apps/v1");
    assert_eq!(manifests[0].source.as_str(), "apps/x.yaml");
}

#[test]
fn every_bad_document_of_a_file_is_reported() {
    let text = "apiVersion: v1\nmetadata: {name: a}\n---\nkind: X\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let errors = try_render(text).unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "line 1: kind is missing",
            "line 4 (document 2): apiVersion is missing"
        ]
    );
}

#[test]
fn metadata_of_the_api_server_is_left_out_and_labels_are_added() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: team-a\n  uid: x\n  resourceVersion: '1'\n\
                \x20 generation: 1\n  creationTimestamp: null\n  managedFields: [{manager: us}]\n  selfLink: /x\n\
                \x20 labels: {app: x, lockstep.dev/sync: stolen}\n\
                \x20 annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"data\":1}'\n    note: kept\n\
                status: {phase: x}\ndata: {a: b}\n";
    let labels = BTreeMap::from([("lockstep.dev/sync".to_owned(), "app".to_owned())]);
    let manifests = render(&"x.yaml".parse().unwrap(), &open(text), &labels).unwrap();
    let body: Value = serde_json::from_slice(manifests[0].body.expose()).unwrap();
    let expected = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
        "metadata": {"name": "a", "labels": {"app": "x", "lockstep.dev/sync": "app"}, "annotations": {"note": "kept"}},
    });
    assert_eq!(body, expected);
    assert_eq!(manifests[0].key.namespace.as_deref(), Some("team-a"));
}

#[test]
fn string_data_becomes_data_and_wins() {
    let text = secret("data: {a: YQ==, b: Yg==}\nstringData:\n  b: grüße\n  c: ''\ntype: Opaque\n");
    let expected = json!({"a": "YQ==", "b": "Z3LDvMOfZQ==", "c": ""});
    let body = bodies(&text).remove(0);
    assert_eq!(body["data"], expected);
    assert_eq!(
        (&body["stringData"], &body["type"]),
        (&Value::Null, &json!("Opaque"))
    );
}

#[test]
fn base64_is_read_like_the_api_server_reads_it() {
    let text = secret("data:\n  a: |\n    aGVs\n    bG8=\n  b: YR==\n  c: ''\n");
    assert_eq!(
        bodies(&text).remove(0)["data"],
        json!({"a": "aGVsbG8=", "b": "YQ==", "c": ""})
    );
    for bad in ["canary", "Y Q==", "YQ", "YQ=", "_-==", "YQ==YQ==", "'=='"] {
        let error = error(&secret(&format!("data:\n  a.key: {bad}\n")));
        assert_eq!(
            error.to_string(),
            "line 6, data[\"a.key\"]: a value under data must be base64"
        );
        assert!(error.hint().unwrap().contains("stringData"));
    }
}

#[test]
fn a_secrets_values_are_text() {
    let cases = [
        ("5432", "a number"),
        ("yes", "a bool"),
        ("", "nothing"),
        ("[a]", "a list"),
    ];
    for (value, what) in cases {
        for field in ["data", "stringData"] {
            let error = error(&secret(&format!("{field}:\n  port: {value}\n")));
            let message =
                format!("line 6, {field}.port: a Secret's values are text, and this is {what}");
            assert_eq!(error.to_string(), message);
            assert_eq!(error.hint().as_deref(), Some("quote it"));
        }
    }
}

#[test]
fn what_the_api_server_would_refuse_with_the_value_is_refused_without() {
    let long = "x".repeat(254);
    let large = "canary".repeat(200_000);
    let cases = [
        secret("stringData: canary\n"),
        secret("data: [canary]\n"),
        secret("stringData: {'a b': canary}\n"),
        secret("stringData: {a/b: canary}\n"),
        secret("stringData: {'..': canary}\n"),
        secret("stringData: {'': canary}\n"),
        secret(&format!("stringData: {{{long}: canary}}\n")),
        secret(&format!("stringData: {{a: {large}}}\n")),
        secret("stringData: {a: {b: canary}}\n"),
        secret("stringData: {a: !!int canary}\n"),
        secret("stringData: {a: !!binary canary*}\n"),
        secret("stringData: {a: !!binary /w==}\n"),
        secret("stringData: {a: 'ENC[AES256_GCM,data:canary,iv:x,tag:x,type:str]'}\n"),
    ];
    for text in cases {
        for error in try_render(&text).unwrap_err() {
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}

#[test]
fn what_is_still_encrypted_is_never_applied() {
    let value = "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]";
    let packed = "RU5DW0FFUzI1Nl9HQ00sZGF0YTp4LGl2OngsdGFnOngsdHlwZTpzdHJd";
    for text in [
        secret(&format!("stringData: {{a: '{value}'}}\n")),
        secret(&format!("stringData:\n  a: |\n    {value}\n")),
        secret(&format!("stringData: {{a: '{}'}}\n", &value[..20])),
        secret(&format!("stringData: {{a: '{value} and more'}}\n")),
        secret(&format!("data: {{a: {packed}}}\n")),
        secret(&format!("stringData: {{a: !!binary {packed}}}\n")),
        secret(&format!("type: '{value}'\n")),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{a: '{value}'}}\n"),
    ] {
        let errors = try_render(&text).unwrap_err();
        assert_eq!(errors[0].kind, RenderErrorKind::StillEncrypted, "{text}");
    }
    // Text about encryption is text.
    let text = secret("stringData: {a: 'as in ENC[AES256_GCM,data:x]'}\n");
    assert!(try_render(&text).is_ok());
}

#[test]
fn objects_that_cannot_be_kept_in_step_are_refused() {
    let object = |kind: &str, metadata: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\n")
    };
    let cases = [
        (object("X", "{generateName: a-}"), RenderErrorKind::GenerateName),
        (object("X", "{}"), RenderErrorKind::Missing("name")),
        (object("X", "{name: 5}"), RenderErrorKind::NotA("text")),
        (object("X", "{name: a/b}"), RenderErrorKind::Name("name")),
        (object("X", "{name: ..}"), RenderErrorKind::Name("name")),
        (object("X", "{name: 'a b'}"), RenderErrorKind::Name("name")),
        (object("X", "{name: 'a?fieldManager=b'}"), RenderErrorKind::Name("name")),
        (object("X", "{name: a, namespace: 'team-a '}"), RenderErrorKind::Name("namespace")),
        (object("X", "{name: a, namespace: Team-A}"), RenderErrorKind::Name("namespace")),
        (object("X", "{name: a, namespace: ../b}"), RenderErrorKind::Name("namespace")),
        (object("X/status", "{name: a}"), RenderErrorKind::Name("kind")),
        (object("X", "[a]"), RenderErrorKind::NotA("a mapping")),
        (object("X", "{name: a, labels: [a]}"), RenderErrorKind::NotA("a mapping")),
        ("kind: X\napiVersion: v1\n".to_owned(), RenderErrorKind::Missing("metadata")),
        ("kind: X\napiVersion: a/b/c\nmetadata: {name: a}\n".to_owned(), RenderErrorKind::Name("apiVersion")),
        ("kind: X\napiVersion: ../v1\nmetadata: {name: a}\n".to_owned(), RenderErrorKind::Name("apiVersion")),
        (
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n".to_owned(),
            RenderErrorKind::Kustomize,
        ),
    ];
    for (text, kind) in cases {
        assert_eq!(error(&text).kind, kind, "{text}");
    }
    for open in ["", "null", "''", "~"] {
        let manifest = object("X", &format!("{{name: a, namespace: {open}}}"));
        assert_eq!(try_render(&manifest).unwrap()[0].key.namespace, None);
    }
}

#[test]
fn merge_keys_bring_in_what_is_not_there() {
    let text = "apiVersion: v1\nkind: X\nmetadata: {name: x}\n\
                base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\n\
                v:\n  <<: [*base, *other]\n  a: own\nquoted: {'<<': *base}\n";
    let body = bodies(text).remove(0);
    assert_eq!(body["v"], json!({"a": "own", "b": 2, "c": 4}));
    assert_eq!(body["quoted"], json!({"<<": {"a": 1, "b": 2}}));
    let with = |v: &str| format!("apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nv: {v}\n");
    assert_eq!(
        error(&with("{a: 1, <<: {a: 2}}")).kind,
        RenderErrorKind::MergeOrder
    );
    assert_eq!(error(&with("{<<: 5}")).kind, RenderErrorKind::Merge);
    assert_eq!(
        error(&with("{<<: [{a: 1}, 5]}")).kind,
        RenderErrorKind::Merge
    );
}

#[test]
fn keys_are_text_as_written_or_refused() {
    let with = |v: &str| format!("apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nv: {v}\n");
    let body = bodies(&with(
        "{1: a, 1.5: b, true: c, 'on': d, \"0x10\": e, 2001-01-01: f}",
    ))
    .remove(0);
    let expected =
        json!({"1": "a", "1.5": "b", "true": "c", "on": "d", "0x10": "e", "2001-01-01": "f"});
    assert_eq!(body["v"], expected);
    for key in [
        "on",
        "y",
        "True",
        "0x10",
        "08",
        "1_000",
        "1.50",
        "~",
        "!!binary aGk=",
        "!!null x",
    ] {
        let error = error(&with(&format!("{{{key}: a}}")));
        let tag = error.kind == RenderErrorKind::Tag && key.starts_with("!!");
        assert!(
            tag || error.kind == RenderErrorKind::KeyNotText,
            "{key}: {error}"
        );
    }
}
