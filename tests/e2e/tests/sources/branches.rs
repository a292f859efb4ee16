//! Branches and folders that are missing, rewritten or hostile.

use crate::steps::{level, patch_repository, settings, wait_repository};
use lockstep_e2e::{Stage, config_map, ready};
use lockstep_testbed::condition;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;

#[test]
fn an_empty_repository_waits_for_its_first_commit() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("empty").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let repository = wait_repository(&tenant, "BranchNotFound").unwrap();
    let message = condition(&repository, "Ready")["message"].as_str().unwrap();
    assert!(message.contains("push a first commit"), "{message}");
    tenant
        .wait("it waits", |sync| ready(sync) == "SourceNotReady")
        .unwrap();
    tenant
        .checkout()
        .write("deploy/settings.yaml", &settings("first"))
        .unwrap();
    let commit = tenant.publish("first").unwrap();
    tenant.wait_applied(&commit).unwrap();
}

#[test]
fn another_branch_is_followed_and_a_missing_one_deletes_nothing() {
    let stage = Stage::shared().unwrap();
    let file = settings("main");
    let (tenant, _) = stage
        .applied("branches", &[("deploy/settings.yaml", &file)], &json!({}))
        .unwrap();
    patch_repository(&tenant, &json!({"ref": {"branch": "release"}})).unwrap();
    let repository = wait_repository(&tenant, "BranchNotFound").unwrap();
    let message = condition(&repository, "Ready")["message"].as_str().unwrap();
    assert!(message.contains("release"), "{message}");
    assert_eq!(level(&tenant).unwrap(), "main");

    let checkout = tenant.checkout();
    checkout
        .write("deploy/settings.yaml", &settings("release"))
        .unwrap();
    let commit = checkout.commit("release").unwrap();
    checkout
        .git(&["push", "--quiet", "origin", "HEAD:release"])
        .unwrap();
    tenant.trigger().unwrap();
    let revision = format!("release@sha1:{commit}");
    tenant
        .wait("the branch is applied", |sync| {
            sync["status"]["lastAppliedRevision"] == revision.as_str()
        })
        .unwrap();
    assert_eq!(level(&tenant).unwrap(), "release");
}

#[test]
fn rewritten_history_is_followed() {
    let stage = Stage::shared().unwrap();
    let (one, two) = (settings("one"), config_map("two", &[("a", "b")]));
    let files = [
        ("deploy/settings.yaml", one.as_str()),
        ("deploy/two.yaml", &two),
    ];
    let (tenant, _) = stage.applied("rewritten", &files, &json!({})).unwrap();
    let checkout = tenant.checkout();
    checkout.remove("deploy/two.yaml").unwrap();
    checkout
        .write("deploy/settings.yaml", &settings("rewritten"))
        .unwrap();
    checkout.git(&["add", "--all"]).unwrap();
    checkout
        .git(&["commit", "--quiet", "--amend", "-m", "another past"])
        .unwrap();
    checkout
        .git(&["push", "--quiet", "--force", "origin", "HEAD:main"])
        .unwrap();
    let commit = checkout
        .git(&["rev-parse", "HEAD"])
        .unwrap()
        .trim()
        .to_owned();
    tenant.trigger().unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(level(&tenant).unwrap(), "rewritten");
    let two = ["configmap", "two", "-n", "rewritten"];
    assert!(!tenant.kubectl().exists(&two).unwrap());
}

#[test]
fn a_folder_that_goes_or_becomes_a_file_or_a_link_deletes_nothing() {
    let stage = Stage::shared().unwrap();
    let file = settings("first");
    let (tenant, _) = stage
        .applied("folder", &[("deploy/settings.yaml", &file)], &json!({}))
        .unwrap();
    let checkout = tenant.checkout();
    checkout.git(&["rm", "-r", "--quiet", "deploy"]).unwrap();
    let becomes: [&dyn Fn(); 3] = [
        &|| checkout.write("elsewhere/settings.yaml", &file).unwrap(),
        &|| checkout.write("deploy", "kind: ConfigMap\n").unwrap(),
        &|| {
            checkout.remove("deploy").unwrap();
            symlink("elsewhere", checkout.path().join("deploy")).unwrap();
        },
    ];
    for change in becomes {
        change();
        let commit = tenant.publish("no folder").unwrap();
        let held = |sync: &Value| {
            let message = condition(sync, "Ready")["message"].as_str();
            ready(sync) == "PathNotFound" && message.is_some_and(|it| it.contains(&commit))
        };
        tenant.wait("the folder is missed", held).unwrap();
        assert_eq!(level(&tenant).unwrap(), "first");
    }
    checkout.remove("deploy").unwrap();
    checkout
        .write("deploy/settings.yaml", &settings("back"))
        .unwrap();
    let commit = tenant.publish("it is back").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(level(&tenant).unwrap(), "back");
}
