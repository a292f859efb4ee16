//! One request of an apply of 200 objects fails, whichever and however; the next one may not.

use crate::rig::{CANARY, Rig, check_inventory, inventory, labelled, of};
use anyhow::{Context as _, Result, ensure};
use lockstep_e2e::{config_map, secret, stored};
use lockstep_testbed::{Passing, ProxyFault, Tenant};
use serde_json::json;
use std::collections::BTreeSet;

/// How a request can fail. Nothing but the last is ever slow.
pub(crate) fn faults() -> Vec<ProxyFault> {
    let refused = |code, reason| ProxyFault::Refused {
        code,
        reason,
        message: format!("Secret \"db\" is bad: {CANARY}"),
    };
    let plain = |code, retry_after| ProxyFault::Plain { code, retry_after };
    vec![
        plain(429, Some(1)),
        ProxyFault::ResetAfter,
        refused(403, "Forbidden"),
        refused(500, "InternalError"),
        ProxyFault::ResetBefore,
        refused(409, "Conflict"),
        plain(503, None),
        refused(422, "Invalid"),
        ProxyFault::Garbled(CANARY.to_owned()),
        plain(429, None),
        plain(404, None),
        plain(504, None),
        refused(401, "Unauthorized"),
    ]
}

/// A tenant whose 200 objects are changed, and half of them exchanged, in each round.
struct Rounds<'a> {
    rig: &'a Rig,
    tenant: Tenant,
    round: usize,
}

impl<'a> Rounds<'a> {
    fn start(rig: &'a Rig, name: &str) -> Result<Self> {
        let tenant = rig.stage.tenant(name)?;
        // What only a look at the interval heals must heal within the test's patience.
        tenant.sync(&json!({"path": "deploy", "interval": "5s"}))?;
        Ok(Self {
            rig,
            tenant,
            round: 0,
        })
    }

    /// Writes the files of a new round: 100 objects as before with a new value, 10 of them Secrets, and
    /// 100 whose names are new; gives the names.
    fn write(&mut self) -> Result<BTreeSet<String>> {
        self.round += 1;
        let round = format!("round-{}", self.round);
        let mut names = BTreeSet::new();
        for file in 0..10 {
            let one = |name: String| {
                let text = config_map(&name, &[("round", round.as_str())]);
                (format!("ConfigMap/{name}"), text)
            };
            let kept = (0..9).map(|n| one(format!("kept-{file}{n}")));
            let exchanged = (0..10).map(|n| one(format!("{round}-{file}{n}")));
            let (own, texts): (Vec<_>, Vec<_>) = kept.chain(exchanged).unzip();
            names.extend(own);
            let checkout = self.tenant.checkout();
            checkout.write(&format!("deploy/file-{file}.yaml"), &texts.join("---\n"))?;
            let name = format!("secret-{file}");
            let value = format!("{CANARY}-{round}");
            checkout.write(
                &format!("deploy/{name}.yaml"),
                &secret(&name, &[("value", &value)]),
            )?;
            names.insert(format!("Secret/{name}"));
        }
        self.tenant.lockstep(&["encrypt", "-i", "deploy"])?;
        Ok(names)
    }

    /// Goes through one round, with `fault` at the request number `k`; gives how many requests it took.
    fn run(&mut self, k: usize, fault: Option<&ProxyFault>) -> Result<usize> {
        let what = format!("{fault:?} at request {k}");
        let wanted = self.write()?;
        let commit = self
            .tenant
            .checkout()
            .push(&format!("round {}", self.round))?;
        let before = self.rig.proxy.passed().len();
        if let Some(fault) = fault {
            let concerns = of(self.tenant.name());
            self.rig.proxy.fail(concerns, k, 1, fault.clone());
        }
        self.tenant.trigger()?;
        let revision = format!("main@sha1:{commit}");
        let mut unknown = None;
        let sync = self.tenant.wait(&what, |sync| {
            if let Err(error) = check_inventory(&self.tenant) {
                unknown.get_or_insert(error);
            }
            let applied = sync["status"]["lastAppliedRevision"] == revision.as_str();
            applied && inventory(sync).len() == wanted.len()
        })?;
        unknown.map_or(Ok(()), Err).context(what.clone())?;
        ensure!(inventory(&sync) == wanted, "{what}: another inventory");
        ensure!(labelled(&self.tenant)? == wanted, "{what}: other objects");
        self.check_values().context(what.clone())?;
        let struck = self.rig.proxy.struck();
        self.rig.proxy.lift();
        ensure!(struck <= 1, "{what}: it struck {struck} times");
        let mut passed = self.rig.proxy.passed().split_off(before);
        let concerns = of(self.tenant.name());
        passed.retain(|passing| concerns(passing));
        check_order(&passed).with_context(|| what.clone())?;
        self.rig.check_silence(&self.tenant).context(what)?;
        Ok(passed.len())
    }

    fn check_values(&self) -> Result<()> {
        let name = self.tenant.name();
        let selector = format!("lockstep.dev/sync={name}");
        let list =
            self.tenant
                .kubectl()
                .json(&["configmaps,secrets", "-n", name, "-l", &selector])?;
        let round = format!("round-{}", self.round);
        let value = stored(&format!("{CANARY}-{round}"));
        for item in list["items"].as_array().context("no list")? {
            let is = match item["kind"].as_str() {
                Some("Secret") => item["data"]["value"] == value.as_str(),
                _ => item["data"]["round"] == round.as_str(),
            };
            ensure!(is, "{} is not as in Git", item["metadata"]["name"]);
        }
        Ok(())
    }
}

/// Nothing is deleted before everything is applied.
fn check_order(passed: &[Passing]) -> Result<()> {
    let applies = |passing: &Passing| passing.method == "PATCH" && passing.acting_as.is_some();
    let deleted = passed.iter().position(|passing| passing.method == "DELETE");
    let written = passed.iter().rposition(applies);
    if let (Some(deleted), Some(written)) = (deleted, written) {
        ensure!(
            written < deleted,
            "{} was deleted early",
            passed[deleted].target
        );
    }
    Ok(())
}

#[test]
fn a_fault_at_some_requests_of_an_apply_leaves_no_trace() {
    let rig = Rig::start().unwrap();
    let mut rounds = Rounds::start(&rig, "some").unwrap();
    rounds.run(0, None).unwrap();
    let requests = rounds.run(0, None).unwrap();
    assert!(requests > 400, "{requests}");
    let faults = faults();
    // The first requests, which are all different, and some of the many alike.
    let some = [0, 1, 2, 3, 60, 203, 204, 300, 301, 302, 303];
    for (k, fault) in some.into_iter().zip(&faults) {
        rounds.run(k, Some(fault)).unwrap();
    }
    rig.check_idle(&rounds.tenant).unwrap();
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn a_fault_at_each_request_of_an_apply_leaves_no_trace() {
    let rig = Rig::start().unwrap();
    let mut rounds = Rounds::start(&rig, "each").unwrap();
    rounds.run(0, None).unwrap();
    let requests = rounds.run(0, None).unwrap();
    let faults = faults();
    for k in 0..requests {
        rounds.run(k, Some(&faults[k % faults.len()])).unwrap();
    }
    rig.check_idle(&rounds.tenant).unwrap();
}

/// All requests of one step, then the next, with every fault: what is alike is not tried 200 times.
#[test]
#[ignore = "long suite: cargo xtask long"]
fn every_fault_at_every_kind_of_request_leaves_no_trace() {
    let rig = Rig::start().unwrap();
    let mut rounds = Rounds::start(&rig, "kinds").unwrap();
    rounds.run(0, None).unwrap();
    let requests = rounds.run(0, None).unwrap();
    for fault in faults().iter().chain([&ProxyFault::Hang]) {
        for k in [
            0,
            1,
            2,
            3,
            4,
            100,
            203,
            204,
            205,
            206,
            requests - 2,
            requests - 1,
        ] {
            rounds.run(k, Some(fault)).unwrap();
        }
        rig.check_idle(&rounds.tenant).unwrap();
    }
}
