//! Objects that were there before.

use crate::{apply, managers};
use lockstep_e2e::{Stage, config_map, event_messages, failures, secret, stored};
use lockstep_testbed::{Tenant, eventually};
use serde_json::json;
use std::time::Duration;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Makes a Secret as a controller and kubectl did, and a ConfigMap as kubectl did, and pushes both in
/// another form, with a third object that is new; gives the commit.
fn made_before(tenant: &Tenant) -> String {
    // The password is as in Git, and `old` is not there any more. A controller wrote the password, and
    // kubectl found it so.
    let theirs = secret("db", &[("password", &stored("ours"))]).replace("stringData:", "data:");
    let controller = ["--server-side", "--field-manager=my-controller"];
    apply(tenant, &controller, &theirs);
    apply(tenant, &[], &format!("{theirs}  old: eA==\n"));
    apply(
        tenant,
        &["--server-side"],
        &config_map("flux", &[("a", "b"), ("old", "x")]),
    );
    let files = [
        (
            "deploy/db-secret.yaml",
            secret("db", &[("password", "ours"), ("user", "u")]),
        ),
        ("deploy/flux.yaml", config_map("flux", &[("a", "b")])),
        ("deploy/new.yaml", config_map("new", &[("a", "b")])),
    ];
    for (path, text) in &files {
        tenant.checkout().write(path, text).unwrap();
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    tenant.checkout().push("files").unwrap()
}

#[test]
fn what_kubectl_made_is_left_alone_until_the_sync_says_otherwise() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("adopt").unwrap();
    let kubectl = tenant.kubectl();
    let commit = made_before(&tenant);
    let db = ["secret", "db", "-n", "adopt"];
    let before = kubectl.json(&db).unwrap();
    tenant
        .sync(&json!({"path": "deploy", "conflictPolicy": "Force"}))
        .unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    let refused = [
        ("deploy/db-secret.yaml", "AlreadyExists"),
        ("deploy/flux.yaml", "AlreadyExists"),
    ];
    assert_eq!(failures(&sync), refused);
    let message = sync["status"]["failures"][0]["message"].as_str().unwrap();
    for word in ["kubectl-client-side-apply", "adoptionPolicy"] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(kubectl.json(&db).unwrap(), before, "not even a label");
    assert!(
        kubectl
            .exists(&["configmap", "new", "-n", "adopt"])
            .unwrap()
    );
    let entries = sync["status"]["inventory"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");

    let patch = json!({"spec": {"adoptionPolicy": "Adopt", "conflictPolicy": "Refuse"}});
    kubectl
        .patch(&["sync", "adopt", "-n", "adopt"], &patch.to_string())
        .unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    let after = kubectl.json(&db).unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(
        after["data"],
        json!({"password": stored("ours"), "user": stored("u")})
    );
    assert_eq!(after["metadata"]["annotations"][LAST_APPLIED], json!(null));
    let mut who = managers(kubectl, &db);
    who.sort_unstable();
    assert_eq!(who, ["lockstep/adopt/adopt", "my-controller"]);
    assert_eq!(
        managers(kubectl, &["configmap", "flux", "-n", "adopt"]),
        ["lockstep/adopt/adopt"]
    );
    let flux = kubectl.json(&["configmap", "flux", "-n", "adopt"]).unwrap();
    assert_eq!(flux["data"], json!({"a": "b"}));
    let told = json!([{"object": "Secret adopt/db", "manager": "my-controller", "fields": [".data.password"]}]);
    assert_eq!(sync["status"]["coOwners"], told);
    eventually("it is told", Duration::from_secs(20), || {
        let messages = event_messages(&tenant)?;
        let told = |note: &String| {
            note.contains("took over Secret adopt/db from kubectl-client-side-apply")
        };
        anyhow::ensure!(messages.iter().any(told), "{messages:?}");
        Ok(())
    })
    .unwrap();
    a_key_that_leaves_git_goes(&tenant);
}

/// What left Git would stay if kubectl still owned it.
fn a_key_that_leaves_git_goes(tenant: &Tenant) {
    let kubectl = tenant.kubectl();
    let text = config_map("flux", &[("c", "d")]);
    tenant.checkout().write("deploy/flux.yaml", &text).unwrap();
    let commit = tenant.publish("another key").unwrap();
    tenant.wait_applied(&commit).unwrap();
    let flux = kubectl.json(&["configmap", "flux", "-n", "adopt"]).unwrap();
    assert_eq!(flux["data"], json!({"c": "d"}));
}

#[test]
fn values_that_differ_are_taken_over_only_by_force_as_well() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("differs").unwrap();
    let kubectl = tenant.kubectl();
    apply(
        &tenant,
        &[],
        &config_map("settings", &[("level", "theirs")]),
    );
    let ours = config_map("settings", &[("level", "ours")]);
    tenant
        .checkout()
        .write("deploy/settings.yaml", &ours)
        .unwrap();
    let commit = tenant.checkout().push("ours").unwrap();
    tenant
        .sync(&json!({"path": "deploy", "adoptionPolicy": "Adopt"}))
        .unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("deploy/settings.yaml", "Conflict")]);
    let settings = ["configmap", "settings", "-n", "differs"];
    assert_eq!(kubectl.json(&settings).unwrap()["data"]["level"], "theirs");

    let patch = json!({"spec": {"conflictPolicy": "Force"}});
    kubectl
        .patch(&["sync", "differs", "-n", "differs"], &patch.to_string())
        .unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(kubectl.json(&settings).unwrap()["data"]["level"], "ours");
    assert_eq!(managers(kubectl, &settings), ["lockstep/differs/differs"]);
}
