//! The processes of a control plane: etcd and kube-apiserver, ended and started again where they were.

use crate::audit;
use crate::certificates::{Authority, SigningKey};
use crate::child::{Running, tied_command};
use crate::flux::FLUX_NAMESPACE;
use crate::installation::OPERATOR_NAMESPACE;
use crate::kubectl::Kubectl;
use crate::scratch::{Scratch, copy_folder};
use crate::tools::{Tool, tool};
use crate::wait::free_port;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The audit log's name in the scratch folder.
pub(super) const AUDIT_LOG: &str = "audit.log";

/// How long the API server may take to be ready (about 6 s on two idle cores).
const PATIENCE: Duration = Duration::from_secs(120);

/// Both servers. In the order of dropping: the API server before its store.
#[derive(Debug)]
pub(super) struct Servers {
    api_server: Server,
    etcd: Server,
    port: u16,
    data: PathBuf,
    copies: usize,
}

/// One server, running or not, and how it is started.
#[derive(Debug)]
struct Server {
    running: Option<Running>,
    tool: Tool,
    arguments: Vec<OsString>,
    log: PathBuf,
}

impl Servers {
    /// Starts both; neither may be ready yet.
    pub(super) fn start(scratch: &Scratch, authority: &Authority, token: &str) -> Result<Self> {
        let data = scratch.path().join("etcd");
        let (etcd_port, peer_port, port) = (free_port()?, free_port()?, free_port()?);
        let mut this = Self {
            etcd: Server::of(
                Tool::Etcd,
                etcd_arguments(&data, etcd_port, peer_port),
                scratch,
            ),
            api_server: Server::of(
                Tool::ApiServer,
                api_server_arguments(scratch, authority, token, etcd_port, port)?,
                scratch,
            ),
            port,
            data,
            copies: 0,
        };
        this.etcd.start()?;
        this.api_server.start()?;
        Ok(this)
    }

    /// `https://…` of the API server.
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Ends the API server.
    pub(super) fn stop_api_server(&mut self) -> Result<()> {
        self.api_server.stop()
    }

    /// Starts the API server again.
    pub(super) fn start_api_server(&mut self) -> Result<()> {
        self.api_server.start()
    }

    /// Copies what etcd holds, for which it has to stop; the API server stays and waits for it.
    pub(super) fn copy_data(&mut self, scratch: &Scratch) -> Result<PathBuf> {
        self.copies += 1;
        let copy = scratch.path().join(format!("etcd-copy-{}", self.copies));
        self.etcd.stop()?;
        copy_folder(&self.data, &copy)?;
        self.etcd.start()?;
        Ok(copy)
    }

    /// Puts a copy in the place of what etcd holds, and starts both anew.
    pub(super) fn restore_data(&mut self, copy: &Path) -> Result<()> {
        self.api_server.stop()?;
        self.etcd.stop()?;
        std::fs::remove_dir_all(&self.data).context("removing etcd's data")?;
        copy_folder(copy, &self.data)?;
        self.etcd.start()?;
        self.api_server.start()
    }

    /// Waits until both answer.
    pub(super) fn wait_until_ready(&mut self, kubectl: &Kubectl) -> Result<()> {
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

impl Server {
    fn of(tool: Tool, arguments: Vec<OsString>, scratch: &Scratch) -> Self {
        Self {
            running: None,
            tool,
            arguments,
            log: scratch.path().join(format!("{}.log", tool.name())),
        }
    }

    fn start(&mut self) -> Result<()> {
        let mut command: Command = tied_command(tool(self.tool)?);
        command.args(&self.arguments);
        self.running = Some(Running::start(self.tool.name(), command, &self.log)?);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            running.terminate(PATIENCE)?;
        }
        Ok(())
    }

    fn check_alive(&mut self) -> Result<()> {
        match &mut self.running {
            Some(running) => running.check_alive(),
            None => bail!("{} was stopped", self.tool.name()),
        }
    }
}

fn etcd_arguments(data: &Path, client: u16, peer: u16) -> Vec<OsString> {
    let client = format!("http://127.0.0.1:{client}");
    let peer = format!("http://127.0.0.1:{peer}");
    let arguments = [
        "--data-dir".into(),
        data.into(),
        "--listen-client-urls".into(),
        client.clone().into(),
        "--advertise-client-urls".into(),
        client.into(),
        "--listen-peer-urls".into(),
        peer.clone().into(),
        "--initial-advertise-peer-urls".into(),
        peer.clone().into(),
        "--initial-cluster".into(),
        format!("default={peer}").into(),
        // The data need not survive a power cut, and disks of test machines are slow.
        "--unsafe-no-fsync".into(),
        "--log-level".into(),
        "warn".into(),
    ];
    arguments.into()
}

fn api_server_arguments(
    scratch: &Scratch,
    authority: &Authority,
    token: &str,
    etcd_port: u16,
    port: u16,
) -> Result<Vec<OsString>> {
    let issued = authority.server()?;
    let signing = SigningKey::generate()?;
    let tokens = format!("{token},admin,admin,system:masters\n");
    let file = |flag: &str, name: &str, content: &str| -> Result<OsString> {
        let mut argument = OsString::from(format!("--{flag}="));
        argument.push(scratch.write(name, content)?);
        Ok(argument)
    };
    let place = |flag: &str, name: &str| {
        let mut argument = OsString::from(format!("--{flag}="));
        argument.push(scratch.path().join(name));
        argument
    };
    let policy = audit::policy(&[OPERATOR_NAMESPACE, FLUX_NAMESPACE]);
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}").into(),
        format!("--secure-port={port}").into(),
        "--bind-address=127.0.0.1".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--authorization-mode=RBAC".into(),
        "--profiling=false".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        file("tls-cert-file", "api-server.crt", &issued.certificate)?,
        file("tls-private-key-file", "api-server.key", &issued.key)?,
        file(
            "service-account-key-file",
            "service-accounts.pub",
            &signing.public,
        )?,
        file(
            "service-account-signing-key-file",
            "service-accounts.key",
            &signing.private,
        )?,
        file("token-auth-file", "tokens.csv", &tokens)?,
        file("audit-policy-file", "audit-policy.yaml", &policy)?,
        place("audit-log-path", AUDIT_LOG),
        place("cert-dir", "api-server"),
    ];
    Ok(arguments.into())
}
