//! A Sync, and what it depends on, deleted one after another.

use anyhow::{Result, ensure};
use lockstep_e2e::{Stage, config_map, event_messages, ready, secret};
use lockstep_testbed::{OPERATOR_NAMESPACE, Tenant, eventually};
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Sync,
    Repository,
    Team,
    Key,
    Account,
    Rights,
    Namespace,
}

impl Thing {
    const ALL: [Self; 7] = [
        Self::Sync,
        Self::Repository,
        Self::Team,
        Self::Key,
        Self::Account,
        Self::Rights,
        Self::Namespace,
    ];

    /// Deletes it, and waits until it is gone and the operator has seen that.
    fn delete(self, tenant: &Tenant) -> Result<()> {
        let name = tenant.name();
        let key = format!("{name}-age");
        let what = match self {
            Self::Sync => ["sync", name, "-n", name],
            Self::Repository => ["repository", name, "-n", name],
            Self::Team => ["team", name, "-n", name],
            Self::Key => ["secret", key.as_str(), "-n", OPERATOR_NAMESPACE],
            Self::Account => ["serviceaccount", "deployer", "-n", name],
            Self::Rights => ["rolebinding", "deployer", "-n", name],
            Self::Namespace => ["namespace", name, "-n", name],
        };
        let kubectl = tenant.kubectl();
        // Nobody here finishes a namespace, so it stays on its way out.
        kubectl.run(&[&["delete"], &what[..], &["--wait=false"]].concat())?;
        if self == Self::Namespace {
            return Ok(());
        }
        eventually(&format!("{self:?} goes"), PATIENCE, || {
            ensure!(!kubectl.exists(&what)?, "it is there");
            Ok(())
        })?;
        let sync = ["sync", name, "-n", name];
        eventually("its end is known", PATIENCE, || match self {
            Self::Team if kubectl.exists(&sync)? => {
                let sync = kubectl.json(&sync)?;
                ensure!(ready(&sync) == "NoTeam", "{}", sync["status"]);
                Ok(())
            }
            Self::Rights => {
                let account = format!("system:serviceaccount:{name}:deployer");
                let ask = ["auth", "can-i", "delete", "secrets", "-n", name, "--as"];
                // kubectl exits with 1 for "no".
                let may = kubectl.run(&[&ask[..], &[&account]].concat());
                ensure!(may.is_err(), "it may");
                Ok(())
            }
            _ => Ok(()),
        })
    }

    /// Does a Sync that is deleted after this still find whose rights to delete its objects with?
    fn leaves_the_means(self) -> bool {
        !matches!(self, Self::Team | Self::Account | Self::Rights)
    }
}

/// Deletes everything in `order`, and the Sync at last if it is not in there.
fn run(stage: &Stage, name: &str, policy: &str, order: &[Thing]) -> Result<()> {
    let (db, settings) = (
        secret("db", &[("password", "ours")]),
        config_map("settings", &[("level", "info")]),
    );
    let files = [
        ("deploy/db-secret.yaml", db.as_str()),
        ("deploy/settings.yaml", &settings),
    ];
    let (tenant, _) = stage.applied(name, &files, &json!({"deletionPolicy": policy}))?;
    let mut whole: Vec<_> = order.to_vec();
    if !whole.contains(&Thing::Sync) {
        whole.push(Thing::Sync);
    }
    for thing in &whole {
        thing.delete(&tenant)?;
    }
    let before = whole.iter().take_while(|thing| **thing != Thing::Sync);
    let can = before.clone().all(|thing| thing.leaves_the_means());
    let stays = policy == "Orphan" || !can;
    for object in ["secret/db", "configmap/settings"] {
        let there = tenant.kubectl().exists(&[object, "-n", name])?;
        ensure!(
            there == stays,
            "{object} is {}there",
            if there { "" } else { "not " }
        );
    }
    let is_silent = before.clone().any(|thing| *thing == Thing::Namespace);
    if policy == "Prune" && stays && !is_silent {
        eventually("an event tells that the objects stay", PATIENCE, || {
            let messages = event_messages(&tenant)?;
            let told = messages
                .iter()
                .any(|note| note.starts_with("the objects stay"));
            ensure!(told, "{messages:?}");
            Ok(())
        })?;
    }
    Ok(())
}

/// Everything else goes first, one thing each time, and then the Sync.
fn each_before_the_sync(policy: &str) -> Result<()> {
    use anyhow::Context as _;
    let stage = Stage::shared()?;
    for (number, thing) in Thing::ALL.into_iter().enumerate().skip(1) {
        let name = format!("{}-{number}", policy.to_lowercase());
        run(&stage, &name, policy, &[thing, Thing::Sync])
            .with_context(|| format!("{thing:?} before the Sync, {policy}"))?;
    }
    Ok(())
}

#[test]
fn a_sync_that_prunes_ends_whatever_went_before_it() {
    each_before_the_sync("Prune").unwrap();
}

#[test]
fn a_sync_that_orphans_ends_whatever_went_before_it() {
    each_before_the_sync("Orphan").unwrap();
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn every_order_of_two_deletions_ends() {
    use anyhow::Context as _;
    let stage = Stage::start().unwrap();
    for policy in ["Prune", "Orphan"] {
        for (i, first) in Thing::ALL.into_iter().enumerate() {
            for (j, second) in Thing::ALL.into_iter().enumerate() {
                if i == j {
                    continue;
                }
                let name = format!("{}-{i}{j}", policy.to_lowercase());
                run(&stage, &name, policy, &[first, second])
                    .with_context(|| format!("{first:?}, {second:?}, {policy}"))
                    .unwrap();
            }
        }
    }
}
