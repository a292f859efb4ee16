//! etcd and kube-apiserver on loopback: a real API server with real RBAC, and nothing that runs pods.
//!
//! `LOCKSTEP_KUBECONFIG` names a cluster that stands in for all of it; nothing is started then, and
//! tests leave what they made in it.
//!
//! # Limits
//! There is no controller manager: nothing deletes the objects of a deleted namespace, collects
//! garbage or runs a Deployment's pods.

mod servers;

use crate::audit::{self, Asked};
use crate::certificates::Authority;
use crate::installation::OPERATOR_NAMESPACE;
use crate::kubeconfig::Kubeconfig;
use crate::kubectl::Kubectl;
use crate::scratch::Scratch;
use crate::tools::{Tool, tool};
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use servers::{AUDIT_LOG, Servers};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often a start is tried: another process may take a port between our asking and our using it.
const ATTEMPTS: usize = 3;

/// A cluster whose API server answers, and an admin's way into it.
#[derive(Debug)]
pub struct ControlPlane {
    kubectl: Kubectl,
    // In the order of dropping: the server before its store, the files last.
    servers: Option<Mutex<Servers>>,
    scratch: Scratch,
}

/// What etcd held at one moment; see [`ControlPlane::restore`].
#[derive(Debug)]
pub struct Snapshot(PathBuf);

impl ControlPlane {
    /// Starts a control plane of its own and waits until it is ready.
    ///
    /// # Errors
    /// When a tool cannot be built or a server does not come up; the error has its last lines.
    pub fn start() -> Result<Self> {
        if let Some(kubeconfig) = std::env::var_os("LOCKSTEP_KUBECONFIG") {
            let scratch = Scratch::new()?;
            let kubectl = kubectl(PathBuf::from(kubeconfig), &scratch)?;
            return Ok(Self {
                kubectl,
                servers: None,
                scratch,
            });
        }
        let mut attempt = 1;
        loop {
            match Self::start_once() {
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
                Ok(started) => return Ok(started),
            }
        }
    }

    fn start_once() -> Result<Self> {
        let scratch = Scratch::new()?;
        let authority = Authority::new("lockstep testbed control plane")?;
        let token = random_token();
        let mut servers = Servers::start(&scratch, &authority, &token)?;
        let kubeconfig = Kubeconfig {
            server: &servers.url(),
            authority: &STANDARD.encode(authority.pem()),
            user: "admin",
            token: &token,
        };
        let kubeconfig = scratch.write("admin.kubeconfig", &kubeconfig.to_yaml())?;
        let kubectl = kubectl(kubeconfig, &scratch)?;
        servers.wait_until_ready(&kubectl)?;
        Ok(Self {
            kubectl,
            servers: Some(Mutex::new(servers)),
            scratch,
        })
    }

    /// kubectl as a cluster admin.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Every request of the operator's account so far, whoever it acted as, oldest first.
    ///
    /// # Errors
    /// Where `LOCKSTEP_KUBECONFIG` stands in for the control plane: its audit log is out of reach.
    pub fn asked(&self) -> Result<Vec<Asked>> {
        self.asked_by(OPERATOR_NAMESPACE)
    }

    /// As [`ControlPlane::asked`], of the accounts in `namespace`: the operator's or Flux's.
    ///
    /// # Errors
    /// As [`ControlPlane::asked`].
    pub fn asked_by(&self, namespace: &str) -> Result<Vec<Asked>> {
        audit::read(&self.scratch.path().join(AUDIT_LOG), namespace)
    }

    /// Writes a kubeconfig for a service account that is there, with a token for a day.
    ///
    /// # Errors
    /// When the API server mints no token.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let (server, authority) = self.address()?;
        self.kubeconfig_by(&server, &authority, namespace, name)
    }

    /// As [`Self::service_account_kubeconfig`], for a server that stands before the API server.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn kubeconfig_by(
        &self,
        server: &str,
        authority: &str,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf> {
        let token = self.kubectl.run(&[
            "create",
            "token",
            name,
            "--namespace",
            namespace,
            "--duration",
            "24h",
        ])?;
        let user = format!("{namespace}-{name}");
        let kubeconfig = Kubeconfig {
            server,
            authority: &STANDARD.encode(authority),
            user: &user,
            token: token.trim(),
        };
        // Two operators may act as the same account by different ways.
        let port = server.rsplit_once(':').map_or("", |(_, port)| port);
        self.scratch
            .write(&format!("{user}-{port}.kubeconfig"), &kubeconfig.to_yaml())
    }

    /// Where the API server listens, and the authority it is known by, PEM.
    ///
    /// # Errors
    /// When the kubeconfig does not say.
    pub(crate) fn address(&self) -> Result<(String, String)> {
        let view = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o",
            "json",
        ];
        let view: serde_json::Value =
            serde_json::from_str(&self.kubectl.run(&view)?).context("reading the kubeconfig")?;
        let cluster = &view["clusters"][0]["cluster"];
        let field = |name: &str| {
            cluster[name]
                .as_str()
                .with_context(|| format!("the kubeconfig names no {name}"))
        };
        let authority = STANDARD
            .decode(field("certificate-authority-data")?)
            .context("reading the authority")?;
        let authority = String::from_utf8(authority).context("the authority is no PEM")?;
        Ok((field("server")?.to_owned(), authority))
    }

    /// Stops the API server as its host would; who is connected is cut off.
    ///
    /// # Errors
    /// Where `LOCKSTEP_KUBECONFIG` stands in for the control plane, or when it does not stop.
    pub fn stop_api_server(&self) -> Result<()> {
        self.servers()?.stop_api_server()
    }

    /// Starts the API server again, where it was, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Self::stop_api_server`], or when it does not come up.
    pub fn start_api_server(&self) -> Result<()> {
        let mut servers = self.servers()?;
        servers.start_api_server()?;
        servers.wait_until_ready(&self.kubectl)
    }

    /// Takes a copy of all there is. Nobody can ask or write anything meanwhile.
    ///
    /// # Errors
    /// Where `LOCKSTEP_KUBECONFIG` stands in for the control plane, or when it cannot be copied.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut servers = self.servers()?;
        let folder = servers.copy_data(&self.scratch)?;
        servers.wait_until_ready(&self.kubectl)?;
        Ok(Snapshot(folder))
    }

    /// Puts everything back to what it was at the snapshot, resource versions included, and starts the
    /// servers anew: what an administrator does who has lost etcd.
    ///
    /// # Errors
    /// As [`Self::snapshot`], or when a server does not come up.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        let mut servers = self.servers()?;
        servers.restore_data(&snapshot.0)?;
        servers.wait_until_ready(&self.kubectl)
    }

    fn servers(&self) -> Result<MutexGuard<'_, Servers>> {
        let servers = self.servers.as_ref();
        let servers = servers.context("the servers of LOCKSTEP_KUBECONFIG are not ours")?;
        Ok(servers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn kubectl(kubeconfig: PathBuf, scratch: &Scratch) -> Result<Kubectl> {
    Ok(Kubectl::new(
        tool(Tool::Kubectl)?,
        kubeconfig,
        scratch.path().join("kubectl-cache"),
    ))
}

fn random_token() -> String {
    rand::random::<[u8; 16]>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
