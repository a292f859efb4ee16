//! Lockstep as an administrator installs it: `deploy/` as it is, and what `lockstep-operator` prints for
//! the Teams.

use crate::binaries::{Binary, binary};
use crate::control_plane::ControlPlane;
use crate::git_server::{Access, GitServer};
use crate::kubectl::Kubectl;
use crate::operator::{Operator, OperatorOptions};
use crate::proxy::Proxy;
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The namespace that holds the operator's account and the teams' keys.
pub const OPERATOR_NAMESPACE: &str = "lockstep-system";

/// The operator's service account.
const OPERATOR_ACCOUNT: &str = "lockstep-operator";

/// What an administrator applies to install it.
const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

/// A cluster with Lockstep's kinds and the operator's account, and a Git server beside it.
pub struct Installation {
    cluster: ControlPlane,
    server: GitServer,
}

impl Installation {
    /// Starts a control plane and a private Git server, and installs everything but the operator.
    ///
    /// # Errors
    /// When anything does not start or the API server refuses what `deploy/` holds.
    pub fn start() -> Result<Self> {
        let this = Self {
            cluster: ControlPlane::start()?,
            server: GitServer::start(Access::Private)?,
        };
        this.install()?;
        Ok(this)
    }

    /// Installs the kinds and the operator's account into a cluster that is there.
    ///
    /// # Errors
    /// As [`Installation::start`].
    pub fn on(cluster: ControlPlane, server: GitServer) -> Result<Self> {
        let this = Self { cluster, server };
        this.install()?;
        Ok(this)
    }

    fn install(&self) -> Result<()> {
        let apply = ["apply", "--server-side", "--force-conflicts", "-k", DEPLOY];
        self.kubectl().run(&apply)?;
        let kinds =
            ["repositories", "syncs", "teams"].map(|kind| format!("crd/{kind}.lockstep.dev"));
        let kinds = kinds.each_ref().map(String::as_str);
        let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
        self.kubectl().run(&[&wait[..], &kinds[..]].concat())?;
        Ok(())
    }

    /// Gives the operator the rights that `lockstep-operator rbac` prints for the Teams there are; where
    /// Teams contradict each other, for the others.
    ///
    /// # Errors
    /// When it cannot print them or the API server refuses them.
    pub fn grant(&self) -> Result<()> {
        let kubeconfig = self.kubectl().kubeconfig().to_string_lossy().into_owned();
        let place = [
            "--kubeconfig",
            &kubeconfig,
            "--namespace",
            OPERATOR_NAMESPACE,
        ];
        let account = ["--service-account", OPERATOR_ACCOUNT];
        let rights = operator_prints(&[&["rbac"], &place[..], &account[..]].concat())?;
        self.kubectl().apply(&rights)?;
        Ok(())
    }

    /// Starts the operator as its own account, with more arguments if any.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_operator(&self, arguments: &[&str]) -> Result<Operator> {
        self.start_build(Binary::Operator, arguments)
    }

    /// As [`Installation::start_operator`], with this build of it.
    ///
    /// # Errors
    /// As [`Installation::start_operator`].
    pub fn start_build(&self, build: Binary, arguments: &[&str]) -> Result<Operator> {
        let kubeconfig = self
            .cluster
            .service_account_kubeconfig(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT)?;
        Self::start_by(build, kubeconfig, arguments)
    }

    /// Starts the operator as its own account, for which `proxy` is the API server.
    ///
    /// # Errors
    /// As [`Installation::start_operator`].
    pub fn start_operator_through(&self, proxy: &Proxy, arguments: &[&str]) -> Result<Operator> {
        let (url, authority) = (proxy.url(), proxy.authority());
        let kubeconfig =
            self.cluster
                .kubeconfig_by(&url, &authority, OPERATOR_NAMESPACE, OPERATOR_ACCOUNT)?;
        Self::start_by(Binary::Operator, kubeconfig, arguments)
    }

    fn start_by(build: Binary, kubeconfig: PathBuf, arguments: &[&str]) -> Result<Operator> {
        let options = OperatorOptions {
            kubeconfig,
            namespace: OPERATOR_NAMESPACE.to_owned(),
            arguments: arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect(),
        };
        Operator::start_build(build, &options)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &ControlPlane {
        &self.cluster
    }

    /// kubectl as a cluster admin.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        self.cluster.kubectl()
    }

    /// The Git server.
    #[must_use]
    pub fn server(&self) -> &GitServer {
        &self.server
    }
}

/// What the operator's program writes to standard output.
fn operator_prints(arguments: &[&str]) -> Result<String> {
    let output = Command::new(binary(Binary::Operator)?)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("running lockstep-operator")?;
    // Some Teams have been left out.
    let is_incomplete = output.status.code() == Some(3);
    if !output.status.success() && !is_incomplete {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!(
            "lockstep-operator {}: {}\n{message}",
            arguments.join(" "),
            output.status
        );
    }
    String::from_utf8(output.stdout).context("lockstep-operator wrote no UTF-8")
}
