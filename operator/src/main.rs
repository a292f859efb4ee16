//! `lockstep-operator`: holds the private keys, pulls repositories, decrypts in memory, applies as the
//! team, and puts back what somebody changed.

mod arguments;
mod backoff;
mod bells;
mod claims;
mod cluster;
mod commands;
mod context;
mod controllers;
mod events;
mod explain;
mod guard;
mod hardening;
mod in_turn;
mod janitor;
mod keys;
mod leader;
mod ledger;
mod logging;
mod metrics;
mod past;
mod repository;
mod server;
mod status;
mod stop;
mod stores;
mod sync;
mod synced;
mod team;
mod trust;
mod turns;
mod unreadable;
mod watches;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

/// Every block that is freed is wiped, so that plaintext does not outlive its reconcile.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Run(options) => commands::run::run(options).map(|()| ExitCode::SUCCESS),
        Command::Crds => commands::crds::print().map(|()| ExitCode::SUCCESS),
        Command::Rbac(options) => commands::rbac::print(&options),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => logging::last_words(failure.as_ref()),
    }
}
