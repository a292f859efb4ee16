//! The type of a scalar, as kubectl sees it.
//!
//! kubectl reads YAML with sigs.k8s.io/yaml, which types plain scalars like YAML 1.1 (`yes`, `0777`)
//! with some 1.2 (`0o17`), leaves out base 60, and keeps timestamps as text. The cases in
//! `tests/scalars.txt` were answered by version 1.6.0.

use crate::error::RenderErrorKind;
use crate::json::{Json, Text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_sops::{ClearScalar, OpenedKind, OpenedScalar, ScalarStyle};
use zeroize::Zeroizing;

const TAG: &str = "tag:yaml.org,2002:";

/// Whether a value is one that SOPS encrypted, whole or not: nobody could use it.
pub(crate) fn is_ciphertext(value: &[u8]) -> bool {
    value.trim_ascii_start().starts_with(b"ENC[AES256_GCM,")
}

/// Types a scalar that stands in clear.
pub(crate) fn clear(scalar: &ClearScalar) -> Result<Json<'_>, RenderErrorKind> {
    let text = scalar.text.as_str();
    if is_ciphertext(text.as_bytes()) {
        return Err(RenderErrorKind::StillEncrypted);
    }
    let tag = scalar.tag.as_deref();
    match tag.map(|tag| tag.strip_prefix(TAG).unwrap_or(tag)) {
        None if scalar.style == ScalarStyle::Plain => resolve(text),
        Some("int") => checked(text, |json| matches!(json, Json::Number(_)) && is_int(text)),
        Some("float") => checked(text, |json| matches!(json, Json::Number(_))),
        Some("bool") => checked(text, |json| matches!(json, Json::Bool(_))),
        Some("null") => checked(text, |json| matches!(json, Json::Null)),
        Some("binary") if tag != Some("binary") => binary(text),
        _ => Ok(Json::text(text)),
    }
}

/// Types a scalar that was decrypted: SOPS has kept its type.
pub(crate) fn opened(scalar: &OpenedScalar) -> Result<Json<'_>, RenderErrorKind> {
    let text = scalar.text.expose();
    match scalar.kind {
        OpenedKind::Str | OpenedKind::Time => Ok(Json::text(text)),
        OpenedKind::Bool => Ok(Json::Bool(text.eq_ignore_ascii_case("true"))),
        OpenedKind::Int | OpenedKind::Float => match resolve(text)? {
            number @ Json::Number(_) => Ok(number),
            _ => Err(RenderErrorKind::NotFinite),
        },
        OpenedKind::Binary => Err(RenderErrorKind::NotUtf8),
    }
}

fn checked(text: &str, fits: impl Fn(&Json<'_>) -> bool) -> Result<Json<'_>, RenderErrorKind> {
    resolve(text).and_then(|json| {
        if fits(&json) {
            Ok(json)
        } else {
            Err(RenderErrorKind::Tag)
        }
    })
}

fn binary(text: &str) -> Result<Json<'_>, RenderErrorKind> {
    let mut packed = Zeroizing::new(text.to_owned());
    packed.retain(|c| c != '\n' && c != '\r');
    let bytes = STANDARD
        .decode(packed.as_bytes())
        .map_err(|_| RenderErrorKind::Tag)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        RenderErrorKind::NotUtf8
    })?;
    Ok(Json::Text(Text::Owned(Zeroizing::new(text))))
}

/// Types a plain scalar.
fn resolve(text: &str) -> Result<Json<'_>, RenderErrorKind> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Json::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Json::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Json::Bool(false));
        }
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Err(RenderErrorKind::NotFinite),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return Err(RenderErrorKind::NotFinite),
        _ => {}
    }
    let first = text.as_bytes()[0];
    let number = match first {
        b'.' => float(text),
        b'+' | b'-' | b'0'..=b'9' => {
            let plain = without_underscores(text);
            int(&plain).or_else(|| float(&plain))
        }
        _ => None,
    };
    Ok(number.map_or_else(|| Json::text(text), Json::Number))
}

/// An integer of 64 bits, signed or not, in any of Go's bases.
fn int(text: &str) -> Option<Zeroizing<String>> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let (base, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    let number = match sign {
        "-" => 0i64.checked_sub_unsigned(size)?.to_string(),
        "+" => i64::try_from(size).ok()?.to_string(),
        _ => size.to_string(),
    };
    Some(Zeroizing::new(number))
}

/// A float, unless it is too large for one: then it stays text, as in Go.
fn float(text: &str) -> Option<Zeroizing<String>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !mantissa_fits || !exponent_fits {
        return None;
    }
    let number: f64 = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    // An exponent only where Go writes one, so that 8.0 becomes the whole number that an integer
    // field takes.
    let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    Some(Zeroizing::new(if plain {
        format!("{number}")
    } else {
        format!("{number:e}")
    }))
}

/// Is this plain text a whole number?
fn is_int(text: &str) -> bool {
    int(&without_underscores(text)).is_some()
}

fn without_underscores(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(text.to_owned());
    plain.retain(|c| c != '_');
    plain
}
