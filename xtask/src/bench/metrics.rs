//! What controllers count themselves, read from `/metrics`.

use anyhow::{Context as _, Result};
use std::ops::Sub;
use std::time::Duration;

/// How often something was reconciled so far, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reconciles {
    pub(super) count: f64,
    pub(super) seconds: f64,
}

impl Reconciles {
    /// All Syncs.
    pub(super) fn of_lockstep(text: &str) -> Result<Self> {
        Self::read(text, "lockstep_reconcile_duration_seconds", "kind=\"Sync\"")
    }

    /// All Kustomizations.
    pub(super) fn of_flux(text: &str) -> Result<Self> {
        Self::read(
            text,
            "gotk_reconcile_duration_seconds",
            "kind=\"Kustomization\"",
        )
    }

    fn read(text: &str, histogram: &str, label: &str) -> Result<Self> {
        let sum = |what: &str| {
            let name = format!("{histogram}_{what}{{");
            let lines = text.lines().filter_map(|line| line.strip_prefix(&name));
            let values: Vec<f64> = lines
                .filter_map(|line| line.split_once("} "))
                .filter(|(labels, _)| labels.split(',').any(|one| one == label))
                .filter_map(|(_, value)| value.trim().parse().ok())
                .collect();
            (!values.is_empty())
                .then(|| values.iter().sum())
                .with_context(|| format!("/metrics has no {name} with {label}"))
        };
        Ok(Self {
            count: sum("count")?,
            seconds: sum("sum")?,
        })
    }

    /// How long each took on average.
    pub(super) fn mean(self) -> Duration {
        Duration::from_secs_f64(self.seconds / self.count)
    }
}

impl Sub for Reconciles {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            count: self.count - before.count,
            seconds: self.seconds - before.seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kind_that_is_asked_for_is_counted() {
        let text = "lockstep_reconcile_duration_seconds_sum{kind=\"Repository\"} 7.0\n\
                    lockstep_reconcile_duration_seconds_sum{kind=\"Sync\"} 0.25\n\
                    lockstep_reconcile_duration_seconds_count{kind=\"Sync\"} 4\n";
        let read = Reconciles::of_lockstep(text).unwrap();
        let expected = Reconciles {
            count: 4.0,
            seconds: 0.25,
        };
        assert_eq!(read, expected);
        assert!(Reconciles::of_lockstep("").is_err());
        let text = "gotk_reconcile_duration_seconds_sum{kind=\"Kustomization\",name=\"a\"} 2\n\
                    gotk_reconcile_duration_seconds_sum{kind=\"Kustomization\",name=\"b\"} 1\n\
                    gotk_reconcile_duration_seconds_count{kind=\"Kustomization\",name=\"a\"} 3\n";
        let read = Reconciles::of_flux(text).unwrap();
        assert_eq!(read.mean(), Duration::from_secs(1));
    }
}
