//! `lockstep-operator run`: starts every part and runs until told to stop.

use super::Failure;
use crate::arguments::RunOptions;
use crate::context::Context;
use crate::controllers::Controllers;
use crate::events::Events;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::past::Past;
use crate::repository::Schedule;
use crate::server::{self, Probes};
use crate::stop::Stop;
use crate::stores::Stores;
use crate::sync::memory::Memories;
use crate::synced::Synced;
use crate::trust::{CHECKS, Checks};
use crate::watches::Watches;
use crate::{cluster, hardening, janitor, logging};
use lockstep_apply::{Fingerprints, Kinds};
use rand::TryRng;
use std::sync::Arc;

/// Runs until SIGTERM or SIGINT; what is in hand then is finished first.
///
/// # Errors
/// When the operator cannot start: no cluster, no access, no place for its store.
pub(crate) fn run(options: RunOptions) -> Result<(), Failure> {
    hardening::choose_tls();
    logging::start(options.log_format, options.log_level);
    hardening::forbid_dumps();
    hardening::silence_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(operate(options))
}

async fn operate(options: RunOptions) -> Result<(), Failure> {
    if CHECKS == Checks::LeftOut {
        tracing::warn!(
            "this is a test build that leaves its checks out: never give it a real cluster"
        );
    }
    let stop = Stop::on_signals()?;
    std::fs::create_dir_all(&options.store)
        .map_err(|error| format!("the store {}: {error}", options.store.display()))?;
    let (metrics, registry) = Metrics::new();
    let probes = Probes::new(registry);
    let server = tokio::spawn(server::serve(options.listen, probes.clone()));
    let config = cluster::find(&options.place).await?;
    let client = cluster::client(&config)?;
    let watching = cluster::watch_client(&config)?;
    let namespace = options.place.namespace.parse()?;
    let synced = Synced::default();
    let (keys, key_changes) = Keys::new(&config, watching.clone(), namespace, &synced);
    let ledger = Arc::new(Ledger::default());
    let (watches, woken) = Watches::new(ledger.clone());
    let (past, rewound) = Past::new(client.clone());
    let controllers = Controllers::new(&watching, options.concurrency, &synced, past);
    let context = Arc::new(Context {
        client: client.clone(),
        namespace: options.place.namespace.parse()?,
        full_apply_interval: options.full_apply_interval.duration(),
        teams: controllers.teams(),
        repositories: controllers.repositories(),
        syncs: controllers.syncs(),
        keys,
        stores: Stores::new(options.store),
        schedule: Schedule::default(),
        memories: Memories::default(),
        ledger,
        watches,
        kinds: Kinds::new(client.clone()),
        fingerprints: Fingerprints::new(&mut |bytes| {
            rand::rngs::SysRng
                .try_fill_bytes(bytes)
                .expect("this holds because the kernel gives random bytes once it runs")
        }),
        events: Events::new(client),
        metrics,
        synced,
        stop,
        config,
    });
    let tidying = tokio::spawn(janitor::tidy(context.clone()));
    tokio::select! {
        () = controllers.run(context, probes, key_changes, woken) => tracing::info!("stopped"),
        rewound = rewound => return Err(rewound.into()),
        ended = server => return Err(ended.map_or_else(Into::into, |outcome| outcome.map_or_else(Into::into, |()| "the HTTP server ended".into()))),
    }
    tidying.abort();
    Ok(())
}
