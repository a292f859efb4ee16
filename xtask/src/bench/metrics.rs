//! What the operator counts itself, read from `/metrics`.

use anyhow::{Context as _, Result};
use lockstep_testbed::Operator;

/// The Syncs that were reconciled so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reconciles {
    pub(super) count: f64,
    pub(super) seconds: f64,
}

impl Reconciles {
    pub(super) fn of(operator: &Operator) -> Result<Self> {
        Self::read(&operator.get("/metrics")?)
    }

    fn read(text: &str) -> Result<Self> {
        let value = |what: &str| {
            let name = format!("lockstep_reconcile_duration_seconds_{what}{{kind=\"Sync\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&name));
            line.and_then(|value| value.trim().parse().ok())
                .with_context(|| format!("/metrics has no {name}"))
        };
        Ok(Self {
            count: value("count")?,
            seconds: value("sum")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_syncs_are_counted() {
        let text = "lockstep_reconcile_duration_seconds_sum{kind=\"Repository\"} 7.0\n\
                    lockstep_reconcile_duration_seconds_sum{kind=\"Sync\"} 0.25\n\
                    lockstep_reconcile_duration_seconds_count{kind=\"Sync\"} 4\n";
        let read = Reconciles::read(text).unwrap();
        let expected = Reconciles {
            count: 4.0,
            seconds: 0.25,
        };
        assert_eq!(read, expected);
        assert!(Reconciles::read("").is_err());
    }
}
