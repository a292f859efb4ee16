//! `lockstep-operator run`: starts every part and runs until told to stop.

use super::Failure;
use crate::arguments::RunOptions;
use crate::claims::Claims;
use crate::context::Context;
use crate::controllers::Controllers;
use crate::events::Events;
use crate::guard::Guard;
use crate::keys::Keys;
use crate::leader::{self, Candidate};
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
use lockstep_apply::{ApiServer, Fence, Fingerprints, Kinds};
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
    let ended = runtime.block_on(operate(options));
    if ended.is_err() {
        // Whoever may not go on does not wait for work that blocks.
        runtime.shutdown_background();
    }
    ended
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
    tokio::select! {
        outcome = lead(options, stop, metrics, probes) => outcome,
        ended = server => Err(ended.map_or_else(Into::into, |outcome| outcome.map_or_else(Into::into, |()| "the HTTP server ended".into()))),
    }
}

/// Waits for the lease, works while it is held, and gives it back.
async fn lead(
    options: RunOptions,
    stop: Stop,
    metrics: Metrics,
    probes: Arc<Probes>,
) -> Result<(), Failure> {
    let config = cluster::find(&options.place).await?;
    let identity = leader::identity();
    let agent = format!(
        "lockstep-operator/{} ({identity})",
        env!("CARGO_PKG_VERSION")
    );
    if !options.leader_elect {
        let server = ApiServer::new(config, &agent, Fence::open());
        return work(options, server, stop, metrics, probes).await;
    }
    let fence = Fence::closed();
    let server = ApiServer::new(config, &agent, fence.clone());
    let namespace = options.place.namespace.parse()?;
    let candidate = Candidate::new(&server, &namespace, identity, fence)?;
    // Who stands by is as it should be: an update must not wait for it to lead.
    let mut leader = tokio::select! {
        leader = candidate.win(|| probes.set_ready()) => leader,
        () = stop.clone().wait() => return Ok(()),
    };
    metrics.leading();
    tokio::select! {
        outcome = work(options, server, stop, metrics, probes) => outcome?,
        lost = leader.hold() => return Err(lost.into()),
    }
    leader.release().await;
    Ok(())
}

/// Runs every part until told to stop.
async fn work(
    options: RunOptions,
    server: ApiServer,
    stop: Stop,
    metrics: Metrics,
    probes: Arc<Probes>,
) -> Result<(), Failure> {
    let client = server.client()?;
    let watching = server.watching_client()?;
    let namespace = options.place.namespace.parse()?;
    let synced = Synced::default();
    let (keys, key_changes) = Keys::new(&server, watching.clone(), namespace, &synced);
    let ledger = Arc::new(Ledger::default());
    let (watches, woken) = Watches::new(ledger.clone());
    let (past, rewound) = Past::new(client.clone());
    let controllers = Controllers::new(&watching, options.concurrency, &synced, &metrics, past);
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
        claims: Claims::default(),
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
        guard: Guard::default(),
        stop,
        server,
    });
    let tidying = tokio::spawn(janitor::tidy(context.clone()));
    tokio::select! {
        () = controllers.run(context, probes, key_changes, woken) => tracing::info!("stopped"),
        rewound = rewound => return Err(rewound.into()),
    }
    tidying.abort();
    Ok(())
}
