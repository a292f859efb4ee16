//! Timestamps as go-yaml reads them from plain scalars and as Go prints them (RFC 3339).

use std::fmt;

/// A point in time with the offset it was written with.
///
/// Kept in its parts: sops reads a timestamp and prints it again, and never computes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    date: [u32; 3],
    time: [u32; 3],
    /// Digits behind the point, at most nine, without zeros at the end.
    fraction: String,
    /// Minutes east of UTC.
    offset: i32,
}

/// What stands between the date and the time, and what may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Two-digit fields, `T`, a zone.
    Rfc3339,
    /// One- or two-digit fields; `T` or `t` with a zone, a blank without one, or only a date.
    GoYaml,
}

impl Timestamp {
    /// Reads what go-yaml 3.0.4 takes for a timestamp in a plain scalar.
    pub(crate) fn parse_go_yaml(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 4 {
            return None;
        }
        Self::parse(text, Form::GoYaml)
    }

    /// Reads RFC 3339.
    pub(crate) fn parse_rfc3339(text: &str) -> Option<Self> {
        Self::parse(text, Form::Rfc3339)
    }

    /// The same time without a fraction of a second.
    pub(crate) fn to_seconds(&self) -> Self {
        Self {
            fraction: String::new(),
            ..self.clone()
        }
    }

    fn parse(text: &str, form: Form) -> Option<Self> {
        let least = if form == Form::Rfc3339 { 2 } else { 1 };
        let mut rest = Cursor(text);
        let year = rest.number(4, 4)?;
        rest.skip("-")?;
        let month = rest.number(least, 2)?;
        rest.skip("-")?;
        let day = rest.number(least, 2)?;
        if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
            return None;
        }
        let date = [year, month, day];
        if rest.0.is_empty() && form == Form::GoYaml {
            return Some(Self {
                date,
                time: [0; 3],
                fraction: String::new(),
                offset: 0,
            });
        }
        let blank = form == Form::GoYaml && rest.skip(" ").is_some();
        if !blank && rest.skip("T").is_none() {
            if form == Form::Rfc3339 {
                return None;
            }
            rest.skip("t")?;
        }
        let hour = rest.number(least, 2)?;
        rest.skip(":")?;
        let minute = rest.number(least, 2)?;
        rest.skip(":")?;
        let second = rest.number(least, 2)?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let fraction = rest.fraction()?;
        let offset = if blank { 0 } else { rest.zone()? };
        rest.0.is_empty().then_some(Self {
            date,
            time: [hour, minute, second],
            fraction,
            offset,
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([year, month, day], [hour, minute, second]) = (self.date, self.time);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let (sign, minutes) = (if self.offset < 0 { '-' } else { '+' }, self.offset.abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

struct Cursor<'t>(&'t str);

impl Cursor<'_> {
    fn skip(&mut self, prefix: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(prefix)?;
        Some(())
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let length = self
            .0
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        if length < least {
            None
        } else {
            digits.parse().ok()
        }
    }

    /// A point or comma and digits, of which Go keeps nine; nothing is fine too.
    fn fraction(&mut self) -> Option<String> {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else {
            return Some(String::new());
        };
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = rest.split_at(length);
        self.0 = rest;
        let kept = &digits[..length.min(9)];
        (length > 0).then(|| kept.trim_end_matches('0').to_owned())
    }

    fn zone(&mut self) -> Option<i32> {
        if self.skip("Z").is_some() {
            return Some(0);
        }
        let sign = if self.skip("+").is_some() {
            1
        } else {
            self.skip("-")?;
            -1
        };
        let hours = self.number(2, 2)?;
        self.skip(":")?;
        let minutes = self.number(2, 2)?;
        if hours > 23 || minutes > 59 {
            return None;
        }
        Some(sign * i32::try_from(hours * 60 + minutes).ok()?)
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_yaml_forms_print_as_rfc3339() {
        for (written, printed) in [
            ("2024-01-02", "2024-01-02T00:00:00Z"),
            ("2024-1-2", "2024-01-02T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2024-01-02 3:4:5", "2024-01-02T03:04:05Z"),
            ("2024-01-02 03:04:05.120", "2024-01-02T03:04:05.12Z"),
            ("2024-01-02t03:04:05+00:00", "2024-01-02T03:04:05Z"),
            (
                "2024-01-02T03:04:05.1234567891-05:30",
                "2024-01-02T03:04:05.123456789-05:30",
            ),
        ] {
            let time = Timestamp::parse_go_yaml(written).unwrap_or_else(|| panic!("{written}"));
            assert_eq!(time.to_string(), printed);
            assert_eq!(Timestamp::parse_rfc3339(printed), Some(time));
        }
    }

    #[test]
    fn other_texts_are_not_timestamps() {
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-32",
            "24-01-01",
            "02024-01-01",
            "2024-01-02T25:00:00Z",
            "2024-01-02T03:04:05",
            "2024-01-02 03:04:05Z",
            "2024-01-02 03:04:05 +01:00",
            "2024-01-02T03:04Z",
            "2024-01-02T03:04:05.Z",
            "2024-01",
        ] {
            assert_eq!(Timestamp::parse_go_yaml(text), None, "{text}");
        }
        assert_eq!(Timestamp::parse_rfc3339("2024-1-2T03:04:05Z"), None);
        assert_eq!(Timestamp::parse_rfc3339("2024-01-02"), None);
    }
}
