//! This crate against a real kube-apiserver, as a team that may do what its Role says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may be blunt, their helpers too"
)]

mod apply;
mod drift;
mod memory;
mod prune;
mod refused;
mod team;
mod watch;

/// As in the operator: what is freed is wiped.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);
