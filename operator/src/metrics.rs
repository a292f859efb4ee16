//! Metrics, for Prometheus.
//!
//! Labels come from fixed lists only: never a name from a repository, and nothing about a value, not
//! even its length.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Which kind was reconciled, and how that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    kind: &'static str,
    reason: &'static str,
}

/// Which kind was reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// The operator's metrics; cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    reconciles: Family<Outcome, Counter>,
    durations: Family<Kind, Histogram>,
    files_opened: Counter,
    objects_applied: Counter,
    objects_pruned: Counter,
    drifts: Counter,
    adoptions: Counter,
    tugs: Counter,
    panics: Counter,
    leading: Gauge,
    unreadable: Family<Kind, Gauge>,
}

impl Metrics {
    fn empty() -> Self {
        Self {
            reconciles: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 4.0, 9))
            }),
            files_opened: Counter::default(),
            objects_applied: Counter::default(),
            objects_pruned: Counter::default(),
            drifts: Counter::default(),
            adoptions: Counter::default(),
            tugs: Counter::default(),
            panics: Counter::default(),
            leading: Gauge::default(),
            unreadable: Family::default(),
        }
    }

    /// Makes the metrics and the registry that `/metrics` prints.
    pub(crate) fn new() -> (Self, Registry) {
        let metrics = Self::empty();
        let mut registry = Registry::with_prefix("lockstep");
        let m = metrics.clone();
        registry.register(
            "reconciles",
            "Reconciles that ended, by kind and Ready reason",
            m.reconciles,
        );
        registry.register_with_unit(
            "reconcile_duration",
            "Time a reconcile took",
            Unit::Seconds,
            m.durations,
        );
        for (name, about, counter) in metrics.counters() {
            registry.register(name, about, counter);
        }
        registry.register(
            "leading",
            "1 in the process that holds the lease",
            m.leading,
        );
        registry.register(
            "unreadable_objects",
            "Stored objects that do not match the definitions and are left out",
            m.unreadable,
        );
        (metrics, registry)
    }

    fn counters(&self) -> [(&'static str, &'static str, Counter); 7] {
        let m = self.clone();
        [
            (
                "files_opened",
                "Encrypted files whose MAC was verified and that were opened",
                m.files_opened,
            ),
            (
                "objects_applied",
                "Objects written by server-side apply",
                m.objects_applied,
            ),
            (
                "objects_pruned",
                "Objects deleted because Git no longer has them",
                m.objects_pruned,
            ),
            (
                "drifts",
                "Objects found changed by somebody else and put back",
                m.drifts,
            ),
            (
                "adoptions",
                "Objects taken over from another manager or Sync",
                m.adoptions,
            ),
            (
                "tugs_of_war",
                "Times an object was left for a while because somebody changes it again and again",
                m.tugs,
            ),
            (
                "panics",
                "Reconciles that panicked and were caught",
                m.panics,
            ),
        ]
    }

    /// Counts the end of a reconcile.
    pub(crate) fn reconciled(&self, kind: &'static str, reason: &'static str, took: Duration) {
        self.reconciles
            .get_or_create(&Outcome { kind, reason })
            .inc();
        self.durations
            .get_or_create(&Kind { kind })
            .observe(took.as_secs_f64());
    }

    /// Counts encrypted files that were opened.
    pub(crate) fn opened(&self, files: u64) {
        self.files_opened.inc_by(files);
    }

    /// Counts objects written.
    pub(crate) fn applied(&self, objects: u64) {
        self.objects_applied.inc_by(objects);
    }

    /// Counts objects deleted.
    pub(crate) fn pruned(&self, objects: u64) {
        self.objects_pruned.inc_by(objects);
    }

    /// Counts an object found changed by somebody else.
    pub(crate) fn drifted(&self) {
        self.drifts.inc();
    }

    /// Says that this process holds the lease, which it does to its end.
    pub(crate) fn leading(&self) {
        self.leading.set(1);
    }

    /// Says how many objects of a kind cannot be read.
    pub(crate) fn unreadable(&self, kind: &'static str, objects: usize) {
        let objects = i64::try_from(objects).unwrap_or(i64::MAX);
        self.unreadable.get_or_create(&Kind { kind }).set(objects);
    }

    /// Counts objects taken over from others.
    pub(crate) fn adopted(&self, objects: usize) {
        self.adoptions.inc_by(objects as u64);
    }

    /// Counts a pause in a tug of war.
    pub(crate) fn tugged(&self) {
        self.tugs.inc();
    }

    /// Counts a caught panic.
    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }
}
