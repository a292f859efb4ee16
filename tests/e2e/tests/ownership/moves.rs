//! A file that moves from one Sync to another takes its object along.

use crate::managers;
use anyhow::{Result, ensure};
use lockstep_e2e::{Stage, config_map, failures, metadata, ready, until};
use lockstep_testbed::{Tenant, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// A second Repository of the tenant, on the same URL, and fetched at other times.
fn second_repository(tenant: &Tenant) -> Result<()> {
    let name = tenant.name();
    let first = tenant.kubectl().json(&["repository", name, "-n", name])?;
    let second = json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Repository",
        "metadata": {"name": "second", "namespace": name},
        "spec": first["spec"],
    });
    tenant.kubectl().apply(&second.to_string())?;
    Ok(())
}

fn fetch(tenant: &Tenant, repository: &str) {
    let now = format!(
        "reconcile.lockstep.dev/requestedAt={:?}",
        std::time::SystemTime::now()
    );
    let what = [
        "annotate",
        "--overwrite",
        "repository",
        repository,
        "-n",
        tenant.name(),
        &now,
    ];
    tenant.kubectl().run(&what).unwrap();
}

/// A second Sync of the tenant, on the folder `path`.
fn second(tenant: &Tenant, path: &str, repository: &str) -> Result<()> {
    let sync = json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
        "metadata": {"name": "second", "namespace": tenant.name()},
        "spec": {"sourceRef": {"name": repository}, "path": path, "prune": true},
    });
    tenant.kubectl().apply(&sync.to_string())?;
    Ok(())
}

fn patch(tenant: &Tenant, sync: &str, spec: &Value) {
    let patch = json!({"spec": spec}).to_string();
    tenant
        .kubectl()
        .patch(&["sync", sync, "-n", tenant.name()], &patch)
        .unwrap();
}

fn wait_for(tenant: &Tenant, sync: &str, commit: &str) -> Value {
    let what = ["sync", sync, "-n", tenant.name()];
    let revision = format!("main@sha1:{commit}");
    until(tenant.kubectl(), &what, |it| {
        it["status"]["lastAppliedRevision"] == revision.as_str() && ready(it) == "Succeeded"
    })
    .unwrap()
}

fn inventory(sync: &Value) -> usize {
    sync["status"]["inventory"]["entries"]
        .as_array()
        .map_or(0, Vec::len)
}

/// The objects of two folders; `shared` is in the first or in the second.
fn place(tenant: &Tenant, folder: &str, other: &str) {
    let text = config_map("shared", &[("a", "b")]);
    tenant
        .checkout()
        .write(&format!("{folder}/shared.yaml"), &text)
        .unwrap();
    for folder in [folder, other] {
        let own = config_map(folder, &[("a", "b")]);
        tenant
            .checkout()
            .write(&format!("{folder}/own.yaml"), &own)
            .unwrap();
    }
}

/// Moves the shared object to a folder, and has both Syncs look, `first` before the other if it is named.
fn move_to(tenant: &Tenant, to: &str, first: Option<&str>) {
    let (kubectl, shared) = (tenant.kubectl(), ["configmap", "shared", "-n", "moves"]);
    let from = if to == "one" { "two" } else { "one" };
    tenant
        .checkout()
        .remove(&format!("{from}/shared.yaml"))
        .unwrap();
    place(tenant, to, from);
    let commit = tenant.checkout().push("moved").unwrap();
    for repository in first.into_iter().chain(["moves", "second"]) {
        fetch(tenant, repository);
        if first.is_some() {
            let revision = format!("main@sha1:{commit}");
            until(kubectl, &["sync", repository, "-n", "moves"], |it| {
                it["status"]["lastAttemptedRevision"] == revision.as_str()
            })
            .unwrap();
        }
    }
    tenant.wait_applied(&commit).unwrap();
    wait_for(tenant, "second", &commit);
    let expected = if to == "one" { (2, 1) } else { (1, 2) };
    eventually("each has its own", Duration::from_secs(30), || {
        let sync = |name| kubectl.json(&["sync", name, "-n", "moves"]);
        let (mine, theirs) = (sync("moves")?, sync("second")?);
        let found = (inventory(&mine), inventory(&theirs));
        ensure!(found == expected, "{found:?}: {mine} {theirs}");
        Ok(())
    })
    .unwrap();
    let owner = if to == "one" { "moves" } else { "second" };
    assert_eq!(
        managers(kubectl, &shared),
        [format!("lockstep/moves/{owner}")]
    );
}

#[test]
fn it_is_not_deleted_on_the_way_whichever_sync_comes_first() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("moves").unwrap();
    let (kubectl, shared) = (tenant.kubectl(), ["configmap", "shared", "-n", "moves"]);
    place(&tenant, "one", "two");
    let commit = tenant.checkout().push("in the first").unwrap();
    tenant.sync(&json!({"path": "one"})).unwrap();
    second_repository(&tenant).unwrap();
    second(&tenant, "two", "second").unwrap();
    tenant.wait_applied(&commit).unwrap();
    wait_for(&tenant, "second", &commit);
    let uid = metadata(kubectl, &shared, "uid").unwrap();

    // Both come at once; then each of the two first, and the other only when that has come so far as
    // it can.
    for (to, first) in [
        ("two", None),
        ("one", Some("moves")),
        ("two", Some("moves")),
        ("one", Some("second")),
    ] {
        move_to(&tenant, to, first);
        assert_eq!(
            metadata(kubectl, &shared, "uid").unwrap(),
            uid,
            "{to} {first:?}"
        );
    }

    // What nobody wants goes.
    tenant.checkout().remove("one/shared.yaml").unwrap();
    let commit = tenant.publish("gone").unwrap();
    fetch(&tenant, "second");
    tenant.wait_applied(&commit).unwrap();
    wait_for(&tenant, "second", &commit);
    eventually("it is deleted", Duration::from_secs(30), || {
        ensure!(!kubectl.exists(&shared)?);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_a_deleted_sync_left_is_taken_over_if_the_next_one_says_so() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("renamed").unwrap();
    place(&tenant, "one", "two");
    tenant.checkout().remove("one/own.yaml").unwrap();
    let commit = tenant.checkout().push("files").unwrap();
    tenant.sync(&json!({"path": "one"})).unwrap();
    tenant.wait_applied(&commit).unwrap();
    let (kubectl, shared) = (tenant.kubectl(), ["configmap", "shared", "-n", "renamed"]);
    let uid = metadata(kubectl, &shared, "uid").unwrap();
    kubectl
        .run(&["delete", "sync", "renamed", "-n", "renamed"])
        .unwrap();
    second(&tenant, "one", "renamed").unwrap();
    let what = ["sync", "second", "-n", "renamed"];
    let sync = until(kubectl, &what, |it| ready(it) == "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("one/shared.yaml", "OwnedByOther")]);
    let message = sync["status"]["failures"][0]["message"].as_str().unwrap();
    assert!(message.contains("which was deleted"), "{message}");
    patch(&tenant, "second", &json!({"adoptionPolicy": "Adopt"}));
    wait_for(&tenant, "second", &commit);
    assert_eq!(metadata(kubectl, &shared, "uid").unwrap(), uid);
    assert_eq!(managers(kubectl, &shared), ["lockstep/renamed/second"]);
}
