//! Lengths of time as Kubernetes users write them: `30s`, `5m`, `1h30m`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One year: longer than any sensible interval, and far from every overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// The longest `spec.timeout` that counts: work that stalls holds one of its team's turns until then.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);
const SHORTEST: Duration = Duration::from_secs(1);

/// A length of time between one second and one year, kept as it was written.
///
/// The form is Go's, without signs: numbers with the units `ms`, `s`, `m`, `h`, one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval {
    text: String,
    duration: Duration,
}

impl Interval {
    /// The length itself.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    pub(crate) fn literal(text: &'static str) -> Self {
        text.parse()
            .expect("this holds because defaults are valid intervals, which a test checks")
    }
}

/// A text is not a length of time, or one that is too short or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an interval from 1s to 8760h, such as 30s, 5m or 1h30m")]
pub struct InvalidInterval;

impl FromStr for Interval {
    type Err = InvalidInterval;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let duration = parse(text).ok_or(InvalidInterval)?;
        if !(SHORTEST..=LONGEST).contains(&duration) {
            return Err(InvalidInterval);
        }
        Ok(Self {
            text: text.to_owned(),
            duration,
        })
    }
}

impl TryFrom<String> for Interval {
    type Error = InvalidInterval;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.text
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The schema of a timeout: an interval of an hour at most.
pub(crate) fn timeout_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Interval::json_schema(generator);
    schema.insert(
        "x-kubernetes-validations".to_owned(),
        serde_json::json!([{
            "rule": "duration(self) >= duration('1s') && duration(self) <= duration('1h')",
            "message": "must be from 1s to 1h"
        }]),
    );
    schema
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 32,
            "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
            "x-kubernetes-validations": [{
                "rule": "duration(self) >= duration('1s') && duration(self) <= duration('8760h')",
                "message": "must be from 1s to 8760h"
            }]
        })
    }
}

fn parse(mut text: &str) -> Option<Duration> {
    if text.is_empty() || text.len() > 32 {
        return None;
    }
    let mut total = Duration::ZERO;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at(end);
        let (unit, rest) = [
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
            ("h", 3_600_000_000_000),
        ]
        .into_iter()
        .find_map(|(unit, nanos): (_, u128)| Some((nanos, rest.strip_prefix(unit)?)))?;
        total = total.checked_add(part(number, unit)?)?;
        text = rest;
    }
    Some(total)
}

/// One number of `unit` nanoseconds; digits after the ninth decimal are below the resolution.
fn part(number: &str, unit: u128) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let fraction: u128 = format!("{fraction:0<9.9}").parse().ok()?;
    let nanos = whole
        .checked_mul(unit)?
        .checked_add(fraction * unit / 1_000_000_000)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(
        seconds,
        u32::try_from(nanos % 1_000_000_000).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_flux_users_know_are_read() {
        let cases = [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("1s500ms", 1500),
        ];
        for (text, millis) in cases {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.duration(), Duration::from_millis(millis), "{text}");
            assert_eq!(interval.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_usable_length_is_refused() {
        let bad = [
            "",
            "0",
            "0s",
            "999ms",
            "-5m",
            "1y",
            "1d",
            "5",
            "m",
            "1.m",
            ".5h",
            "1..2s",
            "8761h",
            " 5m",
            "5m ",
            "99999999999999999999h",
            "999999999999999999999999999999h",
            "1h-3m",
            "٣m",
        ];
        for text in bad {
            assert_eq!(text.parse::<Interval>(), Err(InvalidInterval), "{text:?}");
        }
    }
}
