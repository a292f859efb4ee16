//! The process: it may end at any moment, and its disk may fill or rot.

use anyhow::{Context as _, Result, ensure};
use lockstep_e2e::{Stage, config_map, ready, secret, stored, until};
use lockstep_testbed::{
    Fault, Installation, OPERATOR_NAMESPACE, Operator, Tenant, condition, eventually,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long a pod is given to end, by default.
const GRACE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(60);

/// How an operator ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    Term,
}

/// Ends it; after a kill, as an administrator who knows that it is gone, without waiting for its lease.
fn end(operator: Operator, how: End, installation: &Installation) -> Result<()> {
    match how {
        End::Kill => {
            drop(operator);
            let lease = [
                "delete",
                "lease",
                "lockstep-operator",
                "-n",
                OPERATOR_NAMESPACE,
            ];
            installation.kubectl().run(&lease)?;
        }
        End::Term => {
            let (status, log) = operator.stop(GRACE)?;
            ensure!(status.success(), "{status}\n{log}");
        }
    }
    Ok(())
}

/// Pushes another state of the folder: one Secret and forty ConfigMaps, half of them new and the rest
/// gone. Gives the names of the ConfigMaps.
fn push(tenant: &Tenant, round: usize) -> Result<(String, BTreeSet<String>)> {
    let checkout = tenant.checkout();
    let names = |round: usize| (0..20).map(move |number| format!("item-{round}-{number:02}"));
    for (file, of) in [("new", round), ("old", round - 1)] {
        let objects: Vec<_> = names(of)
            .map(|name| config_map(&name, &[("round", &format!("r{of}"))]))
            .collect();
        checkout.write(&format!("deploy/{file}.yaml"), &objects.join("---\n"))?;
    }
    let db = secret("db", &[("password", &format!("round-{round}"))]);
    checkout.write("deploy/db-secret.yaml", &db)?;
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let wanted = names(round).chain(names(round - 1)).collect();
    Ok((tenant.publish(&format!("round {round}"))?, wanted))
}

/// The cluster has what was pushed and nothing that left, and all of it is in the inventory.
fn is_in_step(
    tenant: &Tenant,
    sync: &Value,
    round: usize,
    wanted: &BTreeSet<String>,
) -> Result<()> {
    let selector = format!("lockstep.dev/sync={}", tenant.name());
    let list = ["configmap", "-n", tenant.name(), "-l", &selector];
    let list = tenant.kubectl().json(&list)?;
    let items = list["items"].as_array().context("no list")?;
    let there: BTreeSet<_> = items
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .map(str::to_owned)
        .collect();
    ensure!(
        there == *wanted,
        "round {round}: {there:?} instead of {wanted:?}"
    );
    let password = tenant.secret_value("db", "password")?;
    ensure!(
        password == Some(stored(&format!("round-{round}"))),
        "round {round}: {password:?}"
    );
    let entries = sync["status"]["inventory"]["entries"]
        .as_array()
        .context("no inventory")?;
    let known = entries
        .iter()
        .filter(|entry| entry["uid"].is_string())
        .count();
    ensure!(known == wanted.len() + 1, "round {round}: {entries:?}");
    Ok(())
}

/// Ends the operator `rounds` times at random moments of its work, by SIGKILL and SIGTERM in turn, and
/// starts another one each time, with an empty store.
fn end_often(name: &str, rounds: usize) -> Result<()> {
    let stage = Stage::start()?;
    let tenant = stage.tenant(name)?;
    let (commit, _) = push_first(&tenant)?;
    tenant.wait_applied(&commit)?;
    let Stage {
        operator,
        installation,
    } = stage;
    let mut operator = operator;
    for round in 2..rounds + 2 {
        let (commit, wanted) = push(&tenant, round)?;
        // From before the fetch to after the report.
        let moment = rand::random_range(0..1500);
        std::thread::sleep(Duration::from_millis(moment));
        let how = if round % 2 == 0 { End::Kill } else { End::Term };
        end(operator, how, &installation)?;
        operator = installation.start_operator(&[])?;
        let sync = tenant.wait_applied(&commit)?;
        is_in_step(&tenant, &sync, round, &wanted)
            .with_context(|| format!("{how:?} after {moment} ms"))?;
    }
    Ok(())
}

/// The first state, and a Sync that wants it.
fn push_first(tenant: &Tenant) -> Result<(String, BTreeSet<String>)> {
    tenant.sync(&json!({"path": "deploy"}))?;
    push(tenant, 1)
}

#[test]
fn an_end_at_any_moment_orphans_nothing_and_the_next_one_finishes() {
    end_often("ends", 4).unwrap();
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn a_hundred_ends_orphan_nothing() {
    end_often("hundred", 100).unwrap();
}

#[test]
fn sigterm_amid_a_fetch_that_stalls_ends_in_time() {
    let stage = Stage::start().unwrap();
    let file = config_map("settings", &[("level", "info")]);
    let files = [("deploy/settings.yaml", file.as_str())];
    let (tenant, _) = stage.applied("stalled", &files, &json!({})).unwrap();
    let server = stage.installation.server();
    let before = server.handled().len();
    server.set_fault(Some(Fault::StallAfter(20)));
    tenant.trigger().unwrap();
    eventually("the fetch has begun", PATIENCE, || {
        ensure!(server.handled().len() > before, "not yet");
        Ok(())
    })
    .unwrap();
    let Stage {
        operator,
        installation,
    } = stage;
    end(operator, End::Term, &installation).unwrap();
    installation.server().set_fault(None);
    let _operator = installation.start_operator(&[]).unwrap();
    let file = config_map("settings", &[("level", "debug")]);
    tenant
        .checkout()
        .write("deploy/settings.yaml", &file)
        .unwrap();
    let commit = tenant.publish("another").unwrap();
    tenant.wait_applied(&commit).unwrap();
}

fn repository(tenant: &Tenant, reason: &str) -> Result<Value> {
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    until(tenant.kubectl(), &what, |it| ready(it) == reason)
}

/// The packs in the operator's store.
fn packs(operator: &Operator) -> Result<Vec<PathBuf>> {
    let mut folders = vec![operator.folder().join("store")];
    let mut packs = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "pack") {
                packs.push(path);
            }
        }
    }
    Ok(packs)
}

#[test]
fn a_store_that_is_full_or_damaged_is_told_of_and_heals() {
    let stage = Stage::start().unwrap();
    let db = secret("db", &[("password", "first")]);
    let files = [("deploy/db-secret.yaml", db.as_str())];
    let (tenant, first) = stage.applied("store", &files, &json!({})).unwrap();

    // What does not compress does not fit.
    stage.operator.limit_files(Some(64 << 10)).unwrap();
    let mut large = vec![0_u8; 400_000];
    rand::fill(&mut large[..]);
    let large: String = large.iter().map(|byte| format!("{byte:02x}")).collect();
    let checkout = tenant.checkout();
    checkout.write("large.txt", &large).unwrap();
    let db = secret("db", &[("password", "second")]);
    checkout.write("deploy/db-secret.yaml", &db).unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let second = tenant.publish("large").unwrap();
    repository(&tenant, "StorageFailed").unwrap();
    let value = tenant.secret_value("db", "password").unwrap();
    assert_eq!(
        value,
        Some(stored("first")),
        "nothing of {second} is applied"
    );
    let sync = tenant.wait_applied(&first).unwrap();
    assert_eq!(condition(&sync, "Ready")["status"], "True");
    stage.operator.limit_files(None).unwrap();
    tenant.wait_applied(&second).unwrap();

    // Every pack is spoiled where its objects are; the operator has them open.
    for pack in packs(&stage.operator).unwrap() {
        spoil(&pack).unwrap();
    }
    let object = ["sync", "store", "-n", "store"];
    let patch = json!({"spec": {"interval": "30s"}}).to_string();
    tenant.kubectl().patch(&object, &patch).unwrap();
    until(tenant.kubectl(), &object, |it| {
        condition(it, "Ready")["status"] == "False"
    })
    .unwrap();
    let value = tenant.secret_value("db", "password").unwrap();
    assert_eq!(
        value,
        Some(stored("second")),
        "what cannot be read deletes nothing"
    );
    tenant.trigger().unwrap();
    until(tenant.kubectl(), &object, |it| ready(it) == "Succeeded").unwrap();
}

/// Overwrites a pack from its header on, in place.
fn spoil(pack: &std::path::Path) -> Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let length = std::fs::metadata(pack)?.len();
    // gix makes packs read-only.
    let mut permissions = std::fs::metadata(pack)?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(pack, permissions)?;
    let mut file = std::fs::OpenOptions::new().write(true).open(pack)?;
    file.seek(SeekFrom::Start(12))?;
    let spoiled = vec![0xaa; usize::try_from(length.saturating_sub(12))?];
    file.write_all(&spoiled).context("spoiling a pack")
}
