//! Flux's side.

use super::{objects_of, settle, with_bad_file};
use crate::bench::manifests::{self, Folder};
use crate::bench::metrics::Reconciles;
use crate::bench::operator::{FirstApplies, Idleness};
use crate::bench::progress;
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_testbed::{FLUX_NAMESPACE, Flux, Installation, Tenant, Watch, condition, eventually};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it reconciles with nothing to do.
const IDLE_ROUNDS: usize = 5;
/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// kubectl's word for Flux's kind.
const KUSTOMIZATION: &str = "kustomization.kustomize.toolkit.fluxcd.io";

/// kustomize-controller and what it works on.
pub(super) struct FluxSide<'a> {
    installation: &'a Arc<Installation>,
    flux: &'a Flux,
    folder: Folder,
}

impl<'a> FluxSide<'a> {
    pub(super) fn new(installation: &'a Arc<Installation>, flux: &'a Flux, folder: Folder) -> Self {
        Self {
            installation,
            flux,
            folder,
        }
    }

    /// As the operator's: one small file, then everything in one commit.
    pub(super) fn first_apply(&self, round: usize, seen: &mut FirstApplies) -> Result<Tenant> {
        let tenant = self.tenant(&format!("flux-{round}"))?;
        let checkout = tenant.checkout();
        checkout.write(&manifests::config_map_file(0), &manifests::config_map(0))?;
        checkout.commit("the first file")?;
        let revision = self.flux.publish(&tenant)?;
        self.flux.follow(&tenant, &json!({}))?;
        self.flux.wait_applied(&tenant, &revision)?;
        self.folder.write(checkout)?;
        tenant.lockstep(&["encrypt", "-i", "deploy"])?;
        checkout.commit("everything")?;
        progress(&format!(
            "Flux: first apply of {} objects",
            self.folder.objects()
        ))?;
        let watch = |kind: &str, path: &str| {
            let what = [kind, tenant.name(), "--namespace", FLUX_NAMESPACE];
            Watch::start(tenant.kubectl(), &what, path)
        };
        let offered = watch("gitrepository", "{.status.artifact.revision}")?;
        let applied = watch(
            KUSTOMIZATION,
            r#"{.status.lastAppliedRevision} {.status.conditions[?(@.type=="Ready")].status}"#,
        )?;
        let before = self.asked()?;
        let revision = self.flux.publish(&tenant)?;
        let start = offered.until(PATIENCE, |line| line == revision)?;
        let wanted = format!("{revision} True");
        let end = applied.until(PATIENCE, |line| line == wanted)?;
        seen.times.push(end - start);
        seen.requests.push((self.asked()? - before) as f64);
        Ok(tenant)
    }

    /// Reconciles because it is told to, which is what it does when the interval passes.
    pub(super) fn idleness(&self, tenant: &Tenant) -> Result<Idleness> {
        progress("Flux: reconciles with nothing to do")?;
        let reconciles = || Reconciles::of_flux(&self.flux.metrics()?);
        let (requests, before) = (self.asked()?, reconciles()?);
        for round in 0..IDLE_ROUNDS {
            let stamp = format!("round-{round}");
            let annotation = format!("reconcile.fluxcd.io/requestedAt={stamp}");
            let what = [
                KUSTOMIZATION,
                tenant.name(),
                "-n",
                FLUX_NAMESPACE,
                &annotation,
            ];
            let annotate = ["annotate", "--overwrite"];
            tenant.kubectl().run(&[&annotate[..], &what[..]].concat())?;
            self.wait(tenant, "Flux did what it was told", |kustomization| {
                kustomization["status"]["lastHandledReconcileAt"] == stamp.as_str()
            })?;
            settle();
        }
        let (requests, since) = (self.asked()? - requests, reconciles()? - before);
        Ok(Idleness {
            reconciles: since.count,
            mean: since.mean(),
            requests,
        })
    }

    /// How long an edit stayed, unless it stayed for longer than `patience`; then it is taken back.
    pub(super) fn edit(&self, tenant: &Tenant, patience: Duration) -> Result<Option<Duration>> {
        progress("Flux: an edit")?;
        let what = ["secret", "app-011", "--namespace", tenant.name()];
        let watch = Watch::start(tenant.kubectl(), &what, "{.data.password}")?;
        let original = STANDARD.encode(manifests::password(11));
        let edited = STANDARD.encode("example-edited");
        let write = |value: &str| {
            let patch = json!({"data": {"password": value}}).to_string();
            tenant.kubectl().patch(&what, &patch)
        };
        write(&edited)?;
        let start: Instant = watch.until(PATIENCE, |line| line == edited)?;
        let put_back = watch.until(patience, |line| line == original).ok();
        write(&original)?;
        Ok(put_back.map(|end| end - start))
    }

    /// How many objects are applied of a folder with a bad file.
    pub(super) fn bad_file(&self) -> Result<usize> {
        progress("Flux: one bad file")?;
        let tenant = self.tenant("flux-bad")?;
        with_bad_file(&tenant, self.folder)?;
        let revision = self.flux.publish(&tenant)?;
        self.flux.follow(&tenant, &json!({}))?;
        self.wait(&tenant, "Flux tried a folder with a bad file", |it| {
            it["status"]["lastAttemptedRevision"] == revision.as_str()
                && condition(it, "Ready")["status"] == "False"
        })?;
        settle();
        objects_of(&tenant)
    }

    fn tenant(&self, name: &str) -> Result<Tenant> {
        let tenant = Tenant::new(self.installation, name)?;
        tenant.init()?;
        Ok(tenant)
    }

    fn wait(
        &self,
        tenant: &Tenant,
        what: &str,
        is: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<()> {
        eventually(what, PATIENCE, || {
            let query = [KUSTOMIZATION, tenant.name(), "-n", FLUX_NAMESPACE];
            let found = tenant.kubectl().json(&query)?;
            if is(&found) {
                return Ok(());
            }
            bail!("the Kustomization says {}", found["status"])
        })
        .with_context(|| self.flux.log())
    }

    fn asked(&self) -> Result<usize> {
        Ok(self.installation.cluster().asked_by(FLUX_NAMESPACE)?.len())
    }
}
