//! What one program does beside another, what we want, and whether we have it.

use super::report::Figure;
use serde_json::{Value, json};
use std::fmt;

/// One kind of work, done by both.
pub(super) struct Row {
    pub(super) work: &'static str,
    pub(super) lockstep: Seen,
    pub(super) flux: Seen,
    pub(super) aim: String,
    pub(super) is_met: bool,
}

/// What was seen of one program.
pub(super) enum Seen {
    /// Its figures, and which of their percentiles to show.
    Figures(Vec<(Figure, usize)>),
    /// Something that is no number.
    Words(String),
}

impl Seen {
    /// One figure's median.
    pub(super) fn median(figure: Figure) -> Self {
        Self::Figures(vec![(figure, 50)])
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Figures(figures) => figures.iter().map(|(one, _)| one.to_json()).collect(),
            Self::Words(words) => words.as_str().into(),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Figures(figures) => {
                let shown: Vec<_> = figures.iter().map(|(one, p)| one.at(*p)).collect();
                shown.join(", ")
            }
            Self::Words(words) => words.clone(),
        };
        f.pad(&text)
    }
}

/// The whole table.
pub(super) struct Comparison {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

impl Comparison {
    pub(super) fn to_json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "work": row.work,
                "lockstep": row.lockstep.to_json(),
                "flux": row.flux.to_json(),
                "aim": row.aim,
                "met": row.is_met,
            })
        };
        let rows: Vec<_> = self.rows.iter().map(row).collect();
        json!({"title": self.title, "rows": rows})
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |work: &str, lockstep: &str, flux: &str, aim: &str, verdict: &str| {
            writeln!(f, "| {work} | {lockstep} | {flux} | {aim} | {verdict} |")
        };
        line("work", "Lockstep", "Flux", "aim", "")?;
        line("---", "---", "---", "---", "---")?;
        for row in &self.rows {
            let (lockstep, flux) = (row.lockstep.to_string(), row.flux.to_string());
            let verdict = if row.is_met { "met" } else { "missed" };
            line(row.work, &lockstep, &flux, &row.aim, verdict)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Unit;
    use super::*;

    #[test]
    fn the_table_is_one_that_documents_can_hold() {
        let figure = || Figure::new("first apply", Unit::Milliseconds, vec![1.0, 2.5, 3.0]);
        let comparison = Comparison {
            title: "Both".to_owned(),
            rows: vec![Row {
                work: "apply",
                lockstep: Seen::Figures(vec![(figure(), 50), (figure(), 99)]),
                flux: Seen::Words("never".to_owned()),
                aim: "half".to_owned(),
                is_met: false,
            }],
        };
        let text = comparison.to_string();
        assert!(
            text.ends_with("| apply | 2.50 ms, 3 ms | never | half | missed |\n"),
            "{text}"
        );
        assert_eq!(comparison.to_json()["rows"][0]["lockstep"][1]["p99"], 3.0);
    }
}
