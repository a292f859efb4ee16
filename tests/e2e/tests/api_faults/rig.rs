//! An installation whose operator reaches the API server through a proxy that fails, and what must
//! hold all the while.

use anyhow::{Context as _, Result, bail, ensure};
use lockstep_e2e::Stage;
use lockstep_testbed::{Installation, Passing, Proxy, Tenant};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Stands in what the API server says, as a quoted Secret would; it must not reach anybody.
pub(crate) const CANARY: &str = "hunter2-quoted-by-the-api-server";

/// Everything, with a proxy in between.
pub(crate) struct Rig {
    /// The operator goes first.
    pub(crate) stage: Stage,
    pub(crate) proxy: Proxy,
}

impl Rig {
    /// Starts everything.
    pub(crate) fn start() -> Result<Self> {
        let installation = Arc::new(Installation::start()?);
        let proxy = Proxy::start(installation.cluster())?;
        let operator = installation.start_operator_through(&proxy, &["--log-level", "debug"])?;
        let stage = Stage {
            operator,
            installation,
        };
        Ok(Self { stage, proxy })
    }

    /// Starts another operator in the place of the one there was.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let installation = &self.stage.installation;
        self.stage.operator =
            installation.start_operator_through(&self.proxy, &["--log-level", "debug"])?;
        Ok(())
    }

    /// One for all tests that run now and need only rules of their own tenant.
    pub(crate) fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Rig>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rig) = shared.upgrade() {
            return Ok(rig);
        }
        let rig = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&rig);
        Ok(rig)
    }

    /// Fails when a text of the API server's got anywhere.
    pub(crate) fn check_silence(&self, tenant: &Tenant) -> Result<()> {
        let kubectl = tenant.kubectl();
        let places = [
            ("the log", self.stage.operator.log()),
            (
                "an object of ours",
                kubectl.run(&["get", "syncs,repositories,teams", "-A", "-o", "yaml"])?,
            ),
            (
                "an event",
                kubectl.run(&["get", "events.events.k8s.io", "-A", "-o", "yaml"])?,
            ),
        ];
        for (place, text) in places {
            if let Some(line) = text.lines().find(|line| line.contains(CANARY)) {
                bail!("{place} quotes the API server: {line}");
            }
        }
        Ok(())
    }

    /// Asks for a reconcile and fails when it writes anything but its own status.
    pub(crate) fn check_idle(&self, tenant: &Tenant) -> Result<()> {
        let before = self.proxy.passed().len();
        let value = format!("{:?}", std::time::SystemTime::now());
        let annotation = format!("reconcile.lockstep.dev/requestedAt={value}");
        let name = tenant.name();
        tenant.kubectl().run(&[
            "annotate",
            "--overwrite",
            "sync",
            name,
            "-n",
            name,
            &annotation,
        ])?;
        tenant.wait("it has looked", |sync| {
            sync["status"]["lastHandledReconcileAt"] == value.as_str()
        })?;
        let passed = self.proxy.passed().split_off(before);
        let concerns = of(tenant.name());
        let own = format!("/syncs/{name}/status");
        let asked: Vec<_> = passed
            .into_iter()
            .filter(|passing| concerns(passing) && !passing.target.contains(&own))
            .collect();
        ensure!(asked.is_empty(), "{asked:?}");
        Ok(())
    }
}

/// Does a request concern this tenant? Watches are no requests here.
pub(crate) fn of(name: &str) -> impl Fn(&Passing) -> bool + Send + Sync + 'static {
    let account = format!("system:serviceaccount:{name}:deployer");
    let namespace = format!("/namespaces/{name}/");
    move |passing| {
        let concerned =
            passing.acting_as.as_deref() == Some(&account) || passing.target.contains(&namespace);
        concerned && !passing.target.contains("watch=true") && !passing.target.contains("/events")
    }
}

/// `Kind/name` of every ConfigMap and Secret that carries the tenant's label.
pub(crate) fn labelled(tenant: &Tenant) -> Result<BTreeSet<String>> {
    let name = tenant.name();
    let selector = format!("lockstep.dev/sync={name}");
    let what = ["configmaps,secrets", "-n", name, "-l", &selector];
    let list = tenant.kubectl().json(&what)?;
    let items = list["items"].as_array().context("no list")?;
    let names = items.iter().map(|item| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!(
            "{}/{}",
            text(&item["kind"]),
            text(&item["metadata"]["name"])
        )
    });
    Ok(names.collect())
}

/// `Kind/name` of every entry in the inventory.
pub(crate) fn inventory(sync: &Value) -> BTreeSet<String> {
    let entries = sync["status"]["inventory"]["entries"].as_array();
    let ids = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["id"].as_str());
    let name = |id: &str| {
        let mut parts = id.split('_').skip(1);
        let (name, _, kind) = (parts.next()?, parts.next()?, parts.next()?);
        Some(format!("{kind}/{name}"))
    };
    ids.filter_map(name).collect()
}

/// Fails when something of ours is in the cluster that the status does not know of.
pub(crate) fn check_inventory(tenant: &Tenant) -> Result<()> {
    // First the objects, then the inventory: what comes to be in between may be in it already.
    let there = labelled(tenant)?;
    let what = ["sync", tenant.name(), "-n", tenant.name()];
    let known = inventory(&tenant.kubectl().json(&what)?);
    for object in there.difference(&known) {
        // What was pruned in between has left both.
        let still = tenant
            .kubectl()
            .exists(&[object.as_str(), "-n", tenant.name()])?;
        ensure!(!still, "{object} is in the cluster and in no inventory");
    }
    Ok(())
}
