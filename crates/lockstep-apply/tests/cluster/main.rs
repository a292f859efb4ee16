//! This crate against a real kube-apiserver, as a team that may do what its Role says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may be blunt, their helpers too"
)]

mod apply;
mod drift;
mod prune;
mod refused;
mod team;
mod watch;
