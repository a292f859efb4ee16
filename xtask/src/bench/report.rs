//! Figures and how they are shown.

use super::comparison::Comparison;
use super::machine::Machine;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Mebibytes,
    Requests,
    Times,
    Objects,
    Copies,
}

impl Unit {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::Requests => "requests",
            Self::Times => "times",
            Self::Objects => "objects",
            Self::Copies => "copies",
        }
    }
}

/// One thing that was measured, once or more often.
pub(super) struct Figure {
    what: String,
    unit: Unit,
    /// Ascending.
    samples: Vec<f64>,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, unit: Unit, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self {
            what: what.into(),
            unit,
            samples,
        }
    }

    pub(super) fn times(what: impl Into<String>, samples: &[Duration]) -> Self {
        let samples = samples.iter().map(|sample| sample.as_secs_f64() * 1e3);
        Self::new(what, Unit::Milliseconds, samples.collect())
    }

    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// A percentile with its unit.
    pub(super) fn at(&self, percent: usize) -> String {
        format!("{} {}", shown(self.percentile(percent)), self.unit.symbol())
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "unit": self.unit.symbol(),
            "p50": self.percentile(50),
            "p99": self.percentile(99),
            "samples": self.samples,
        })
    }

    /// By nearest rank: always a value that was measured. `NaN` if nothing was.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.samples.len() * percent).div_ceil(100).max(1);
        self.samples.get(rank - 1).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  {:<62}{:>10}{:>10}{:>5}  {}",
            self.what,
            shown(self.percentile(50)),
            shown(self.percentile(99)),
            self.samples.len(),
            self.unit.symbol()
        )
    }
}

/// Three digits are as many as anybody can believe.
fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        small if small >= 100.0 || small.fract() == 0.0 => 0,
        small if small >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// Figures that belong together.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) figures: Vec<Figure>,
}

/// Everything that was measured, and where.
pub(crate) struct Report {
    pub(super) machine: Machine,
    pub(super) sections: Vec<Section>,
    pub(super) comparisons: Vec<Comparison>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.machine)?;
        for section in &self.sections {
            writeln!(f, "\n{}", section.title)?;
            writeln!(f, "  {:<62}{:>10}{:>10}{:>5}", "", "p50", "p99", "n")?;
            for figure in &section.figures {
                writeln!(f, "{figure}")?;
            }
        }
        for comparison in &self.comparisons {
            writeln!(f, "\n{}\n\n{comparison}", comparison.title)?;
        }
        Ok(())
    }
}

impl Report {
    pub(crate) fn to_json(&self) -> Value {
        let section = |section: &Section| {
            let figures: Vec<_> = section.figures.iter().map(Figure::to_json).collect();
            json!({"title": section.title, "figures": figures})
        };
        let sections: Vec<_> = self.sections.iter().map(section).collect();
        let comparisons: Vec<_> = self.comparisons.iter().map(Comparison::to_json).collect();
        json!({
            "machine": self.machine.to_json(),
            "sections": sections,
            "comparisons": comparisons,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let samples = (1..=20).rev().map(f64::from).collect();
        let figure = Figure::new("twenty", Unit::Requests, samples);
        assert_eq!((figure.median(), figure.percentile(99)), (10.0, 20.0));
        let one = Figure::times("one", &[Duration::from_micros(1500)]);
        assert_eq!((one.median(), one.percentile(99)), (1.5, 1.5));
        assert!(Figure::times("none", &[]).median().is_nan());
    }

    #[test]
    fn numbers_have_about_three_digits() {
        assert_eq!(
            [0.0, 3.0, 0.514, 4.567, 45.67, 456.7, 45678.9].map(shown),
            ["0", "3", "0.51", "4.57", "45.7", "457", "45679"]
        );
    }
}
