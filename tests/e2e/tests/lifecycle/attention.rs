//! When a Sync looks, and what it says and does then.

use crate::steps::{db, edit_password, has_password, patch_sync, request, wait_password};
use lockstep_e2e::{Stage, config_map, event_messages, ready, until};
use lockstep_testbed::{Asked, Tenant, condition, eventually};
use serde_json::json;
use std::time::Duration;

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
