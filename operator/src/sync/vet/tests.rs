//! What a file may hold, by what its Team says.

use super::*;
use crate::sync::fixtures::resolved;
use lockstep_secret::SecretString;
use lockstep_sops::{KeyPath, Parsed, Place, Step};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn team(spec: &Value) -> Team {
    let resolved = resolved(|_, team, _| {
        for (field, value) in spec.as_object().unwrap() {
            team["spec"][field] = value.clone();
        }
    });
    resolved.team.as_ref().clone()
}

/// The one manifest of a file in clear.
fn manifest(text: &str) -> Manifest {
    let Ok(Parsed::Clear(clear)) = lockstep_sops::parse(SecretString::new(text.to_owned())) else {
        unreachable!("the text has no sops block")
    };
    let path = "x.yaml".parse().unwrap();
    let opened = clear.into_opened().unwrap();
    let mut manifests = lockstep_manifests::render(&path, &opened, &BTreeMap::new()).unwrap();
    manifests.remove(0)
}

fn place() -> Place {
    Place {
        document: 1,
        line: 4,
        path: KeyPath(vec![Step::Key("spec".into())]),
    }
}

fn reasons(manifest: &Manifest, spec: &Value) -> Vec<FailureReason> {
    let refused = vet(std::slice::from_ref(manifest), &team(spec));
    refused.into_iter().map(|refused| refused.reason).collect()
}

#[test]
fn a_secret_nobody_encrypted_is_refused_unless_the_team_says_otherwise() {
    use FailureReason::PlaintextNotAllowed;
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {a: canary}\n";
    let mut secret = manifest(text);
    assert_eq!(reasons(&secret, &json!({})), [PlaintextNotAllowed]);
    let optional = json!({"secretEncryption": "Optional"});
    assert_eq!(reasons(&secret, &optional), []);
    let refused = vet(std::slice::from_ref(&secret), &team(&json!({})));
    let message = &refused[0].message;
    assert!(
        message.starts_with("line 4, stringData.a: ") && !message.contains("canary"),
        "{message}"
    );

    secret.findings.encryption = Encryption::Partial(place());
    assert_eq!(reasons(&secret, &json!({})), []);
    let full = json!({"secretEncryption": "Full"});
    assert_eq!(reasons(&secret, &full), [PlaintextNotAllowed]);
    secret.findings.encryption = Encryption::Full;
    assert_eq!(reasons(&secret, &full), []);
}

#[test]
fn a_decrypted_value_stands_in_a_secret_or_nowhere() {
    let mut config = manifest("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
    assert_eq!(reasons(&config, &json!({})), []);
    config.findings.encrypted_elsewhere = Some(place());
    let refused = vet(std::slice::from_ref(&config), &team(&json!({})));
    assert_eq!(refused[0].reason, FailureReason::DecryptedValueNotAllowed);
    assert!(
        refused[0]
            .message
            .contains("encrypted_regex: ^(data|stringData)$")
    );
    assert_eq!(
        reasons(&config, &json!({"decryptedValues": "Anywhere"})),
        []
    );
}

#[test]
fn marks_with_power_need_the_teams_list() {
    use FailureReason::{MetadataNotAllowed, SecretTypeNotAllowed};
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  labels: {cluster.x-k8s.io/cluster-name: a}\n\
                \x20 annotations: {kubernetes.io/service-account.name: default}\n\
                type: kubernetes.io/service-account-token\n";
    let token = manifest(text);
    assert_eq!(
        reasons(&token, &json!({})),
        [MetadataNotAllowed, MetadataNotAllowed, SecretTypeNotAllowed]
    );
    let allowed = json!({"allowed": {
        "secretTypes": ["kubernetes.io/service-account-token"],
        "labels": ["cluster.x-k8s.io/*"],
        "annotations": ["kubernetes.io/service-account.name"],
    }});
    assert_eq!(reasons(&token, &allowed), []);
    let other =
        json!({"allowed": {"labels": ["x-k8s.io/*"], "annotations": ["cluster.x-k8s.io/*"]}});
    assert_eq!(reasons(&token, &other).len(), 3);
}

#[test]
fn no_team_can_allow_the_labels_that_say_whose_an_object_is() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {lockstep.dev/sync: other}}\n";
    let claimed = manifest(text);
    let allowed = json!({"allowed": {"labels": ["lockstep.dev/*", "lockstep.dev/sync"]}});
    assert_eq!(
        reasons(&claimed, &allowed),
        [FailureReason::MetadataNotAllowed]
    );
}
