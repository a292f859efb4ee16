//! The definitions as a real kube-apiserver understands them: which objects it takes, and what it
//! says about the others.

#![expect(clippy::unwrap_used, reason = "tests may be blunt, their helpers too")]

mod references;
mod shipped;

use lockstep_api::{crds, operator_access, team_access, to_yaml};
use lockstep_names::Account;
use lockstep_testbed::ControlPlane;
use std::sync::{Arc, Mutex, Weak};

static CLUSTER: Mutex<Weak<ControlPlane>> = Mutex::new(Weak::new());

/// The control plane of the tests that run now; it ends with the last of them.
fn cluster() -> Arc<ControlPlane> {
    let mut shared = CLUSTER.lock().unwrap();
    if let Some(cluster) = shared.upgrade() {
        return cluster;
    }
    let cluster = Arc::new(ControlPlane::start().unwrap());
    let kubectl = cluster.kubectl();
    kubectl.apply(&to_yaml(&crds()).unwrap()).unwrap();
    for kind in ["repositories", "syncs", "teams"] {
        let crd = format!("crd/{kind}.lockstep.dev");
        kubectl
            .run(&["wait", "--for=condition=Established", "--timeout=60s", &crd])
            .unwrap();
    }
    kubectl.run(&["create", "namespace", "team-a"]).unwrap();
    *shared = Arc::downgrade(&cluster);
    cluster
}

/// Sends an object of `kind` for judgement only.
fn send(kind: &str, name: &str, spec: &str) -> Result<String, String> {
    let object = format!(
        "{{\"apiVersion\": \"lockstep.dev/v1alpha1\", \"kind\": \"{kind}\", \
          \"metadata\": {{\"name\": \"{name}\", \"namespace\": \"team-a\"}}, \"spec\": {spec}}}"
    );
    let object = if kind == "Team" {
        object.replace(", \"namespace\": \"team-a\"", "")
    } else {
        object
    };
    cluster()
        .kubectl()
        .run_with_input(&["create", "--dry-run=server", "-f", "-"], &object)
        .map_err(|error| error.to_string())
}

fn taken(kind: &str, specs: &[&str]) {
    for spec in specs {
        send(kind, "app", spec).unwrap();
    }
}

fn refused(kind: &str, cases: &[(&str, &str)]) {
    for (spec, message) in cases {
        let error = send(kind, "app", spec).unwrap_err();
        assert!(error.contains(message), "{spec}: {error}");
    }
}

#[test]
fn repositories_are_addresses_of_https() {
    let _running = cluster();
    taken(
        "Repository",
        &[
            r#"{"url": "https://git.example.com/team-a/app.git"}"#,
            r#"{"url": "https://127.0.0.1:8443/@scope/app", "interval": "1h30m", "timeout": "1s"}"#,
            r#"{"url": "https://h/x", "ref": {"branch": "feature/a.b"}, "secretRef": {"name": "git"}}"#,
        ],
    );
    refused(
        "Repository",
        &[
            (r#"{}"#, "spec.url"),
            (
                r#"{"url": "http://git.example.com/x"}"#,
                "must start with https://",
            ),
            (r#"{"url": "ext::sh -c true"}"#, "must start with https://"),
            (
                r#"{"url": "https://user:word@h/x"}"#,
                "must not name a user",
            ),
            (r#"{"url": "https://h\\@evil/x"}"#, "must not name a user"),
            (r#"{"url": "https://h/x?a"}"#, "a query or a fragment"),
            (r#"{"url": "https://h/x#a"}"#, "a query or a fragment"),
            (r#"{"url": "https://h/a b"}"#, "must not have blanks"),
            (r#"{"url": "https://h/a\nb"}"#, "must not have blanks"),
            (r#"{"url": "https://h/%2e%2e"}"#, "escapes"),
            (
                r#"{"url": "https://h/x", "ref": {"branch": "-x"}}"#,
                "must be a branch name",
            ),
            (
                r#"{"url": "https://h/x", "ref": {"branch": "a..b"}}"#,
                "must be a branch name",
            ),
            (
                r#"{"url": "https://h/x", "ref": {"branch": "a\\b"}}"#,
                "must be a branch name",
            ),
            (
                r#"{"url": "https://h/x", "ref": {"branch": "a b"}}"#,
                "must be a branch name",
            ),
            (
                r#"{"url": "https://h/x", "secretRef": {"name": "x", "namespace": "b"}}"#,
                "unknown field",
            ),
            (
                r#"{"url": "https://h/x", "secretRef": {"name": "../b/x"}}"#,
                "spec.secretRef.name",
            ),
        ],
    );
}

#[test]
fn intervals_are_from_a_second_to_a_year() {
    let _running = cluster();
    refused(
        "Repository",
        &[
            (
                r#"{"url": "https://h/x", "interval": "999ms"}"#,
                "must be from 1s to 8760h",
            ),
            (
                r#"{"url": "https://h/x", "interval": "8761h"}"#,
                "must be from 1s to 8760h",
            ),
            (
                r#"{"url": "https://h/x", "interval": "1y"}"#,
                "spec.interval",
            ),
            (
                r#"{"url": "https://h/x", "interval": "-5m"}"#,
                "spec.interval",
            ),
            (
                r#"{"url": "https://h/x", "timeout": "99999999999999999999h"}"#,
                "spec.timeout",
            ),
        ],
    );
}

#[test]
fn syncs_name_no_key_and_no_account() {
    let _running = cluster();
    taken(
        "Sync",
        &[
            r#"{"sourceRef": {"name": "app"}}"#,
            r#"{"sourceRef": {"kind": "Repository", "name": "app"}, "path": "./a..b/c", "prune": true,
            "deletionPolicy": "Prune", "conflictPolicy": "Force", "driftDetection": {"mode": "Warn"}}"#,
        ],
    );
    let source = r#"{"sourceRef": {"name": "app"}, "#;
    let refused_fields = ["serviceAccountName", "decryption", "keys", "kubeConfig"];
    for field in refused_fields {
        let spec = format!("{source}\"{field}\": \"x\"}}");
        refused("Sync", &[(spec.as_str(), "unknown field")]);
    }
    refused(
        "Sync",
        &[
            (
                r#"{"sourceRef": {"name": "app", "namespace": "team-b"}}"#,
                "unknown field",
            ),
            (
                r#"{"sourceRef": {"name": "app", "kind": "Bucket"}}"#,
                "supported values: \"Repository\"",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "path": "../x"}"#,
                "must not have '..'",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "path": "a/../b"}"#,
                "must not have '..'",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "path": "/etc"}"#,
                "must be relative",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "path": "a\\b"}"#,
                "must not have backslashes",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "path": "a\u0000b"}"#,
                "control characters",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "deletionPolicy": "Maybe"}"#,
                "supported values",
            ),
            (
                r#"{"sourceRef": {"name": "app"}, "prune": "yes"}"#,
                "spec.prune",
            ),
        ],
    );
}

#[test]
fn teams_have_namespaces_and_repositories_of_their_own() {
    let _running = cluster();
    let spec = |namespaces: &str, repositories: &str| {
        format!(
            "{{\"serviceAccountName\": \"deployer\", \"namespaces\": {namespaces}, \
              \"repositories\": {repositories}}}"
        )
    };
    let all = r#"["https://git.example.com/*"]"#;
    taken(
        "Team",
        &[&spec(
            r#"["a", "b"]"#,
            r#"["https://h/x.git", "https://h:8443/y/*"]"#,
        )],
    );
    for (namespaces, message) in [
        ("[]", "at least 1 items"),
        (r#"["a", "a"]"#, "Duplicate value"),
        (
            r#"["a", "kube-system"]"#,
            "must not name a namespace of Kubernetes itself",
        ),
        (r#"["a b"]"#, "should match"),
        (r#"["a*"]"#, "should match"),
    ] {
        refused("Team", &[(&spec(namespaces, all), message)]);
    }
    for (repositories, message) in [
        ("[]", "at least 1 items"),
        (r#"["*"]"#, "must be an https address"),
        (r#"["https://*"]"#, "must be an https address"),
        (r#"["https://*/x"]"#, "must be an https address"),
        (r#"["https://h*"]"#, "'*' may only stand at the end"),
        (r#"["https://h/a*"]"#, "'*' may only stand at the end"),
        (r#"["https://u@h/*"]"#, "must be an https address"),
        (
            r#"["http://git.example.com/*"]"#,
            "must be an https address",
        ),
    ] {
        refused("Team", &[(&spec(r#"["a"]"#, repositories), message)]);
    }
}

#[test]
fn names_fit_into_a_field_manager() {
    let _running = cluster();
    let spec = r#"{"url": "https://h/x"}"#;
    send("Repository", &"x".repeat(53), spec).unwrap();
    for name in ["x".repeat(54), "a.b".to_owned()] {
        let error = send("Repository", &name, spec).unwrap_err();
        assert!(
            error.contains("at most 53 characters and without dots"),
            "{error}"
        );
        let error = send("Sync", &name, r#"{"sourceRef": {"name": "x"}}"#).unwrap_err();
        assert!(
            error.contains("at most 53 characters and without dots"),
            "{error}"
        );
    }
}

/// What the operator may do by itself.
const ALLOWED: [&[&str]; 9] = [
    &["watch", "repositories.lockstep.dev", "-A"],
    &["list", "syncs.lockstep.dev", "-A"],
    &["watch", "teams.lockstep.dev"],
    &[
        "patch",
        "syncs.lockstep.dev",
        "--subresource=status",
        "-n",
        "team-a",
    ],
    &["create", "events.events.k8s.io", "-n", "team-a"],
    &["watch", "secrets", "-n", "lockstep-system"],
    &["impersonate", "serviceaccounts/deployer", "-n", "team-a"],
    &["get", "serviceaccounts/deployer", "-n", "team-a"],
    &["get", "secrets", "-n", "lockstep-system"],
];

/// What it may not.
const DENIED: [&[&str]; 12] = [
    &["get", "secrets", "-n", "team-a"],
    &["list", "secrets", "-A"],
    &["create", "secrets", "-n", "lockstep-system"],
    &["patch", "secrets", "-n", "team-a"],
    &["impersonate", "serviceaccounts/default", "-n", "team-a"],
    &[
        "impersonate",
        "serviceaccounts/deployer",
        "-n",
        "kube-system",
    ],
    &["impersonate", "serviceaccounts", "-A"],
    &["impersonate", "users"],
    &["impersonate", "groups"],
    &[
        "create",
        "serviceaccounts/deployer",
        "--subresource=token",
        "-n",
        "team-a",
    ],
    &["update", "teams.lockstep.dev"],
    &[
        "create",
        "rolebindings.rbac.authorization.k8s.io",
        "-n",
        "team-a",
    ],
];

#[test]
fn the_printed_access_is_enough_and_no_more() {
    let operator = Account {
        namespace: "lockstep-system".parse().unwrap(),
        name: "operator".parse().unwrap(),
    };
    let team = serde_json::json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": "a"},
        "spec": {"namespaces": ["team-a"], "serviceAccountName": "deployer",
                 "repositories": ["https://git.example.com/*"]},
    });
    let mut objects = operator_access(&operator);
    objects.extend(team_access(&[serde_json::from_value(team).unwrap()], &operator).objects);
    let cluster = cluster();
    let kubectl = cluster.kubectl();
    kubectl.apply(&shipped::operator()).unwrap();
    kubectl.apply(&to_yaml(&objects).unwrap()).unwrap();
    let may = |arguments: &[&str]| {
        let identity = ["auth", "can-i", "--as", &operator.user()];
        kubectl.run(&[&identity[..], arguments].concat()).is_ok()
    };
    for arguments in ALLOWED {
        assert!(may(arguments), "{arguments:?} is not allowed");
    }
    for arguments in DENIED {
        assert!(!may(arguments), "{arguments:?} is allowed");
    }
}
