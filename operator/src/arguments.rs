//! The command line of the operator.

use crate::trust::VERSION;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Keeps a cluster in step with encrypted manifests in Git.
#[derive(Debug, Parser)]
#[command(name = "lockstep-operator", version = VERSION, propagate_version = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the operator can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the operator until it is told to stop.
    Run(RunOptions),
    /// Print the definitions of the API kinds, for `kubectl apply -f -`.
    Crds,
    /// Print the RBAC objects that let the operator act as the teams' service accounts, and no more.
    Rbac(RbacOptions),
}

/// Who the operator is and where the cluster is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Kubeconfig to use; without it the pod's service account, or else the usual places.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace the operator runs in, which holds the teams' keys.
    #[arg(
        long,
        env = "POD_NAMESPACE",
        default_value = "lockstep-system",
        value_name = "NAMESPACE"
    )]
    pub namespace: String,
}

/// Options of `run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub place: Place,
    /// Folder for Git objects; it holds ciphertext only and may be lost at any time.
    #[arg(long, default_value = "/var/lib/lockstep", value_name = "DIR")]
    pub store: PathBuf,
    /// Address of `/healthz`, `/readyz` and `/metrics`.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// How many objects of a kind are reconciled at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "N")]
    pub concurrency: u16,
    /// How often everything is applied again, changed or not, such as 30m or 6h.
    #[arg(long, default_value = "6h", value_name = "DURATION")]
    pub full_apply_interval: lockstep_api::Interval,
    /// Work only while holding the lease `lockstep-operator` in the namespace, so that several
    /// replicas can run. Only a process that is certainly alone may do without.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub leader_elect: bool,
    /// Form of the logs.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Least severity that is logged.
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// Options of `rbac`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RbacOptions {
    #[command(flatten)]
    pub place: Place,
    /// Service account the operator runs as.
    #[arg(long, default_value = "lockstep-operator", value_name = "NAME")]
    pub service_account: String,
    /// Read Teams from this file, or `-` for standard input, instead of from the cluster.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Form of the logs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// Least severity that is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    /// Failures only.
    Error,
    /// And what may become one.
    Warn,
    /// And what was done.
    Info,
    /// And why.
    Debug,
}

impl LogLevel {
    /// The level as a filter directive spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}
