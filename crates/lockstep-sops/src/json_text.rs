//! Spells values as JSON. What is written is read alike as YAML in double quotes.

use crate::tree::OpenedKind;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// A JSON string. What need not be escaped stands for itself.
pub(crate) fn quoted(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + text.len() / 8 + 8));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // YAML takes some of these for line breaks, and has no others.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                write!(out, "\\u{:04x}", u32::from(c))
                    .expect("this holds because a String takes every write");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A decrypted value as sops writes it into JSON.
pub(crate) fn value(kind: OpenedKind, text: &str) -> Zeroizing<String> {
    match kind {
        OpenedKind::Str | OpenedKind::Time => quoted(text),
        // JSON has no bytes: as with sops, what is not UTF-8 is lost.
        OpenedKind::Binary => {
            let bytes = Zeroizing::new(STANDARD.decode(text).unwrap_or_default());
            quoted(&Zeroizing::new(
                String::from_utf8_lossy(&bytes).into_owned(),
            ))
        }
        OpenedKind::Int => Zeroizing::new(text.to_owned()),
        OpenedKind::Bool => Zeroizing::new(text.to_ascii_lowercase()),
        OpenedKind::Float => float(text),
    }
}

/// The shortest form, with an exponent where Go's JSON has one; what is no number is quoted.
fn float(text: &str) -> Zeroizing<String> {
    match text.parse::<f64>() {
        Ok(value) if !value.is_finite() => quoted(text),
        Ok(value) if value != 0.0 && !(1e-6..1e21).contains(&value.abs()) => {
            let spelled = format!("{value:e}");
            Zeroizing::new(if spelled.contains("e-") {
                spelled
            } else {
                spelled.replace('e', "e+")
            })
        }
        _ => Zeroizing::new(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_go_does() {
        for (text, expected) in [
            ("5", "5"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1000000000000000000000", "1e+21"),
            ("-0", "-0"),
            ("NaN", "\"NaN\""),
        ] {
            assert_eq!(*value(OpenedKind::Float, text), expected);
        }
    }

    #[test]
    fn a_string_reads_back_as_itself() {
        let text: String = (0..0x3000).filter_map(char::from_u32).collect();
        let text = format!("{text}\u{feff}🦀");
        assert_eq!(
            serde_json::from_str::<String>(&quoted(&text)).unwrap(),
            text
        );
    }
}
