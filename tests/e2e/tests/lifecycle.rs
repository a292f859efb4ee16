//! What happens to objects over the life of a Sync: they move between files, lose keys, have other
//! owners, are kept, are orphaned; and what makes a Sync look again.

use anyhow::Result;
use lockstep_e2e::{
    Stage, config_map, event_messages, failures, metadata, ready, secret, stored, until,
};
use lockstep_testbed::{Asked, Tenant, condition, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// The annotation that asks for a reconcile, with a value of its own for each call.
fn request(tenant: &Tenant, kind: &str) -> Result<String> {
    let value = format!("{:?}", std::time::SystemTime::now());
    let annotation = format!("reconcile.lockstep.dev/requestedAt={value}");
    let name = tenant.name();
    let what = ["annotate", "--overwrite", kind, name, "-n", name];
    tenant
        .kubectl()
        .run(&[&what[..], &[annotation.as_str()]].concat())?;
    Ok(value)
}

fn patch_sync(tenant: &Tenant, spec: &Value) -> Result<()> {
    let name = tenant.name();
    let patch = json!({"spec": spec}).to_string();
    tenant
        .kubectl()
        .patch(&["sync", name, "-n", name], &patch)?;
    Ok(())
}

fn edit_password(tenant: &Tenant, value: &str) -> Result<()> {
    let patch = json!({"data": {"password": stored(value)}}).to_string();
    let db = ["secret", "db", "-n", tenant.name()];
    tenant.kubectl().patch(&db, &patch)?;
    Ok(())
}

fn has_password(tenant: &Tenant, value: &str) -> Result<()> {
    let now = tenant.secret_value("db", "password")?;
    anyhow::ensure!(now == Some(stored(value)), "it is {now:?}");
    Ok(())
}

fn wait_password(tenant: &Tenant, value: &str) -> Result<()> {
    let patience = Duration::from_secs(30);
    eventually("the password", patience, || has_password(tenant, value))
}

/// A file with the Secret `db`.
fn db() -> (&'static str, String) {
    (
        "deploy/db-secret.yaml",
        secret("db", &[("password", "ours")]),
    )
}

#[test]
fn a_suspended_sync_does_nothing_until_it_is_resumed() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, _) = stage
        .applied("suspended", &[(path, &text)], &json!({}))
        .unwrap();
    patch_sync(&tenant, &json!({"suspend": true})).unwrap();
    tenant
        .wait("it says so", |sync| ready(sync) == "Suspended")
        .unwrap();
    edit_password(&tenant, "edited").unwrap();
    tenant
        .checkout()
        .write("deploy/new.yaml", &config_map("new", &[("a", "b")]))
        .unwrap();
    let commit = tenant.publish("while suspended").unwrap();
    let name = tenant.name();
    let revision = format!("main@sha1:{commit}");
    until(tenant.kubectl(), &["repository", name, "-n", name], |it| {
        it["status"]["artifact"]["revision"] == revision.as_str()
    })
    .unwrap();
    let asked = request(&tenant, "sync").unwrap();
    tenant
        .wait("it has looked", |sync| {
            sync["status"]["lastHandledReconcileAt"] == asked.as_str()
        })
        .unwrap();
    has_password(&tenant, "edited").unwrap();
    assert!(
        !tenant
            .kubectl()
            .exists(&["configmap", "new", "-n", name])
            .unwrap()
    );

    patch_sync(&tenant, &json!({"suspend": false})).unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert!(condition(&sync, "Stalled").is_null(), "{sync}");
    wait_password(&tenant, "ours").unwrap();
}

#[test]
fn what_is_not_watched_heals_at_the_interval_or_on_request() {
    let stage = Stage::shared().unwrap();
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: viewer\n\
                rules:\n- apiGroups: ['']\n  resources: [configmaps]\n  verbs: [get]\n";
    let grant = |tenant: &Tenant| {
        let name = tenant.name();
        let group = "rbac.authorization.k8s.io";
        let roles = json!({"apiGroups": [group], "resources": ["roles"],
                           "verbs": ["get", "list", "watch", "create", "patch"]});
        let patch = json!([{"op": "add", "path": "/rules/-", "value": roles}]).to_string();
        let role = ["patch", "role", "deployer", "-n", name, "--type=json"];
        tenant
            .kubectl()
            .run(&[&role[..], &["-p", &patch]].concat())
            .unwrap();
    };
    let files = [("deploy/role.yaml", role)];
    let often = json!({"interval": "2s"});
    let (soon, soon_commit) = stage.pushed("soon", &files, &often).unwrap();
    let (asked, asked_commit) = stage.pushed("asked", &files, &json!({})).unwrap();
    soon.wait_failed(&soon_commit, "ApplyFailed").unwrap();
    grant(&soon);
    soon.wait_applied(&soon_commit).unwrap();

    asked.wait_failed(&asked_commit, "ApplyFailed").unwrap();
    grant(&asked);
    let value = request(&asked, "sync").unwrap();
    let sync = asked.wait_applied(&asked_commit).unwrap();
    assert_eq!(sync["status"]["lastHandledReconcileAt"], value.as_str());
}

#[test]
fn a_request_on_the_repository_is_answered_there() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, _) = stage
        .applied("answered", &[(path, &text)], &json!({}))
        .unwrap();
    let commit = tenant.checkout().push("more").unwrap();
    let value = request(&tenant, "repository").unwrap();
    tenant.wait_applied(&commit).unwrap();
    until(
        tenant.kubectl(),
        &["repository", "answered", "-n", "answered"],
        |it| it["status"]["lastHandledReconcileAt"] == value.as_str(),
    )
    .unwrap();
}

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
fn fields_of_others_are_taken_only_by_force() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("conflict").unwrap();
    let theirs = config_map("settings", &[("level", "theirs")])
        .replace("metadata:\n", "metadata:\n  namespace: conflict\n");
    tenant.kubectl().apply(&theirs).unwrap();
    let ours = config_map("settings", &[("level", "ours")]);
    tenant
        .checkout()
        .write("deploy/settings.yaml", &ours)
        .unwrap();
    let commit = tenant.checkout().push("ours").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("deploy/settings.yaml", "Conflict")]);
    let message = sync["status"]["failures"][0]["message"].as_str().unwrap();
    for word in ["data.level", "kubectl", "conflictPolicy"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    let settings = ["configmap", "settings", "-n", "conflict"];
    let level = || tenant.kubectl().json(&settings).unwrap()["data"]["level"].clone();
    assert_eq!(level(), "theirs");

    patch_sync(&tenant, &json!({"conflictPolicy": "Force"})).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(level(), "ours");
}

#[test]
fn drift_may_be_reported_only_or_not_looked_for() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let files = [(path, text.as_str())];
    let mode = |mode: &str| json!({"driftDetection": {"mode": mode}});
    let (warned, _) = stage.applied("warned", &files, &mode("Warn")).unwrap();
    let (blind, _) = stage.applied("blind", &files, &mode("Disabled")).unwrap();
    edit_password(&blind, "edited").unwrap();
    edit_password(&warned, "edited").unwrap();
    let sync = warned
        .wait("the drift is reported", |sync| {
            condition(sync, "Drifted")["status"] == "True"
        })
        .unwrap();
    let drifted = condition(&sync, "Drifted");
    assert_eq!(drifted["reason"], "Detected");
    let message = drifted["message"].as_str().unwrap();
    assert!(
        message.contains("data.password changed by kubectl-patch"),
        "{message}"
    );
    has_password(&warned, "edited").unwrap();
    let asked = request(&blind, "sync").unwrap();
    let sync = blind
        .wait("it has looked", |sync| {
            sync["status"]["lastHandledReconcileAt"] == asked.as_str()
        })
        .unwrap();
    assert_eq!(condition(&sync, "Drifted")["reason"], "Disabled");
    has_password(&blind, "edited").unwrap();

    for tenant in [&warned, &blind] {
        patch_sync(tenant, &mode("Enabled")).unwrap();
        wait_password(tenant, "ours").unwrap();
    }
}

#[test]
fn a_request_with_nothing_to_do_costs_its_answer_and_no_more() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, _) = stage.applied("idle", &[(path, &text)], &json!({})).unwrap();
    // Other tests make Teams, and then the accounts of all Teams are looked at.
    let for_sync = |asked: &Asked| {
        asked.target.contains("/namespaces/idle/syncs/")
            || asked.acting_as.as_deref() == Some("system:serviceaccount:idle:deployer")
    };
    let asked_for = || -> Vec<Asked> {
        let mut all = stage.installation.cluster().asked().unwrap();
        all.retain(|asked| asked.verb != "watch" && for_sync(asked));
        all
    };
    let before = asked_for().len();
    for _ in 0..3 {
        let value = request(&tenant, "sync").unwrap();
        tenant
            .wait("it has looked", |sync| {
                sync["status"]["lastHandledReconcileAt"] == value.as_str()
            })
            .unwrap();
    }
    let asked = asked_for().split_off(before);
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked
            .iter()
            .all(|asked| asked.target.contains("/syncs/idle/status")),
        "{asked:?}"
    );
}

#[test]
fn success_and_failure_are_events() {
    let stage = Stage::shared().unwrap();
    let (path, text) = db();
    let (tenant, _) = stage
        .applied("events", &[(path, &text)], &json!({}))
        .unwrap();
    tenant
        .checkout()
        .write("deploy/broken.yaml", "a: [\n")
        .unwrap();
    let commit = tenant.publish("broken").unwrap();
    tenant.wait_failed(&commit, "BuildFailed").unwrap();
    eventually("both are told", Duration::from_secs(20), || {
        let messages = event_messages(&tenant)?;
        for word in ["in step with", "deploy/broken.yaml"] {
            anyhow::ensure!(
                messages.iter().any(|note| note.contains(word)),
                "{messages:?}"
            );
        }
        Ok(())
    })
    .unwrap();
}
