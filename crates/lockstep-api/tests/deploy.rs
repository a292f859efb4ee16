//! `deploy/`: what an administrator applies gives the operator the rights it needs and nothing wider,
//! and runs it with the restricted pod security profile.
//!
//! `cargo xtask docs` writes `deploy/rbac.yaml` again.

use lockstep_api::{operator_access, to_yaml};
use lockstep_names::Account;
use serde_json::{Value, json};
use std::path::PathBuf;

const HEADER: &str = "# The operator's own rights, as `lockstep-operator rbac` prints them. The rights to act for teams are\n# printed by the same command once there are Teams.\n";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn operator() -> Account {
    Account {
        namespace: "lockstep-system".parse().expect("a namespace"),
        name: "lockstep-operator".parse().expect("an account"),
    }
}

fn objects_of(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).expect("a file");
    serde_saphyr::from_multiple::<Value>(&text).expect("YAML")
}

/// Every object of every file in `deploy/`.
fn deployed() -> Vec<Value> {
    let files = std::fs::read_dir(folder()).expect("a folder");
    let names = files.map(|file| {
        file.expect("a file")
            .file_name()
            .into_string()
            .expect("UTF-8")
    });
    names
        .filter(|name| name.ends_with(".yaml"))
        .flat_map(|name| objects_of(&name))
        .collect()
}

/// The objects of one kind in `deploy/operator.yaml`.
fn of_kind(kind: &str) -> Vec<Value> {
    objects_of("operator.yaml")
        .into_iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

/// `deploy/rbac.yaml` as it should be; written first, if that is what was asked for.
fn rights() -> String {
    let text = HEADER.to_owned() + &to_yaml(&operator_access(&operator())).expect("YAML");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(folder().join("rbac.yaml"), &text).expect("written");
    }
    text
}

#[test]
fn the_rights_are_those_the_program_prints_and_no_others() {
    let rights = rights();
    let written = std::fs::read_to_string(folder().join("rbac.yaml")).unwrap_or_default();
    assert!(
        written == rights,
        "deploy/rbac.yaml is out of date: run `cargo xtask docs`"
    );
    let allowed = operator_access(&operator());
    let plain = [
        ("v1", "Namespace"),
        ("v1", "ServiceAccount"),
        ("apps/v1", "Deployment"),
    ];
    for object in deployed() {
        let is_plain = plain
            .iter()
            .any(|(version, kind)| object["apiVersion"] == *version && object["kind"] == *kind);
        assert!(
            is_plain || allowed.contains(&object),
            "deploy/ holds an object that `lockstep-operator rbac` does not print: {object}"
        );
    }
}

#[test]
fn the_pod_is_restricted_and_keeps_no_state() {
    let [deployment] = &of_kind("Deployment")[..] else {
        panic!("deploy/ holds one Deployment");
    };
    let spec = &deployment["spec"];
    assert_eq!(
        (&spec["replicas"], &spec["strategy"]["type"]),
        (&json!(1), &json!("Recreate")),
        "two operators would do everything twice"
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], operator().name.as_str());
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[host].is_null(), "{host}");
    }
    for volume in pod["volumes"].as_array().unwrap() {
        assert!(volume["emptyDir"].is_object(), "{volume}");
    }
    for container in pod["containers"].as_array().unwrap() {
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container["securityContext"], expected);
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
    let [namespace] = &of_kind("Namespace")[..] else {
        panic!("deploy/ holds one Namespace");
    };
    assert_eq!(namespace["metadata"]["name"], operator().namespace.as_str());
    assert_eq!(
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
}
