//! What every reconcile may use.

use crate::claims::Claims;
use crate::events::Events;
use crate::guard::Guard;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::repository::Schedule;
use crate::stop::Stop;
use crate::stores::Stores;
use crate::sync::memory::Memories;
use crate::synced::Synced;
use crate::watches::Watches;
use kube::Client;
use kube::runtime::reflector::Store;
use lockstep_api::{Repository, Sync, Team};
use lockstep_apply::{ApiServer, Fingerprints, Kinds};
use lockstep_names::NamespaceName;
use std::sync::Arc;
use std::time::Duration;

/// The parts of the running operator. Each guards its own state; nothing here is shared otherwise.
pub(crate) struct Context {
    /// The API server; sessions as a team are made from it.
    pub server: ApiServer,
    /// The operator as itself: its own kinds, events, and nothing of the teams.
    pub client: Client,
    /// The namespace the operator runs in.
    pub namespace: NamespaceName,
    /// How often everything is applied again, changed or not.
    pub full_apply_interval: Duration,
    /// All Teams.
    pub teams: Store<Team>,
    /// All Repositories.
    pub repositories: Store<Repository>,
    /// All Syncs.
    pub syncs: Store<Sync>,
    /// The teams' identities.
    pub keys: Keys,
    /// Git objects, by Repository.
    pub stores: Stores,
    /// When each Repository is fetched next.
    pub schedule: Schedule,
    /// What the Syncs' last reconciles found.
    pub memories: Memories,
    /// What each Sync wants.
    pub claims: Claims,
    /// What was applied.
    pub ledger: Arc<Ledger>,
    /// The drift watches.
    pub watches: Watches,
    /// Which kinds the API server knows.
    pub kinds: Kinds,
    /// Digests of what was applied, under a key of this process.
    pub fingerprints: Fingerprints,
    /// Events on our own kinds.
    pub events: Events,
    /// Counters.
    pub metrics: Metrics,
    /// Whether everything that is watched has been listed once.
    pub synced: Synced,
    /// What panicked.
    pub guard: Guard,
    /// The wish to stop.
    pub stop: Stop,
}
