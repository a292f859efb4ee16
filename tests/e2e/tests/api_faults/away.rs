//! The API server is away for a while, or comes back as it was long before.

use crate::rig::{Rig, check_inventory, inventory, labelled};
use anyhow::{Result, ensure};
use lockstep_e2e::{config_map, metadata, secret, stored};
use lockstep_testbed::{Tenant, condition, eventually};
use serde_json::json;
use std::time::Duration;

/// How long to wait for a cluster that has come back: the longest pause between two tries, and some.
const PATIENCE: Duration = Duration::from_secs(90);

const DB: &str = "deploy/db-secret.yaml";
const SETTINGS: &str = "deploy/settings.yaml";

fn applied(rig: &Rig, name: &str) -> Result<Tenant> {
    let files = [
        (DB, secret("db", &[("password", "ours")])),
        (SETTINGS, config_map("settings", &[("level", "info")])),
        ("deploy/other.yaml", config_map("other", &[("a", "b")])),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    Ok(rig.stage.applied(name, &files, &json!({}))?.0)
}

/// Waits until the objects are as Git has them.
fn wait_in_step(tenant: &Tenant, password: &str) -> Result<()> {
    eventually("the cluster is as Git has it", PATIENCE, || {
        let now = tenant.secret_value("db", "password")?;
        ensure!(now == Some(stored(password)), "the password is {now:?}");
        let there = labelled(tenant)?;
        ensure!(there.len() == 3, "{there:?}");
        Ok(())
    })
}

fn change(tenant: &Tenant) -> Result<()> {
    let name = tenant.name();
    let edit = json!({"data": {"password": stored("edited")}}).to_string();
    tenant
        .kubectl()
        .patch(&["secret", "db", "-n", name], &edit)?;
    let delete = ["delete", "configmap", "settings", "-n", name];
    tenant.kubectl().run(&delete)?;
    Ok(())
}

/// Nothing comes through for `time`; what was changed meanwhile is put back, and nothing else written.
fn silence(time: Duration) -> Result<()> {
    let rig = Rig::start()?;
    let tenant = applied(&rig, "silent")?;
    let other = ["configmap", "other", "-n", "silent"];
    let version = metadata(tenant.kubectl(), &other, "resourceVersion")?;
    rig.proxy.go_silent();
    change(&tenant)?;
    std::thread::sleep(time);
    let edited = tenant.secret_value("db", "password")?;
    ensure!(edited == Some(stored("edited")), "something came through");
    rig.proxy.speak_again();
    wait_in_step(&tenant, "ours")?;
    check_inventory(&tenant)?;
    let now = metadata(tenant.kubectl(), &other, "resourceVersion")?;
    ensure!(now == version, "what nobody changed was written");
    rig.check_idle(&tenant)
}

#[test]
fn what_changed_while_nothing_came_through_is_put_back() {
    silence(Duration::from_secs(10)).unwrap();
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn what_changed_in_five_minutes_of_silence_is_put_back() {
    silence(Duration::from_secs(300)).unwrap();
}

/// The API server ends and comes back while there is work to do.
#[test]
fn an_api_server_that_comes_back_is_caught_up_with() {
    let rig = Rig::start().unwrap();
    let tenant = applied(&rig, "gone").unwrap();
    let cluster = rig.stage.installation.cluster();
    change(&tenant).unwrap();
    cluster.stop_api_server().unwrap();
    let text = secret("db", &[("password", "second")]);
    tenant.checkout().write(DB, &text).unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.checkout().push("while it is away").unwrap();
    // Long enough for every watch to notice and every pause to have begun.
    std::thread::sleep(Duration::from_secs(5));
    cluster.start_api_server().unwrap();
    tenant.trigger().unwrap();
    eventually("the commit is applied", PATIENCE, || {
        tenant.wait_applied(&commit)
    })
    .unwrap();
    wait_in_step(&tenant, "second").unwrap();
    check_inventory(&tenant).unwrap();
    rig.check_idle(&tenant).unwrap();
}

/// etcd is put back to an older moment, resource versions included: what was applied since is applied
/// again, what was pruned since goes again, and nothing that Git wants is deleted.
#[test]
fn an_etcd_restored_from_an_older_snapshot_is_brought_up_to_date() {
    let mut rig = Rig::start().unwrap();
    let tenant = applied(&rig, "restored").unwrap();
    let cluster = rig.stage.installation.cluster();
    let checkout = tenant.checkout();
    checkout
        .write("deploy/leaves.yaml", &config_map("leaves", &[("a", "b")]))
        .unwrap();
    let commit = tenant.publish("one that leaves").unwrap();
    tenant.wait_applied(&commit).unwrap();
    let snapshot = cluster.snapshot().unwrap();

    let text = secret("db", &[("password", "second")]);
    checkout.write(DB, &text).unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    checkout
        .write("deploy/new.yaml", &config_map("new", &[("a", "b")]))
        .unwrap();
    checkout.remove("deploy/leaves.yaml").unwrap();
    checkout.remove(SETTINGS).unwrap();
    let commit = tenant.publish("second").unwrap();
    tenant.wait_applied(&commit).unwrap();
    let wanted = labelled(&tenant).unwrap();
    // Resource versions have to be well past those of the snapshot.
    for n in 0..30 {
        let patch = json!({"metadata": {"annotations": {"n": n.to_string()}}}).to_string();
        tenant
            .kubectl()
            .patch(&["namespace", "default"], &patch)
            .unwrap();
    }

    cluster.restore(&snapshot).unwrap();
    assert!(labelled(&tenant).unwrap() != wanted, "it is the old state");
    // It ends, as one that Kubernetes starts again may.
    let log = rig.stage.operator.wait_ended(PATIENCE).unwrap();
    assert!(log.contains("put back to an earlier state"), "{log}");
    rig.restart().unwrap();
    let revision = format!("main@sha1:{commit}");
    eventually("all is as before the restore", PATIENCE, || {
        let there = labelled(&tenant)?;
        ensure!(there == wanted, "{there:?}");
        let now = tenant.secret_value("db", "password")?;
        ensure!(now == Some(stored("second")), "the password is {now:?}");
        let sync = tenant
            .kubectl()
            .json(&["sync", "restored", "-n", "restored"])?;
        ensure!(inventory(&sync) == wanted, "{:?}", inventory(&sync));
        ensure!(
            sync["status"]["lastAppliedRevision"] == revision.as_str(),
            "{}",
            sync["status"]
        );
        ensure!(
            condition(&sync, "Ready")["status"] == "True",
            "{}",
            sync["status"]
        );
        Ok(())
    })
    .unwrap();
}
