//! When things happened in the cluster, as watches of the same kind see them: what kubectl and a
//! watch add is then on both ends of a measurement.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_testbed::{Tenant, Watch};
use std::time::{Duration, Instant, SystemTime};

/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Watches one tenant.
pub(super) struct Stopwatch<'a> {
    tenant: &'a Tenant,
    asked: Watch,
    handled: Watch,
    applied: Watch,
}

impl<'a> Stopwatch<'a> {
    /// Begins to watch the tenant's Repository and Sync, which are there.
    pub(super) fn new(tenant: &'a Tenant) -> Result<Self> {
        let watch = |kind: &str, path: &str| {
            let what = [kind, tenant.name(), "--namespace", tenant.name()];
            Watch::start(tenant.kubectl(), &what, path)
        };
        Ok(Self {
            tenant,
            asked: watch(
                "repository",
                r"{.metadata.annotations.reconcile\.lockstep\.dev/requestedAt}",
            )?,
            handled: watch("repository", "{.status.lastHandledReconcileAt}")?,
            applied: watch(
                "sync",
                r#"{.status.lastAppliedRevision} {.status.conditions[?(@.type=="Ready")].status}"#,
            )?,
        })
    }

    /// Asks for a fetch; when the API server had the request, and what it was.
    pub(super) fn trigger(&self) -> Result<(Instant, String)> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let stamp = now.context("the clock is before 1970")?.as_nanos();
        let stamp = stamp.to_string();
        let annotation = format!("reconcile.lockstep.dev/requestedAt={stamp}");
        let name = self.tenant.name();
        self.tenant.kubectl().run(&[
            "annotate",
            "--overwrite",
            "repository",
            name,
            "--namespace",
            name,
            &annotation,
        ])?;
        let asked = self.asked.until(PATIENCE, |line| line == stamp)?;
        Ok((asked, stamp))
    }

    /// When the Repository said that it had done what was asked.
    pub(super) fn handled(&self, stamp: &str) -> Result<Instant> {
        self.handled.until(PATIENCE, |line| line == stamp)
    }

    /// When the Sync was Ready with this commit.
    pub(super) fn applied(&self, commit: &str) -> Result<Instant> {
        let wanted = format!("main@sha1:{commit} True");
        let seen = self.applied.until(PATIENCE, |line| line == wanted);
        seen.with_context(|| {
            let name = self.tenant.name();
            let sync = self.tenant.kubectl().json(&["sync", name, "-n", name]);
            let status = sync.map(|sync| sync["status"]["conditions"].to_string());
            format!("{commit} was not applied: {status:?}")
        })
    }

    /// Watches a value of a Secret.
    pub(super) fn value(&self, secret: &str, key: &str) -> Result<ValueWatch> {
        let what = ["secret", secret, "--namespace", self.tenant.name()];
        let path = format!("{{.data.{key}}}");
        Ok(ValueWatch(Watch::start(
            self.tenant.kubectl(),
            &what,
            &path,
        )?))
    }
}

/// Watches a value of a Secret.
pub(super) struct ValueWatch(Watch);

impl ValueWatch {
    /// When the value was this.
    pub(super) fn is(&self, value: &str) -> Result<Instant> {
        let wanted = STANDARD.encode(value);
        self.0.until(PATIENCE, |line| line == wanted)
    }
}
