//! No object that a team writes can name what is not its own.

use crate::{cluster, send};

#[test]
fn no_field_a_team_writes_names_a_key_an_account_or_another_namespace() {
    let _running = cluster();
    let url = r#""url": "https://a.example.com/a""#;
    let source = r#""sourceRef": {"name": "mono"}"#;
    send("Sync", "fine", &format!("{{{source}}}")).unwrap();
    send("Repository", "fine", &format!("{{{url}}}")).unwrap();
    for (kind, spec) in [
        (
            "Sync",
            format!(r#"{{{source}, "serviceAccountName": "admin"}}"#),
        ),
        (
            "Sync",
            r#"{"sourceRef": {"name": "mono", "namespace": "b"}}"#.to_owned(),
        ),
        ("Sync", r#"{"sourceRef": {"name": "../b/mono"}}"#.to_owned()),
        (
            "Sync",
            format!(r#"{{{source}, "decryption": {{"secretRef": {{"name": "b-age"}}}}}}"#),
        ),
        (
            "Sync",
            format!(r#"{{{source}, "kubeConfig": {{"secretRef": {{"name": "k"}}}}}}"#),
        ),
        ("Sync", format!(r#"{{{source}, "path": "../b"}}"#)),
        (
            "Repository",
            format!(r#"{{{url}, "secretRef": {{"name": "c", "namespace": "b"}}}}"#),
        ),
        (
            "Repository",
            format!(r#"{{{url}, "secretRef": {{"name": "../b/c"}}}}"#),
        ),
        (
            "Repository",
            r#"{"url": "https://u:p@a.example.com/a"}"#.to_owned(),
        ),
        ("Repository", r#"{"url": "file:///etc"}"#.to_owned()),
        ("Repository", r#"{"url": "ext::sh -c id"}"#.to_owned()),
    ] {
        let answer = send(kind, "reaching", &spec);
        assert!(answer.is_err(), "{kind} {spec}: {answer:?}");
    }
}
