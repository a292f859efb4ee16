//! Several operators on one cluster: one works, and another takes over however the first one ends.

use anyhow::{Result, ensure};
use lockstep_e2e::{Stage, config_map};
use lockstep_testbed::{Asked, Installation, OPERATOR_NAMESPACE, Operator, Tenant, eventually};
use serde_json::json;
use std::time::{Duration, Instant};

/// Longer than a lease lasts, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the holder of the lease calls itself; empty when nobody holds it.
fn holder(installation: &Installation) -> Result<String> {
    let lease = ["lease", "lockstep-operator", "-n", OPERATOR_NAMESPACE];
    let lease = installation.kubectl().json(&lease)?;
    let holder = lease["spec"]["holderIdentity"].as_str();
    Ok(holder.unwrap_or_default().to_owned())
}

/// Waits until somebody else than `before` holds the lease.
fn next_holder(installation: &Installation, before: &str) -> Result<String> {
    eventually("the lease changes hands", PATIENCE, || {
        let now = holder(installation)?;
        ensure!(!now.is_empty() && now != before, "{now:?} holds it");
        Ok(now)
    })
}

fn is_leading(operator: &Operator) -> bool {
    let metrics = operator.get("/metrics").unwrap_or_default();
    metrics.lines().any(|line| line == "lockstep_leading 1")
}

/// What the process that calls itself `identity` asked for, the lease left out.
fn asked_by(installation: &Installation, identity: &str) -> Result<Vec<Asked>> {
    let mut asked = installation.cluster().asked()?;
    asked.retain(|asked| asked.agent.contains(identity) && !asked.is_lease());
    Ok(asked)
}

/// A file with 25 ConfigMaps.
fn batch(file: usize) -> String {
    let one = |number: usize| config_map(&format!("item-{file:02}-{number:02}"), &[("a", "b")]);
    (0..25).map(one).collect::<Vec<_>>().join("---\n")
}

/// Publishes 300 objects and waits until `identity` has written some of them.
fn amid_an_apply(installation: &Installation, tenant: &Tenant, identity: &str) -> Result<String> {
    for file in 1..=12 {
        let path = format!("deploy/more-{file:02}.yaml");
        tenant.checkout().write(&path, &batch(file))?;
    }
    let commit = tenant.publish("300 more")?;
    let start = Instant::now();
    loop {
        let asked = asked_by(installation, identity)?;
        let written = asked.iter().filter(|asked| asked.target.contains("/item-"));
        if written.count() >= 20 {
            return Ok(commit);
        }
        ensure!(start.elapsed() < PATIENCE, "nothing is written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn count(tenant: &Tenant) -> Result<usize> {
    let selector = format!("lockstep.dev/sync={}", tenant.name());
    let list = ["configmap", "-n", tenant.name(), "-l", &selector];
    let list = tenant.kubectl().json(&list)?;
    Ok(list["items"].as_array().map_or(0, Vec::len))
}

#[test]
fn one_of_several_works_and_another_takes_over_when_it_is_killed_or_replaced() {
    let Stage {
        operator: first,
        installation,
    } = Stage::start().unwrap();
    let second = installation.start_operator(&[]).unwrap();
    let stage = Stage {
        operator: first,
        installation,
    };
    let first_file = config_map("first", &[("a", "b")]);
    let files = [("deploy/first.yaml", first_file.as_str())];
    let (tenant, _) = stage.applied("several", &files, &json!({})).unwrap();
    let Stage {
        operator: first,
        installation,
    } = stage;
    assert!(is_leading(&first) && !is_leading(&second));
    let leader = holder(&installation).unwrap();
    let asked = installation.cluster().asked().unwrap();
    let working: Vec<_> = asked.iter().filter(|asked| !asked.is_lease()).collect();
    assert!(
        working.iter().all(|asked| asked.agent.contains(&leader)),
        "who stands by asks for the lease only: {working:?}"
    );

    amid_an_apply(&installation, &tenant, &leader).unwrap();
    // SIGKILL.
    drop(first);
    let half = count(&tenant).unwrap();
    assert!(half < 301, "all were written before the end");
    let leader = next_holder(&installation, &leader).unwrap();
    eventually("the second one finishes", PATIENCE, || {
        let now = count(&tenant)?;
        ensure!(now == 301 && is_leading(&second), "{now} are there");
        Ok(())
    })
    .unwrap();

    // As in a rolling update: the new one is ready before the old one is told to end.
    let third = installation.start_operator(&[]).unwrap();
    let (status, log) = second.stop(PATIENCE).unwrap();
    assert!(status.success(), "{status}\n{log}");
    next_holder(&installation, &leader).unwrap();
    let second_file = config_map("first", &[("a", "c")]);
    let checkout = tenant.checkout();
    checkout.write("deploy/first.yaml", &second_file).unwrap();
    let commit = tenant.publish("another").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert!(is_leading(&third));
}

#[test]
fn a_paused_leader_that_wakes_up_writes_nothing() {
    let stage = Stage::start().unwrap();
    let first_file = config_map("first", &[("a", "b")]);
    let files = [("deploy/first.yaml", first_file.as_str())];
    let (tenant, _) = stage.applied("paused", &files, &json!({})).unwrap();
    let Stage {
        operator: first,
        installation,
    } = stage;
    let second = installation.start_operator(&[]).unwrap();
    let leader = holder(&installation).unwrap();
    let commit = amid_an_apply(&installation, &tenant, &leader).unwrap();
    first.pause().unwrap();
    next_holder(&installation, &leader).unwrap();
    tenant.wait_applied(&commit).unwrap();
    let before = asked_by(&installation, &leader).unwrap();
    let written = before
        .iter()
        .filter(|asked| asked.target.contains("/item-"));
    assert!(
        written.count() < 300,
        "it was paused too late to show anything"
    );

    first.resume().unwrap();
    let (status, log) = first.ended(PATIENCE).unwrap();
    assert!(!status.success(), "{status}\n{log}");
    assert!(log.contains("the lease was lost to"), "{log}");
    let after = asked_by(&installation, &leader).unwrap();
    let woken: Vec<_> = after[before.len()..]
        .iter()
        .filter(|asked| asked.is_write())
        .collect();
    assert!(woken.is_empty(), "{woken:?}");
    assert!(is_leading(&second));
}
