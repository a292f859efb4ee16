//! etcd and kube-apiserver on loopback: a real API server with real RBAC, and nothing that runs pods.
//!
//! `LOCKSTEP_KUBECONFIG` names a cluster that stands in for all of it; nothing is started then, and
//! tests leave what they made in it.
//!
//! # Limits
//! There is no controller manager: nothing deletes the objects of a deleted namespace, collects
//! garbage or runs a Deployment's pods.

use crate::audit::{self, Asked};
use crate::certificates::{Authority, SigningKey};
use crate::child::{Running, tied_command};
use crate::installation::OPERATOR_NAMESPACE;
use crate::kubeconfig::Kubeconfig;
use crate::kubectl::Kubectl;
use crate::scratch::Scratch;
use crate::tools::{Tool, tool};
use crate::wait::free_port;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The audit log's name in the scratch folder.
const AUDIT_LOG: &str = "audit.log";

/// How often a start is tried: another process may take a port between our asking and our using it.
const ATTEMPTS: usize = 3;

/// How long the API server may take to be ready (about 6 s on two idle cores).
const PATIENCE: Duration = Duration::from_secs(120);

/// A cluster whose API server answers, and an admin's way into it.
#[derive(Debug)]
pub struct ControlPlane {
    kubectl: Kubectl,
    // In the order of dropping: the server before its store, the files last.
    _servers: Option<Servers>,
    scratch: Scratch,
}

#[derive(Debug)]
struct Servers {
    api_server: Running,
    etcd: Running,
}

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
                _servers: None,
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
        let (etcd, etcd_port) = start_etcd(&scratch)?;
        let authority = Authority::new("lockstep testbed control plane")?;
        let token = random_token();
        let (api_server, port) = start_api_server(&scratch, &authority, &token, etcd_port)?;
        let kubeconfig = Kubeconfig {
            server: &format!("https://127.0.0.1:{port}"),
            authority: &STANDARD.encode(authority.pem()),
            user: "admin",
            token: &token,
        };
        let kubeconfig = scratch.write("admin.kubeconfig", &kubeconfig.to_yaml())?;
        let kubectl = kubectl(kubeconfig, &scratch)?;
        let mut servers = Servers { api_server, etcd };
        servers.wait_until_ready(&kubectl)?;
        Ok(Self {
            kubectl,
            _servers: Some(servers),
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
        audit::read(&self.scratch.path().join(AUDIT_LOG))
    }

    /// Writes a kubeconfig for a service account that is there, with a token for a day.
    ///
    /// # Errors
    /// When the API server mints no token.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let token = self.kubectl.run(&[
            "create",
            "token",
            name,
            "--namespace",
            namespace,
            "--duration",
            "24h",
        ])?;
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
        let user = format!("{namespace}-{name}");
        let kubeconfig = Kubeconfig {
            server: field("server")?,
            authority: field("certificate-authority-data")?,
            user: &user,
            token: token.trim(),
        };
        self.scratch
            .write(&format!("{user}.kubeconfig"), &kubeconfig.to_yaml())
    }
}

impl Servers {
    fn wait_until_ready(&mut self, kubectl: &Kubectl) -> Result<()> {
        let start = Instant::now();
        loop {
            self.etcd.check_alive()?;
            self.api_server.check_alive()?;
            // The default namespace comes a moment after the server calls itself ready.
            let ready = kubectl
                .run(&["get", "--raw", "/readyz"])
                .and_then(|_| kubectl.run(&["get", "namespace", "default", "-o", "name"]));
            match ready {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => {
                    return Err(error.context("the API server does not become ready"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }
}

fn kubectl(kubeconfig: PathBuf, scratch: &Scratch) -> Result<Kubectl> {
    Ok(Kubectl::new(
        tool(Tool::Kubectl)?,
        kubeconfig,
        scratch.path().join("kubectl-cache"),
    ))
}

fn start_etcd(scratch: &Scratch) -> Result<(Running, u16)> {
    let (client, peer) = (free_port()?, free_port()?);
    let client_url = format!("http://127.0.0.1:{client}");
    let peer_url = format!("http://127.0.0.1:{peer}");
    let mut command = tied_command(tool(Tool::Etcd)?);
    command
        .arg("--data-dir")
        .arg(scratch.path().join("etcd"))
        .args([
            "--listen-client-urls",
            &client_url,
            "--advertise-client-urls",
            &client_url,
        ])
        .args([
            "--listen-peer-urls",
            &peer_url,
            "--initial-advertise-peer-urls",
            &peer_url,
        ])
        .args(["--initial-cluster", &format!("default={peer_url}")])
        // The data need not survive a power cut, and disks of test machines are slow.
        .args(["--unsafe-no-fsync", "--log-level", "warn"]);
    let running = Running::start("etcd", command, &scratch.path().join("etcd.log"))?;
    Ok((running, client))
}

fn start_api_server(
    scratch: &Scratch,
    authority: &Authority,
    token: &str,
    etcd_port: u16,
) -> Result<(Running, u16)> {
    let port = free_port()?;
    let issued = authority.server()?;
    let certificate = scratch.write("api-server.crt", &issued.certificate)?;
    let key = scratch.write("api-server.key", &issued.key)?;
    let signing = SigningKey::generate()?;
    let signing_key = scratch.write("service-accounts.key", &signing.private)?;
    let checking_key = scratch.write("service-accounts.pub", &signing.public)?;
    let tokens = scratch.write(
        "tokens.csv",
        &format!("{token},admin,admin,system:masters\n"),
    )?;
    let policy = scratch.write("audit-policy.yaml", &audit::policy(OPERATOR_NAMESPACE))?;
    let mut command = tied_command(tool(Tool::ApiServer)?);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .arg(format!("--secure-port={port}"))
        .args([
            "--bind-address=127.0.0.1",
            "--service-cluster-ip-range=10.0.0.0/24",
        ])
        .args(["--authorization-mode=RBAC", "--profiling=false"])
        .args(["--service-account-issuer=https://kubernetes.default.svc"])
        .arg("--tls-cert-file")
        .arg(certificate)
        .arg("--tls-private-key-file")
        .arg(key)
        .arg("--service-account-key-file")
        .arg(checking_key)
        .arg("--service-account-signing-key-file")
        .arg(signing_key)
        .arg("--token-auth-file")
        .arg(tokens)
        .arg("--audit-policy-file")
        .arg(policy)
        .arg("--audit-log-path")
        .arg(scratch.path().join(AUDIT_LOG))
        .arg("--cert-dir")
        .arg(scratch.path().join("api-server"));
    let log = scratch.path().join("api-server.log");
    Ok((Running::start("kube-apiserver", command, &log)?, port))
}

fn random_token() -> String {
    rand::random::<[u8; 16]>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
