//! What is left of a secret value once it is in the cluster: nothing in the operator's memory, and
//! nothing ever in its logs, events, status, metrics, files or core dumps.
//!
//! Memory is searched through `/proc/PID/mem`, which takes root, or an operator in a user namespace.

mod canaries;
mod forms;
mod hardening;
mod memory;
mod secrets;

use anyhow::{Context as _, Result, ensure};
use forms::{Forms, Needles};
use lockstep_e2e::{Stage, stored};
use lockstep_testbed::{Installation, Operator, Tenant, eventually};
use memory::scan;
use secrets::{Secret, hundred};
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// The stage of all tests that run now. Its operator says as much as it can.
pub(crate) fn stage() -> Result<Arc<Stage>> {
    static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stage) = shared.upgrade() {
        return Ok(stage);
    }
    let installation = Arc::new(Installation::start()?);
    let stage = Arc::new(Stage {
        operator: installation.start_operator(&["--log-level", "debug"])?,
        installation,
    });
    *shared = Arc::downgrade(&stage);
    Ok(stage)
}

/// A tenant whose 100 Secrets are in the cluster.
fn applied_hundred(stage: &Stage, name: &str) -> Result<(Tenant, Vec<Secret>)> {
    let tenant = stage.tenant(name)?;
    let (files, secrets) = hundred();
    for (path, text) in files {
        tenant.checkout().write(&path, &text)?;
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let commit = tenant.checkout().push("a hundred Secrets")?;
    tenant.sync(&json!({"path": "deploy"}))?;
    tenant.wait_applied(&commit)?;
    for secret in [&secrets[0], &secrets[97], &secrets[98], &secrets[99]] {
        let value = tenant.secret_value(&secret.name, "value")?;
        ensure!(
            value == Some(stored(&secret.value)),
            "{} differs",
            secret.name
        );
    }
    Ok((tenant, secrets))
}

fn needles(secrets: &[Secret]) -> Needles {
    let values = secrets.iter();
    Needles::new(
        Forms::Plain,
        values.map(|secret| (secret.name.as_str(), secret.value.as_bytes())),
    )
}

/// Fails unless the search finds what the operator must hold: its own token for the API server.
fn check_search(operator: &Operator) -> Result<()> {
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", operator.id()))?;
    let mut arguments = arguments
        .split('\0')
        .skip_while(|argument| *argument != "--kubeconfig");
    let kubeconfig = PathBuf::from(arguments.nth(1).context("no kubeconfig in the arguments")?);
    let kubeconfig = std::fs::read_to_string(kubeconfig)?;
    let token = kubeconfig
        .split_once("token: ")
        .context("no token in the kubeconfig")?
        .1;
    let token = token
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_matches('"');
    let control = Needles::new(Forms::Plain, [("the token", token.as_bytes())]);
    let scan = scan(operator.id(), &control)?;
    ensure!(
        !scan.found.is_empty(),
        "the search does not find what is there, in {} bytes",
        scan.bytes
    );
    Ok(())
}

#[test]
fn after_a_reconcile_no_value_is_in_memory() {
    let stage = stage().unwrap();
    let (tenant, mut secrets) = applied_hundred(&stage, "idle").unwrap();
    check_search(&stage.operator).unwrap();
    // The operator holds the identity itself, but not the text that it was read from.
    let identity = tenant.cluster_key().identity_text().unwrap();
    let line = identity
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-"));
    secrets.push(Secret {
        name: "the identity".to_owned(),
        value: line
            .unwrap()
            .trim_start_matches("AGE-SECRET-KEY-1")
            .to_owned(),
    });
    let scan = scan(stage.operator.id(), &needles(&secrets)).unwrap();
    scan.expect_nothing("after the reconcile").unwrap();
}

/// Pushes a changed Secret again and again until told to stop, and counts what arrived.
fn keep_busy(stage: &Stage, name: &str, stop: &AtomicBool, arrived: &AtomicUsize) -> Result<()> {
    let tenant = stage.tenant(name)?;
    tenant.sync(&json!({"path": "deploy"}))?;
    while !stop.load(Ordering::Relaxed) {
        for n in 0..5 {
            let secret = Secret::random(&format!("busy{n}"));
            let file = format!("deploy/busy{n}-secret.yaml");
            tenant.checkout().write(&file, &secret.in_clear())?;
        }
        tenant.lockstep(&["encrypt", "-i", "deploy"])?;
        let commit = tenant.publish("again")?;
        tenant.wait_applied(&commit)?;
        arrived.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[test]
fn while_others_are_reconciled_no_value_of_an_idle_sync_is_in_memory() {
    let stage = stage().unwrap();
    let (_tenant, secrets) = applied_hundred(&stage, "beside").unwrap();
    let needles = needles(&secrets);
    let (stop, arrived) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        let busy = ["busy-one", "busy-two"]
            .map(|name| threads.spawn(|| keep_busy(&stage, name, &stop, &arrived)));
        let mut looks = Vec::new();
        // At least ten looks, and as many until every push has overlapped with one.
        while looks.len() < 10 || arrived.load(Ordering::Relaxed) < 6 {
            if busy.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                break;
            }
            looks.push(scan(stage.operator.id(), &needles));
        }
        stop.store(true, Ordering::Relaxed);
        for busy in busy {
            busy.join().unwrap().unwrap();
        }
        for look in looks {
            look.unwrap()
                .expect_nothing("while others are reconciled")
                .unwrap();
        }
    });
}

#[test]
fn after_drift_and_failures_no_value_is_in_memory() {
    let stage = stage().unwrap();
    let (tenant, mut secrets) = applied_hundred(&stage, "trouble").unwrap();
    let edited = Secret::random("edited");
    let edit = json!({"data": {"value": stored(&edited.value)}}).to_string();
    let drifted = ["secret", secrets[1].name.as_str(), "-n", tenant.name()];
    tenant.kubectl().patch(&drifted, &edit).unwrap();
    eventually("the edit is put back", Duration::from_secs(30), || {
        let now = tenant.secret_value(&secrets[1].name, "value")?;
        ensure!(now == Some(stored(&secrets[1].value)), "it is not");
        Ok(())
    })
    .unwrap();
    tenant
        .wait("the drift is dealt with", |sync| {
            sync["status"]["conditions"].as_array().is_some_and(|all| {
                all.iter()
                    .any(|c| c["type"] == "Ready" && c["status"] == "True")
            })
        })
        .unwrap();
    secrets.push(edited);
    let drift = scan(stage.operator.id(), &needles(&secrets)).unwrap();
    drift.expect_nothing("after a drift was corrected").unwrap();

    secrets.extend(break_some(&tenant).unwrap());
    let commit = tenant.publish("bad ones").unwrap();
    tenant.wait_failed(&commit, "KeyMissing").unwrap();
    let failed = scan(stage.operator.id(), &needles(&secrets)).unwrap();
    failed.expect_nothing("after a failed reconcile").unwrap();
}

/// Adds files that are refused in each of the steps, and gives the Secrets in them.
fn break_some(tenant: &Tenant) -> Result<Vec<Secret>> {
    let names = ["refused", "number", "tampered", "keyless", "truncated"];
    let secrets = names.map(Secret::random);
    let checkout = tenant.checkout();
    let path = |secret: &Secret| format!("deploy/{}-secret.yaml", secret.name);
    for secret in &secrets {
        let text = match secret.name.as_str() {
            // Only the API server knows what a Secret of this type needs.
            "refused" => secret.in_clear() + "type: kubernetes.io/tls\n",
            "number" => secret.in_clear() + "  number: 1\n",
            _ => secret.in_clear(),
        };
        checkout.write(&path(secret), &text)?;
    }
    let keyless = path(&secrets[3]);
    tenant.lockstep(&[
        "encrypt",
        "-i",
        "--age",
        tenant.person().recipient(),
        &keyless,
    ])?;
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let tampered = checkout.read(&path(&secrets[2]))?;
    checkout.write(
        &path(&secrets[2]),
        &tampered.replace("name: tampered", "name: other"),
    )?;
    let whole = checkout.read(&path(&secrets[4]))?;
    checkout.write(&path(&secrets[4]), &whole[..whole.len() - 40])?;
    Ok(secrets.into())
}
