//! A real control plane, Git server and sops for demos, tests and benchmarks.
//!
//! Nothing here is a fake: etcd, kube-apiserver, kubectl and sops are built from pinned Go modules
//! (or taken from `KUBEBUILDER_ASSETS` and `LOCKSTEP_SOPS`), Git is the installed `git` behind an
//! HTTPS server of our own. Everything listens on loopback, lives in a [`Scratch`] folder and ends
//! with the value that stands for it, with the process, or on Ctrl-C.
//!
//! Calls block; each server brings its own runtime, so callers need none.
//!
//! # Limits
//! Where `setpriv` is missing (it is part of util-linux), a control plane outlives a parent that
//! was killed with SIGKILL.

mod audit;
mod binaries;
mod certificates;
mod child;
mod control_plane;
mod flux;
mod git_server;
mod installation;
mod interrupt;
mod kubeconfig;
mod kubectl;
mod memory;
mod operator;
mod person;
mod proxy;
mod repository;
mod scratch;
mod tenant;
mod tls;
mod tools;
mod wait;
mod watch;
mod webhook;

pub use audit::Asked;
pub use binaries::{Binary, binary, use_binaries_in};
pub use certificates::{Authority, Issued, Presented};
pub use control_plane::{ControlPlane, Snapshot};
pub use flux::{FLUX_NAMESPACE, Flux};
pub use git_server::{Access, Answer, Fault, GitServer, Handled};
pub use installation::{Installation, OPERATOR_NAMESPACE};
pub use interrupt::clean_up_on_interrupt;
pub use kubectl::{Kubectl, KubectlFailed};
pub use memory::{Piece, read_memory};
pub use operator::{Operator, OperatorOptions};
pub use person::Person;
pub use proxy::{Passing, Proxy, ProxyFault};
pub use repository::WorkClone;
pub use scratch::Scratch;
pub use tenant::{Tenant, condition};
pub use tools::{Tool, cache_folder, tool};
pub use wait::{eventually, http_get};
pub use watch::Watch;
pub use webhook::{Admission, Webhook};
