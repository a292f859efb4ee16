//! Flux's kustomize-controller: the peer beside whom the operator is measured, and from whom a cluster
//! is taken over.
//!
//! The program is built from its own Go module, and the kinds are the ones that module ships. It runs
//! with what it starts with by default, as an account with the rights that Flux's installation gives
//! it, and everything it follows is in `flux-system`.
//!
//! # Limits
//! There is no source-controller: [`Flux::publish`] does its part, and makes of a commit an archive
//! that a GitRepository's status names.

mod artifacts;

use crate::child::{Running, tied_command};
use crate::control_plane::ControlPlane;
use crate::kubectl::Kubectl;
use crate::scratch::Scratch;
use crate::tenant::{Tenant, condition};
use crate::tools::{Module, Tool, module_folder, tool};
use crate::wait::{eventually, free_port, http_get};
use anyhow::{Context as _, Result, bail};
use artifacts::Artifacts;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Where Flux, its keys and everything it follows are.
pub const FLUX_NAMESPACE: &str = "flux-system";

/// The controller's service account.
const ACCOUNT: &str = "kustomize-controller";

/// The Secret with the age identities, by the name that Flux's documentation gives it.
const KEYS: &str = "sops-age";

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The kinds of source that the controller watches from the start.
const SOURCES: [&str; 4] = [
    "gitrepositories",
    "buckets",
    "ocirepositories",
    "externalartifacts",
];

/// A running kustomize-controller; killed when dropped.
#[derive(Debug)]
pub struct Flux {
    running: Running,
    metrics: u16,
    kubectl: Kubectl,
    artifacts: Artifacts,
    _scratch: Scratch,
}

impl Flux {
    /// Installs Flux's kinds and account into a cluster, starts the controller and waits until it is
    /// ready.
    ///
    /// # Errors
    /// When it cannot be built (no Go, no network), installed or started.
    pub fn start(cluster: &ControlPlane) -> Result<Self> {
        let program = tool(Tool::KustomizeController)?;
        let kubectl = cluster.kubectl().clone();
        install(&kubectl)?;
        let kubeconfig = cluster.service_account_kubeconfig(FLUX_NAMESPACE, ACCOUNT)?;
        let scratch = Scratch::new()?;
        let (metrics, health) = (free_port()?, free_port()?);
        let mut command = tied_command(program);
        command
            .arg(format!("--metrics-addr=127.0.0.1:{metrics}"))
            .arg(format!("--health-addr=127.0.0.1:{health}"))
            .env("KUBECONFIG", kubeconfig)
            .env("RUNTIME_NAMESPACE", FLUX_NAMESPACE)
            .env("TMPDIR", scratch.path());
        let log = scratch.path().join("kustomize-controller.log");
        let mut this = Self {
            running: Running::start(ACCOUNT, command, &log)?,
            metrics,
            kubectl,
            artifacts: Artifacts::serve()?,
            _scratch: scratch,
        };
        let start = Instant::now();
        loop {
            this.running.check_alive()?;
            match http_get(health, "/readyz") {
                Ok(_) => return Ok(this),
                Err(error) if start.elapsed() > PATIENCE => {
                    bail!(
                        "kustomize-controller is not ready: {error:#}\n{}",
                        this.log()
                    );
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// The process id, for a look at its memory.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Everything it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.output()
    }

    /// What it counts itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metrics(&self) -> Result<String> {
        http_get(self.metrics, "/metrics")
    }

    /// Offers the commit that a tenant's clone is at, as the GitRepository of the tenant's name; gives
    /// the revision.
    ///
    /// # Errors
    /// When `git` cannot pack it or the API server refuses it.
    pub fn publish(&self, tenant: &Tenant) -> Result<String> {
        let git = |arguments: &[&str]| tenant.checkout().git(arguments);
        let commit = git(&["rev-parse", "HEAD"])?.trim().to_owned();
        let revision = format!("main@sha1:{commit}");
        let file = format!("{}-{commit}.tar.gz", tenant.name());
        let path = self.artifacts.folder().join(&file);
        let path = path
            .to_str()
            .context("the scratch folder's name is not UTF-8")?;
        // The tree and not the commit, or git writes a header that names the commit.
        git(&["archive", "--format=tar.gz", "-o", path, "HEAD^{tree}"])?;
        self.kubectl.apply(
            &json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": metadata(tenant),
                "spec": {"interval": "1h", "url": tenant.url(), "ref": {"branch": "main"}},
            })
            .to_string(),
        )?;
        let artifact = self.artifacts.describe(&file, &revision)?;
        let at = artifact["lastUpdateTime"].clone();
        let status = json!({"status": {"artifact": artifact, "conditions": [{
            "type": "Ready", "status": "True", "reason": "Succeeded", "message": revision,
            "lastTransitionTime": at,
        }]}});
        self.kubectl.run(&[
            "patch",
            "gitrepository",
            tenant.name(),
            "--namespace",
            FLUX_NAMESPACE,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status.to_string(),
        ])?;
        Ok(revision)
    }

    /// Has the folder `deploy` of a tenant's GitRepository applied to the tenant's namespace, by a
    /// Kustomization of the tenant's name, whose `spec` may be added to; and gives Flux the tenant's
    /// key.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn follow(&self, tenant: &Tenant, spec: &Value) -> Result<()> {
        let entry = format!("{}.agekey", tenant.name());
        let key = json!({"stringData": {entry: tenant.cluster_key().identity_text()?}});
        let keys = ["secret", KEYS, "--namespace", FLUX_NAMESPACE];
        self.kubectl.patch(&keys, &key.to_string())?;
        let mut kustomization = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata(tenant),
            "spec": {
                "sourceRef": {"kind": "GitRepository", "name": tenant.name()},
                "path": "./deploy",
                "targetNamespace": tenant.name(),
                "interval": "10m",
                "prune": true,
                "decryption": {"provider": "sops", "secretRef": {"name": KEYS}},
            },
        });
        if let (Some(fields), Some(more)) =
            (kustomization["spec"].as_object_mut(), spec.as_object())
        {
            fields.extend(more.clone());
        }
        self.kubectl.apply(&kustomization.to_string())?;
        Ok(())
    }

    /// Waits until a tenant's Kustomization is Ready at this revision, and gives it.
    ///
    /// # Errors
    /// When it is not within two minutes, with what it says instead.
    pub fn wait_applied(&self, tenant: &Tenant, revision: &str) -> Result<Value> {
        let what = format!("Flux applied {revision}");
        eventually(&what, PATIENCE, || {
            let kustomization = self.kubectl.json(&[
                "kustomization.kustomize.toolkit.fluxcd.io",
                tenant.name(),
                "--namespace",
                FLUX_NAMESPACE,
            ])?;
            let is_there = kustomization["status"]["lastAppliedRevision"] == revision;
            if is_there && condition(&kustomization, "Ready")["status"] == "True" {
                return Ok(kustomization);
            }
            bail!("the Kustomization says {}", kustomization["status"])
        })
    }
}

fn metadata(tenant: &Tenant) -> Value {
    json!({"name": tenant.name(), "namespace": FLUX_NAMESPACE})
}

/// The kinds, the namespace, the account with the rights that Flux's installation gives it, and a
/// Secret for keys.
fn install(kubectl: &Kubectl) -> Result<()> {
    let module = Module::read(Tool::KustomizeController)?;
    let folder = |path: &str, version_of: &str| {
        let folder = module_folder(&module, path, module.requires(version_of)?)?;
        Ok::<_, anyhow::Error>(folder.join("config/crd/bases"))
    };
    let controller = folder(
        "github.com/fluxcd/kustomize-controller",
        "github.com/fluxcd/kustomize-controller",
    )?;
    let sources = folder(
        "github.com/fluxcd/source-controller",
        "github.com/fluxcd/source-controller/api",
    )?;
    let mut files = vec![controller.join("kustomize.toolkit.fluxcd.io_kustomizations.yaml")];
    for kind in SOURCES {
        files.push(sources.join(format!("source.toolkit.fluxcd.io_{kind}.yaml")));
    }
    for file in files {
        let text = std::fs::read_to_string(&file);
        kubectl.apply(&text.with_context(|| format!("reading {}", file.display()))?)?;
    }
    let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
    let kinds = SOURCES.map(|kind| format!("crd/{kind}.source.toolkit.fluxcd.io"));
    let mut wait = wait.to_vec();
    wait.extend(kinds.iter().map(String::as_str));
    wait.push("crd/kustomizations.kustomize.toolkit.fluxcd.io");
    kubectl.run(&wait)?;
    kubectl.apply(&format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {FLUX_NAMESPACE}}}\n---\n\
         apiVersion: v1\nkind: ServiceAccount\n\
         metadata: {{name: {ACCOUNT}, namespace: {FLUX_NAMESPACE}}}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: {KEYS}, namespace: {FLUX_NAMESPACE}}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
         metadata: {{name: cluster-reconciler-flux-system}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}\n\
         subjects: [{{kind: ServiceAccount, name: {ACCOUNT}, namespace: {FLUX_NAMESPACE}}}]\n"
    ))?;
    Ok(())
}
