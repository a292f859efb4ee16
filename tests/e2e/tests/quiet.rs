//! What the operator asks of the API server and of Git: only what it must, as the team, and again
//! when it got no answer.

use anyhow::{Result, ensure};
use lockstep_e2e::{Stage, config_map, secret, until};
use lockstep_testbed::{Asked, Fault, Tenant, condition, eventually};
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A tenant with one Secret and one ConfigMap, applied.
fn applied(stage: &Stage, name: &str) -> Result<(Tenant, String)> {
    let db = secret("db", &[("password", "first")]);
    let settings = config_map("settings", &[("level", "info")]);
    let files = [
        ("deploy/db-secret.yaml", db.as_str()),
        ("deploy/settings.yaml", &settings),
    ];
    let applied = stage.applied(name, &files, &json!({}))?;
    // A Team that was there before its rights says so only a little later.
    until(applied.0.kubectl(), &["team", name], |team| {
        condition(team, "Ready")["status"] == "True"
    })?;
    Ok(applied)
}

/// How often Syncs were reconciled so far.
fn reconciles(stage: &Stage) -> Result<u64> {
    let metrics = stage.operator.get("/metrics")?;
    let counters = metrics
        .lines()
        .filter(|line| line.starts_with("lockstep_reconciles_total{") && line.contains("\"Sync\""));
    Ok(counters
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum())
}

/// Waits until `count` has grown by `more`.
fn wait_for(more: u64, count: impl Fn() -> Result<u64>) -> Result<()> {
    let goal = count()? + more;
    eventually("it happens again", PATIENCE, || {
        let now = count()?;
        ensure!(now >= goal, "{now} of {goal} times");
        Ok(())
    })
}

/// What was asked while `count` grew by `more`, but for the watches that stay open and the lease.
fn asked_while(stage: &Stage, more: u64, count: impl Fn() -> Result<u64>) -> Result<Vec<Asked>> {
    let before = stage.installation.cluster().asked()?.len();
    wait_for(more, count)?;
    let mut asked = stage.installation.cluster().asked()?.split_off(before);
    asked.retain(|asked| asked.verb != "watch" && !asked.is_lease());
    Ok(asked)
}

fn often(tenant: &Tenant, kind: &str) -> Result<()> {
    let patch = json!({"spec": {"interval": "1s"}}).to_string();
    tenant
        .kubectl()
        .patch(&[kind, tenant.name(), "-n", tenant.name()], &patch)?;
    Ok(())
}

#[test]
fn reconciles_with_nothing_to_do_ask_nothing() {
    let stage = Stage::start().unwrap();
    let (tenant, _) = applied(&stage, "quiet").unwrap();
    often(&tenant, "sync").unwrap();
    // The change of the interval is itself something to do.
    wait_for(2, || reconciles(&stage)).unwrap();
    let asked = asked_while(&stage, 5, || reconciles(&stage)).unwrap();
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn fetches_that_find_nothing_new_ask_only_for_the_account_and_its_credentials() {
    let stage = Stage::start().unwrap();
    let (tenant, _) = applied(&stage, "still").unwrap();
    often(&tenant, "repository").unwrap();
    let fetches = || Ok(stage.installation.server().handled().len() as u64);
    wait_for(4, fetches).unwrap();
    let asked = asked_while(&stage, 10, fetches).unwrap();
    // Both may have changed, and no watch of the operator's own may see the credentials.
    let needed = ["/serviceaccounts/deployer", "/secrets/git-credentials"];
    for asked in asked {
        assert_eq!(asked.verb, "get", "{asked:?}");
        assert!(
            needed.iter().any(|end| asked.target.ends_with(end)),
            "{asked:?}"
        );
    }
}

#[test]
fn everything_is_done_as_the_team() {
    let stage = Stage::start().unwrap();
    applied(&stage, "acting").unwrap();
    let asked = stage.installation.cluster().asked().unwrap();
    let (acted, own): (Vec<&Asked>, Vec<&Asked>) =
        asked.iter().partition(|asked| asked.acting_as.is_some());
    for asked in own
        .iter()
        .filter(|asked| asked.target.contains("/namespaces/acting/"))
    {
        let reports = asked.target.contains("/status") || asked.target.contains("/events");
        let account = asked.verb == "get" && asked.target.contains("/serviceaccounts/deployer");
        assert!(reports || account, "{asked:?}");
    }
    let deployer = "system:serviceaccount:acting:deployer";
    assert!(acted.iter().any(|asked| asked.verb == "patch"), "{acted:?}");
    assert!(
        acted
            .iter()
            .all(|asked| asked.acting_as.as_deref() == Some(deployer)),
        "{acted:?}"
    );
    // Whether it is there already is asked once, of its metadata.
    let read: Vec<_> = acted
        .iter()
        .filter(|asked| asked.verb == "get" && asked.target.contains("/secrets/"))
        .filter(|asked| asked.status != 404)
        .filter(|asked| !asked.target.contains("git-credentials"))
        .collect();
    assert!(read.is_empty(), "a Secret is read back: {read:?}");
}

#[test]
fn a_git_server_in_trouble_costs_nothing_but_time() {
    let stage = Stage::start().unwrap();
    let (tenant, commit) = applied(&stage, "trouble").unwrap();
    let wait_ready = |wanted: &str| {
        eventually("the Repository says so", PATIENCE, || {
            let repository = tenant
                .kubectl()
                .json(&["repository", "trouble", "-n", "trouble"])?;
            let status = &condition(&repository, "Ready")["status"];
            ensure!(status == wanted, "{}", repository["status"]);
            Ok(())
        })
    };
    for fault in [Fault::Status(503), Fault::CutAfter(20), Fault::Status(401)] {
        stage.installation.server().set_fault(Some(fault));
        tenant.trigger().unwrap();
        wait_ready("False").unwrap();
        assert!(
            tenant
                .kubectl()
                .exists(&["secret", "db", "-n", "trouble"])
                .unwrap()
        );
        stage.installation.server().set_fault(None);
        tenant.trigger().unwrap();
        wait_ready("True").unwrap();
    }
    tenant.wait_applied(&commit).unwrap();
}
