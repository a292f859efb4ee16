//! Operators that end, in order or not, and those that come after them.

use anyhow::Result;
use lockstep_e2e::{Stage, config_map, metadata, secret, stored};
use lockstep_testbed::{Installation, Tenant, condition, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a pod is given to end, by default.
const GRACE: Duration = Duration::from_secs(30);

#[test]
fn a_restart_rewrites_nothing_but_what_moved_meanwhile() {
    let stage = Stage::start().unwrap();
    let db = secret("db", &[("password", "ours")]);
    let settings = config_map("settings", &[("level", "info")]);
    let gone = config_map("gone", &[("level", "info")]);
    let files = [
        ("deploy/db-secret.yaml", db.as_str()),
        ("deploy/settings.yaml", &settings),
        ("deploy/gone.yaml", &gone),
    ];
    let (tenant, commit) = stage.applied("restart", &files, &json!({})).unwrap();
    let Stage {
        operator,
        installation,
    } = stage;
    let before = tenant.wait_applied(&commit).unwrap();
    let (status, log) = operator.stop(GRACE).unwrap();
    assert!(status.success(), "{status}\n{log}");

    let kubectl = tenant.kubectl();
    let edit = json!({"data": {"password": stored("edited")}}).to_string();
    kubectl
        .patch(&["secret", "db", "-n", "restart"], &edit)
        .unwrap();
    kubectl
        .run(&["delete", "configmap", "gone", "-n", "restart"])
        .unwrap();
    let untouched = ["configmap", "settings", "-n", "restart"];
    let version = metadata(kubectl, &untouched, "resourceVersion").unwrap();

    // Its store is a new and empty folder: what was fetched is lost, as in a new pod.
    let _operator = installation.start_operator(&[]).unwrap();
    eventually("what moved is put back", GRACE, || {
        let now = tenant.secret_value("db", "password")?;
        anyhow::ensure!(now == Some(stored("ours")), "it is {now:?}");
        anyhow::ensure!(
            kubectl.exists(&["configmap", "gone", "-n", "restart"])?,
            "not there"
        );
        Ok(())
    })
    .unwrap();
    assert_eq!(
        metadata(kubectl, &untouched, "resourceVersion").unwrap(),
        version
    );
    let after = tenant.wait_applied(&commit).unwrap();
    let since = |sync: &Value| condition(sync, "Ready")["lastTransitionTime"].clone();
    assert_eq!(since(&after), since(&before), "it was ready all the time");
}

/// What no watch tells of, here because nobody watches, the slow apply finds.
#[test]
fn everything_is_applied_again_now_and_then() {
    let stage = Stage::start().unwrap();
    let db = secret("db", &[("password", "ours")]);
    let unwatched = json!({"interval": "1s", "driftDetection": {"mode": "Disabled"}});
    let (tenant, _) = stage
        .applied("slowly", &[("deploy/db-secret.yaml", &db)], &unwatched)
        .unwrap();
    let Stage {
        operator,
        installation,
    } = stage;
    let (status, log) = operator.stop(GRACE).unwrap();
    assert!(status.success(), "{status}\n{log}");
    let _operator = installation
        .start_operator(&["--full-apply-interval", "3s"])
        .unwrap();
    // The first apply after a start is a full one as well: two edits, so that one comes after it.
    for round in ["first", "second"] {
        let edit = json!({"data": {"password": stored(round)}}).to_string();
        let secret = ["secret", "db", "-n", "slowly"];
        tenant.kubectl().patch(&secret, &edit).unwrap();
        eventually("the edit is put back", GRACE, || {
            let now = tenant.secret_value("db", "password")?;
            anyhow::ensure!(now == Some(stored("ours")), "it is {now:?}");
            Ok(())
        })
        .unwrap();
    }
}

/// Names of the ConfigMaps that carry the tenant's label.
fn labelled(tenant: &Tenant) -> Result<BTreeSet<String>> {
    let name = tenant.name();
    let selector = format!("lockstep.dev/sync={name}");
    let what = ["configmap", "-n", name, "-l", &selector];
    let list = tenant.kubectl().json(&what)?;
    let items = list["items"].as_array().into_iter().flatten();
    let names = items.filter_map(|item| item["metadata"]["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The inventory of a Sync.
fn inventory(sync: &Value) -> &[Value] {
    let entries = sync["status"]["inventory"]["entries"].as_array();
    entries.map_or(&[], Vec::as_slice)
}

/// A file with 25 ConfigMaps.
fn batch(file: usize) -> String {
    let one = |number: usize| config_map(&format!("item-{file:02}-{number:02}"), &[("a", "b")]);
    (0..25).map(one).collect::<Vec<_>>().join("---\n")
}

/// Waits until that many objects of the tenant have been written, so that an end falls in between.
fn wait_written(installation: &Installation, tenant: &Tenant, least: usize) -> Result<usize> {
    let of_tenant = format!("/namespaces/{}/configmaps/item-", tenant.name());
    let start = Instant::now();
    loop {
        let asked = installation.cluster().asked()?;
        let written = asked
            .iter()
            .filter(|asked| asked.target.contains(&of_tenant))
            .count();
        if written >= least {
            return Ok(written);
        }
        anyhow::ensure!(start.elapsed() < GRACE, "{written} written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_kill_amid_an_apply_orphans_nothing() {
    let stage = Stage::start().unwrap();
    let (tenant, _) = stage
        .applied("killed", &[("deploy/first.yaml", &batch(0))], &json!({}))
        .unwrap();
    let Stage {
        operator,
        installation,
    } = stage;
    let before = wait_written(&installation, &tenant, 25).unwrap();
    for file in 1..=12 {
        tenant
            .checkout()
            .write(&format!("deploy/more-{file:02}.yaml"), &batch(file))
            .unwrap();
    }
    tenant.publish("300 more").unwrap();
    wait_written(&installation, &tenant, before + 20).unwrap();
    // SIGKILL.
    drop(operator);
    let half = labelled(&tenant).unwrap();
    assert!(
        half.len() > 25 && half.len() < 325,
        "{} were written",
        half.len()
    );

    // What Git has no more when the next operator starts was never reported as applied.
    for file in 1..=11 {
        tenant
            .checkout()
            .remove(&format!("deploy/more-{file:02}.yaml"))
            .unwrap();
    }
    let commit = tenant.publish("most of it is gone").unwrap();
    let _operator = installation.start_operator(&[]).unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    let there = labelled(&tenant).unwrap();
    let wanted: BTreeSet<_> = [0, 12]
        .iter()
        .flat_map(|file| (0..25).map(move |number| format!("item-{file:02}-{number:02}")))
        .collect();
    assert_eq!(there, wanted);
    let entries = inventory(&sync);
    assert_eq!(entries.len(), 50);
    assert!(
        entries.iter().all(|entry| entry["uid"].is_string()),
        "{entries:?}"
    );
}

#[test]
fn sigterm_amid_an_apply_ends_in_time_and_leaves_an_inventory() {
    let stage = Stage::start().unwrap();
    let (tenant, _) = stage
        .applied("ended", &[("deploy/first.yaml", &batch(0))], &json!({}))
        .unwrap();
    let Stage {
        operator,
        installation,
    } = stage;
    let before = wait_written(&installation, &tenant, 25).unwrap();
    for file in 1..=12 {
        tenant
            .checkout()
            .write(&format!("deploy/more-{file:02}.yaml"), &batch(file))
            .unwrap();
    }
    let commit = tenant.publish("300 more").unwrap();
    wait_written(&installation, &tenant, before + 20).unwrap();
    let (status, log) = operator.stop(GRACE).unwrap();
    assert!(status.success(), "{status}\n{log}");
    let sync = tenant
        .kubectl()
        .json(&["sync", "ended", "-n", "ended"])
        .unwrap();
    let there = labelled(&tenant).unwrap();
    let known: BTreeSet<_> = inventory(&sync)
        .iter()
        .filter_map(|entry| entry["id"].as_str()?.split('_').nth(1))
        .map(str::to_owned)
        .collect();
    assert!(there.is_subset(&known), "{:?}", there.difference(&known));

    let _operator = installation.start_operator(&[]).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(labelled(&tenant).unwrap().len(), 325);
}
