//! `deploy/`: what an administrator applies gives the operator the rights it needs and nothing wider,
//! and runs it with the restricted pod security profile.
//!
//! `cargo xtask docs` writes `deploy/rbac.yaml` and `deploy/crds.yaml` again.

mod wide;

use lockstep_api::{Team, crds, operator_access, team_access, to_yaml};
use lockstep_names::Account;
use serde_json::{Value, json};
use std::path::PathBuf;

const CRDS_HEADER: &str =
    "# The definitions of the API kinds, as `lockstep-operator crds` prints them.\n";
const RBAC_HEADER: &str = "# The operator's own rights, as `lockstep-operator rbac` prints them. The rights to act for teams are\n# printed by the same command once there are Teams.\n";

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

/// The files of `deploy/` but the one that lists them, sorted.
fn files() -> Vec<String> {
    let files = std::fs::read_dir(folder()).expect("a folder");
    let name = |file: std::io::Result<std::fs::DirEntry>| {
        file.expect("a file")
            .file_name()
            .into_string()
            .expect("UTF-8")
    };
    let mut names: Vec<_> = files.map(name).collect();
    names.retain(|name| name != "kustomization.yaml");
    names.sort();
    names
}

/// Every object that is shipped.
fn deployed() -> Vec<Value> {
    files().iter().flat_map(|name| objects_of(name)).collect()
}

/// The objects of one kind in `deploy/operator.yaml`.
fn of_kind(kind: &str) -> Vec<Value> {
    objects_of("operator.yaml")
        .into_iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

/// Compares a generated file with what it should be; written first, if that is what was asked for.
fn check(file: &str, header: &str, objects: &[impl serde::Serialize]) {
    let text = header.to_owned() + &to_yaml(objects).expect("YAML");
    let path = folder().join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "deploy/{file} is out of date: run `cargo xtask docs`"
    );
}

#[test]
fn rights_and_definitions_are_those_the_program_prints() {
    check("rbac.yaml", RBAC_HEADER, &operator_access(&operator()));
    check("crds.yaml", CRDS_HEADER, &crds());
}

#[test]
fn nothing_else_is_shipped_and_nothing_wider() {
    let known = [
        "CustomResourceDefinition",
        "Namespace",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Deployment",
        "NetworkPolicy",
    ];
    for object in deployed() {
        let kind = object["kind"].as_str().unwrap();
        assert!(known.contains(&kind), "deploy/ holds a {kind}");
    }
    assert_eq!(wide::too_wide(&deployed(), &operator()), [""; 0]);
}

#[test]
fn what_is_printed_for_teams_is_not_wider() {
    let team: Team = serde_json::from_value(json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": "a"},
        "spec": {"namespaces": ["team-a", "team-a-dev"], "serviceAccountName": "deployer",
                 "repositories": ["https://git.example.com/*"]},
    }))
    .expect("a team");
    let access = team_access(&[team], &operator());
    assert!(access.refused.is_empty() && !access.objects.is_empty());
    assert_eq!(wide::too_wide(&access.objects, &operator()), [""; 0]);
}

#[test]
fn kustomize_is_given_every_file() {
    let [kustomization] = &objects_of("kustomization.yaml")[..] else {
        panic!("one document");
    };
    let mut listed: Vec<_> = kustomization["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap().to_owned())
        .collect();
    listed.sort();
    assert_eq!(listed, files());
}

#[test]
fn the_pod_is_restricted_and_keeps_no_state() {
    let [deployment] = &of_kind("Deployment")[..] else {
        panic!("deploy/ holds one Deployment");
    };
    let spec = &deployment["spec"];
    assert_eq!(
        (&spec["replicas"], &spec["strategy"]["type"]),
        (&json!(2), &json!("RollingUpdate")),
        "one works, one stands by, and an update hands over"
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
