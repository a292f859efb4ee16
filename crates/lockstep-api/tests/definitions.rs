//! The definitions of the kinds: what the API server is given, and what it may have stored.

use kube::core::DeserializeGuard;
use lockstep_api::{Interval, Repository, Sync, Team, crds};
use serde_json::{Value, json};

/// Walks every schema below `schema` and calls `visit` with its path.
fn walk(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    if !schema["items"].is_null() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
}

#[test]
fn schemas_are_structural() {
    for crd in serde_json::to_value(crds()).unwrap().as_array().unwrap() {
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk("", schema, &mut |path, schema| {
            assert!(schema["type"].is_string(), "{path} has no type: {schema}");
            for forbidden in [
                "$ref",
                "oneOf",
                "anyOf",
                "allOf",
                "additionalProperties",
                "definitions",
            ] {
                assert!(schema[forbidden].is_null(), "{path} has {forbidden}");
            }
        });
    }
}

#[test]
fn everything_a_user_writes_is_described_and_bounded() {
    for crd in serde_json::to_value(crds()).unwrap().as_array().unwrap() {
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        walk("spec", spec, &mut |path, schema| {
            if path != "spec" && !path.ends_with("[]") {
                assert!(schema["description"].is_string(), "{path} is not described");
            }
            let bounded = match schema["type"].as_str() {
                Some("string") => !schema["maxLength"].is_null() || !schema["enum"].is_null(),
                Some("array") => !schema["maxItems"].is_null(),
                _ => true,
            };
            assert!(bounded, "{path} has no bound: {schema}");
        });
    }
}

#[test]
fn objects_without_optional_fields_are_read() {
    let repository: Repository = serde_json::from_value(json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Repository",
        "metadata": {"name": "app", "namespace": "team-a"},
        "spec": {"url": "https://git.example.com/team-a/app.git"},
    }))
    .unwrap();
    assert_eq!(repository.spec.branch().unwrap().as_str(), "main");
    assert_eq!(repository.spec.interval, "1m".parse::<Interval>().unwrap());
    let sync: Sync = serde_json::from_value(json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
        "metadata": {"name": "app", "namespace": "team-a"},
        "spec": {"sourceRef": {"name": "app"}},
        "status": {"inventory": {}, "aFieldOfALaterVersion": 1},
    }))
    .unwrap();
    assert!(sync.spec.path().unwrap().is_root());
    assert!(!sync.spec.prune && !sync.spec.suspend);
    let team: Team = serde_json::from_value(json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": "team-a"},
        "spec": {"namespaces": ["team-a"], "serviceAccountName": "lockstep",
                 "repositories": ["https://git.example.com/team-a/*"]},
    }))
    .unwrap();
    assert!(team.spec.allows_repository(&repository.spec.url().unwrap()));
    assert!(!team.spec.allows_cluster_scoped("", "Namespace"));
}

#[test]
fn an_unreadable_object_fails_alone() {
    let sync = |policy: &str, interval: &str| {
        json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
            "metadata": {"name": "app", "namespace": "team-a"},
            "spec": {"sourceRef": {"name": "app"}, "deletionPolicy": policy, "interval": interval},
        })
    };
    let list = json!([
        sync("Prune", "5m"),
        sync("Later", "5m"),
        sync("Orphan", "1y")
    ]);
    let list: Vec<DeserializeGuard<Sync>> = serde_json::from_value(list).unwrap();
    let readable: Vec<_> = list.iter().map(|guard| guard.0.is_ok()).collect();
    assert_eq!(readable, [true, false, false]);
    assert_eq!(
        list[1].0.as_ref().unwrap_err().metadata.name.as_deref(),
        Some("app")
    );
}
