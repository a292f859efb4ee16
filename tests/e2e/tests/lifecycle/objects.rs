//! Objects that move between files, lose keys, have other owners, are kept or orphaned.

use crate::steps::{db, has_password};
use lockstep_e2e::{Stage, config_map, failures, metadata, ready, secret, stored, until};
use serde_json::json;

#[test]
fn a_deleted_sync_leaves_its_objects_unless_it_says_otherwise() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, _) = stage
        .applied("leaves", &[(path, &text)], &json!({}))
        .unwrap();
    let name = tenant.name();
    let delete = ["delete", "sync", name, "-n", name, "--timeout=30s"];
    tenant.kubectl().run(&delete).unwrap();
    has_password(&tenant, "ours").unwrap();

    let files = [(path, text.as_str())];
    let prune = json!({"deletionPolicy": "Prune"});
    let (tenant, _) = stage.applied("prunes", &files, &prune).unwrap();
    let name = tenant.name();
    let delete = ["delete", "sync", name, "-n", name, "--timeout=30s"];
    tenant.kubectl().run(&delete).unwrap();
    assert!(
        !tenant
            .kubectl()
            .exists(&["secret", "db", "-n", name])
            .unwrap()
    );
    let credentials = ["secret", "git-credentials", "-n", name];
    assert!(
        tenant.kubectl().exists(&credentials).unwrap(),
        "not its own"
    );
}

#[test]
fn an_object_that_moves_to_another_file_is_not_touched() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, _) = stage
        .applied("moves", &[(path, &text)], &json!({}))
        .unwrap();
    let secret = ["secret", "db", "-n", "moves"];
    let version = metadata(tenant.kubectl(), &secret, "resourceVersion").unwrap();
    tenant
        .checkout()
        .git(&["mv", path, "deploy/moved-secret.yaml"])
        .unwrap();
    let commit = tenant.publish("moved").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(
        metadata(tenant.kubectl(), &secret, "resourceVersion").unwrap(),
        version
    );
}

#[test]
fn a_key_removed_from_git_leaves_the_secret() {
    let stage = Stage::shared().unwrap();
    let both = secret("db", &[("password", "ours"), ("old", "key")]);
    let (path, text) = db();
    let (tenant, _) = stage
        .applied("shrinks", &[(path, &both)], &json!({}))
        .unwrap();
    assert_eq!(
        tenant.secret_value("db", "old").unwrap(),
        Some(stored("key"))
    );
    tenant.checkout().write(path, &text).unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.publish("one key less").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(tenant.secret_value("db", "old").unwrap(), None);
    has_password(&tenant, "ours").unwrap();
}

#[test]
fn one_object_in_two_files_is_reported_with_both() {
    let stage = Stage::shared().unwrap();
    let (one, other) = (
        config_map("same", &[("from", "a")]),
        config_map("same", &[("from", "b")]),
    );
    let files = [("deploy/a.yaml", one.as_str()), ("deploy/b.yaml", &other)];
    let (tenant, commit) = stage.pushed("twice", &files, &json!({})).unwrap();
    let sync = tenant.wait_failed(&commit, "BuildFailed").unwrap();
    let reported = &sync["status"]["failures"];
    assert_eq!(reported.as_array().unwrap().len(), 1, "{reported}");
    assert_eq!(reported[0]["reason"], "DuplicateObject");
    let text = reported[0].to_string();
    assert!(
        text.contains("deploy/a.yaml") && text.contains("deploy/b.yaml"),
        "{text}"
    );
}

#[test]
fn a_kind_and_an_object_of_it_arrive_in_one_push() {
    let stage = Stage::shared().unwrap();
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
        metadata: {name: widgets.shop.example.com}\nspec:\n  group: shop.example.com\n  \
        scope: Namespaced\n  names: {kind: Widget, plural: widgets}\n  versions:\n  \
        - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        \
        type: object\n        x-kubernetes-preserve-unknown-fields: true\n";
    let widget =
        "apiVersion: shop.example.com/v1\nkind: Widget\nmetadata: {name: first}\nsize: 3\n";
    let tenant = stage.tenant("kinds").unwrap();
    let kubectl = tenant.kubectl();
    kubectl
        .apply(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
             metadata: {name: kinds-deployer}\nrules:\n\
             - apiGroups: [apiextensions.k8s.io]\n  resources: [customresourcedefinitions]\n  \
             verbs: [get, list, watch, create, patch]\n\
             - apiGroups: [shop.example.com]\n  resources: [widgets]\n  \
             verbs: [get, list, watch, create, patch]\n",
        )
        .unwrap();
    let bind = [
        "create",
        "clusterrolebinding",
        "kinds-deployer",
        "--clusterrole=kinds-deployer",
    ];
    kubectl
        .run(&[&bind[..], &["--serviceaccount=kinds:deployer"]].concat())
        .unwrap();
    let kind = json!({"group": "apiextensions.k8s.io", "kind": "CustomResourceDefinition"});
    let patch = json!({"spec": {"clusterScopedKinds": [kind]}}).to_string();
    kubectl.patch(&["team", "kinds"], &patch).unwrap();
    // The object comes first by name, in a file of its own.
    tenant
        .checkout()
        .write("deploy/a-widget.yaml", widget)
        .unwrap();
    tenant
        .checkout()
        .write("deploy/kind.yaml", definition)
        .unwrap();
    let commit = tenant.checkout().push("a new kind").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();
    let found = kubectl
        .json(&["widgets.shop.example.com", "first", "-n", "kinds"])
        .unwrap();
    assert_eq!(found["size"], 3);
}

#[test]
fn an_object_that_asks_to_stay_is_not_pruned() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\n  annotations:\n    \
                lockstep.dev/prune: Disabled\ndata: {a: b}\n";
    let files = [(path, text.as_str()), ("deploy/kept.yaml", kept)];
    let (tenant, _) = stage.applied("stays", &files, &json!({})).unwrap();
    tenant.checkout().remove("deploy/kept.yaml").unwrap();
    let commit = tenant.publish("removed").unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert!(
        tenant
            .kubectl()
            .exists(&["configmap", "kept", "-n", "stays"])
            .unwrap()
    );
    let entries = sync["status"]["inventory"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
}

#[test]
fn an_object_of_another_sync_is_left_to_it() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, commit) = stage
        .applied("owner", &[(path, &text)], &json!({}))
        .unwrap();
    let db = ["secret", "db", "-n", "owner"];
    let version = metadata(tenant.kubectl(), &db, "resourceVersion").unwrap();
    let rival = json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
        "metadata": {"name": "rival", "namespace": "owner"},
        "spec": {"sourceRef": {"name": "owner"}, "path": "deploy", "prune": true},
    });
    tenant.kubectl().apply(&rival.to_string()).unwrap();
    let rival = ["sync", "rival", "-n", "owner"];
    let sync = until(tenant.kubectl(), &rival, |it| ready(it) == "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [(path, "OwnedByOther")]);
    let message = sync["status"]["failures"][0]["message"].as_str().unwrap();
    assert!(message.contains("owner/owner"), "{message}");

    // Deleted with everything it owns, which is nothing.
    let policy = json!({"spec": {"deletionPolicy": "Prune"}}).to_string();
    tenant.kubectl().patch(&rival, &policy).unwrap();
    until(tenant.kubectl(), &rival, |it| {
        it["metadata"]["finalizers"].is_array()
    })
    .unwrap();
    let delete = [&["delete"], &rival[..], &["--timeout=30s"]].concat();
    tenant.kubectl().run(&delete).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(
        metadata(tenant.kubectl(), &db, "resourceVersion").unwrap(),
        version
    );
}
