//! The type of an unencrypted scalar, decided exactly as go-yaml 3.0.4 does for sops: it decides the
//! bytes that enter the MAC, so another reading would be another MAC.

use crate::timestamp::Timestamp;
use crate::typed::Typed;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_yaml::{Scalar, ScalarStyle};
use zeroize::Zeroizing;

/// Why a scalar has no type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// An integer above `i64::MAX`: sops refuses it.
    TooLarge,
    /// The text is not what the tag says.
    Tag,
}

/// The type of a scalar with its explicit tag.
pub(crate) fn resolve(scalar: &Scalar, tag: Option<&str>) -> Result<Typed, Unfit> {
    let text = scalar.text.as_str();
    let string = || Ok(Typed::Str(Zeroizing::new(text.as_bytes().to_vec())));
    // A lone `!` does not count as a tag for go-yaml.
    match tag.filter(|tag| *tag != "!") {
        None if scalar.style == ScalarStyle::Plain => plain(text, None),
        None => string(),
        Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("binary") => binary(text),
            Some(kind @ ("bool" | "int" | "float" | "null" | "timestamp")) => {
                plain(text, Some(kind))
            }
            _ => string(),
        },
    }
}

/// Whether a plain scalar with this text is a string to sops, and not one that YAML 1.1 readers
/// would take for something else: the condition under which go-yaml writes it without quotes.
pub(crate) fn is_safe_plain(text: &str) -> bool {
    matches!(plain(text, None), Ok(Typed::Str(_))) && !is_old_bool(text) && !is_base_60(text)
}

fn binary(text: &str) -> Result<Typed, Unfit> {
    let compact: Zeroizing<Vec<u8>> = Zeroizing::new(
        text.bytes()
            .filter(|byte| !matches!(byte, b'\n' | b'\r'))
            .collect(),
    );
    let bytes = STANDARD.decode(&*compact).map_err(|_| Unfit::Tag)?;
    Ok(Typed::Str(Zeroizing::new(bytes)))
}

fn plain(text: &str, tag: Option<&str>) -> Result<Typed, Unfit> {
    let typed = guess(text, tag)?;
    match (tag, &typed) {
        (None, _)
        | (Some("bool"), Typed::Bool(_))
        | (Some("int"), Typed::Int(_))
        | (Some("float"), Typed::Float(_))
        | (Some("null"), Typed::Null)
        | (Some("timestamp"), Typed::Time(_)) => Ok(typed),
        #[expect(
            clippy::cast_precision_loss,
            reason = "Go converts int64 to float64 alike"
        )]
        (Some("float"), Typed::Int(value)) => Ok(Typed::Float(*value as f64)),
        _ => Err(Unfit::Tag),
    }
}

fn guess(text: &str, tag: Option<&str>) -> Result<Typed, Unfit> {
    let string = || Ok(Typed::Str(Zeroizing::new(text.as_bytes().to_vec())));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Typed::Null),
        "true" | "True" | "TRUE" => return Ok(Typed::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Typed::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Ok(Typed::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Ok(Typed::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Ok(Typed::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => match leading_point(text) {
            Some(value) => Ok(Typed::Float(value)),
            None => string(),
        },
        b'+' | b'-' | b'0'..=b'9' => {
            if matches!(tag, None | Some("timestamp"))
                && let Some(time) = Timestamp::parse_go_yaml(text)
            {
                return Ok(Typed::Time(time));
            }
            number(&Zeroizing::new(text.replace('_', ""))).unwrap_or_else(string)
        }
        _ => string(),
    }
}

/// A float that starts with its point; Go allows underscores between digits here.
fn leading_point(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    if bytes
        .iter()
        .enumerate()
        .any(|(at, byte)| *byte == b'_' && !between_digits(at))
    {
        return None;
    }
    text.replace('_', "")
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

/// A number without underscores, or `None` for a string.
fn number(text: &str) -> Option<Result<Typed, Unfit>> {
    match integer(text) {
        Some(Ok(value)) => return Some(Ok(Typed::Int(value))),
        Some(Err(TooBig::Unsigned)) => return Some(Err(Unfit::TooLarge)),
        Some(Err(TooBig::Beyond)) | None => {}
    }
    if is_yaml_float(text) {
        let value: f64 = text.parse().ok()?;
        if value.is_finite() {
            return Some(Ok(Typed::Float(value)));
        }
    }
    // go-yaml reads these again with the sign behind the prefix.
    let (digits, radix, negative) = if let Some(digits) = text.strip_prefix("0b") {
        (digits, 2, false)
    } else if let Some(digits) = text.strip_prefix("-0b") {
        (digits, 2, true)
    } else if let Some(digits) = text.strip_prefix("0o") {
        (digits, 8, false)
    } else {
        (text.strip_prefix("-0o")?, 8, true)
    };
    if negative && digits.starts_with(['+', '-']) {
        return None;
    }
    let digits = if negative {
        format!("-{digits}")
    } else {
        digits.to_owned()
    };
    i64::from_str_radix(&digits, radix)
        .ok()
        .map(|value| Ok(Typed::Int(value)))
}

enum TooBig {
    /// It fits into 64 bits without a sign.
    Unsigned,
    /// It does not.
    Beyond,
}

/// Go's `ParseInt` and `ParseUint` with base 0: prefixes, and a bare leading zero for octal.
fn integer(text: &str) -> Option<Result<i64, TooBig>> {
    let (sign, magnitude) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let lower = magnitude.get(..2).map(str::to_ascii_lowercase);
    let (digits, radix) = match lower.as_deref() {
        Some("0x") => (&magnitude[2..], 16),
        Some("0o") => (&magnitude[2..], 8),
        Some("0b") => (&magnitude[2..], 2),
        Some(two) if two.starts_with('0') => (&magnitude[1..], 8),
        _ => (magnitude, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    if let Ok(value) = i64::from_str_radix(&Zeroizing::new(format!("{sign}{digits}")), radix) {
        return Some(Ok(value));
    }
    let unsigned = text.starts_with(|c: char| c.is_ascii_digit());
    let fits = unsigned && u64::from_str_radix(digits, radix).is_ok();
    Some(Err(if fits {
        TooBig::Unsigned
    } else {
        TooBig::Beyond
    }))
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = &rest[whole..];
    if let Some(behind) = rest.strip_prefix('.') {
        let fraction = behind.bytes().take_while(u8::is_ascii_digit).count();
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &behind[fraction..];
    } else if whole == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

fn is_old_bool(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off",
        "OFF", "=", "<<",
    ];
    WORDS.contains(&text)
}

/// A sexagesimal number of YAML 1.1, such as `12:30:45`.
fn is_base_60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let others: Vec<&str> = parts.collect();
    let digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && digits(fraction)
        && !others.is_empty()
        && others.iter().all(|part| {
            let bytes = part.as_bytes();
            match bytes.len() {
                1 => bytes[0].is_ascii_digit(),
                2 => (b'0'..=b'5').contains(&bytes[0]) && bytes[1].is_ascii_digit(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests;
