//! The forms in which a value could be lying about, and pieces of them.
//!
//! Values are searched for piece by piece, so that half a value is a find as well: any run of 24
//! characters of a form (39 of a long one) holds a whole piece.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::HashMap;

/// Length of a piece; random text of this length is nowhere by chance.
const PIECE: usize = 16;
/// Distance between two pieces.
const STRIDE: usize = 8;
/// Forms longer than this have fewer pieces.
const LONG: usize = 4096;

/// Which forms to look for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// As it is, as JSON and YAML escape it, and in base64 at any offset.
    Plain,
    /// Also in hexadecimal, reversed, escaped for a URL, and what digests of it look like.
    Disguised,
}

/// What to look for.
pub(crate) struct Needles {
    automaton: AhoCorasick,
    labels: Vec<String>,
    longest: usize,
}

impl Needles {
    /// Looks for pieces of all forms of these values, each with a name that a find is reported by.
    pub(crate) fn new<'a>(
        forms: Forms,
        values: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Self {
        let mut pieces = HashMap::new();
        for (name, value) in values {
            for (form, text) in plain(value).into_iter().chain(match forms {
                Forms::Plain => Vec::new(),
                Forms::Disguised => disguised(value),
            }) {
                let stride = if text.len() > LONG {
                    PIECE * 3 / 2
                } else {
                    STRIDE
                };
                let last = text.len().saturating_sub(PIECE);
                for start in (0..last).step_by(stride).chain([last]) {
                    let piece = text[start..text.len().min(start + PIECE)].to_vec();
                    let label = format!("{name} {form} [{start}]");
                    pieces.entry(piece).or_insert(label);
                }
            }
        }
        let (pieces, labels): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
        let longest = pieces.iter().map(Vec::len).max().unwrap_or_default();
        let automaton = AhoCorasick::new(&pieces)
            .expect("this holds because the pieces are few and short enough for its tables");
        Self {
            automaton,
            labels,
            longest,
        }
    }

    /// Length of the longest piece.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Every piece found in `text`: where, and what it is.
    pub(crate) fn find<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (usize, &'a str)> + 'a {
        let found = self.automaton.find_iter(text);
        found.map(|found| (found.start(), self.labels[found.pattern()].as_str()))
    }

    /// What is found in `text`, for a report.
    pub(crate) fn seen_in(&self, text: &[u8]) -> Vec<String> {
        let show = |(at, what): (usize, &str)| {
            let around = &text[at.saturating_sub(80)..text.len().min(at + 80)];
            format!("{what}: …{}…", around.escape_ascii())
        };
        self.find(text).map(show).collect()
    }
}

fn plain(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("as it is", value.to_vec()),
        ("in base64", inside_base64(value, 0)),
        ("in base64, shifted by 1", inside_base64(value, 1)),
        ("in base64, shifted by 2", inside_base64(value, 2)),
    ];
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::Value::from(text).to_string();
        forms.push(("as JSON", json.trim_matches('"').as_bytes().to_vec()));
    }
    forms
}

/// What base64 of anything that holds `value` at an offset of `shift` modulo 3 holds.
fn inside_base64(value: &[u8], shift: usize) -> Vec<u8> {
    let skipped = &value[((3 - shift) % 3).min(value.len())..];
    STANDARD
        .encode(&skipped[..skipped.len() - skipped.len() % 3])
        .into_bytes()
}

fn disguised(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hexadecimal = |bytes: &[u8], upper: bool| -> Vec<u8> {
        let digits = bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        if upper { digits.to_uppercase() } else { digits }.into_bytes()
    };
    let mut forms = vec![
        ("in hexadecimal", hexadecimal(value, false)),
        ("in upper hexadecimal", hexadecimal(value, true)),
        ("reversed", value.iter().rev().copied().collect()),
        ("in URL-safe base64", URL_SAFE.encode(value).into_bytes()),
        ("as a list of numbers", format!("{value:?}").into_bytes()),
        ("in a URL", percent(value)),
        ("in Debug", value.escape_ascii().to_string().into_bytes()),
    ];
    for (name, bytes) in [
        ("SHA-256", Sha256::digest(value).to_vec()),
        ("SHA-512", Sha512::digest(value).to_vec()),
    ] {
        forms.push((name, hexadecimal(&bytes, false)));
        forms.push((name, hexadecimal(&bytes, true)));
        forms.push((name, STANDARD.encode(&bytes).into_bytes()));
        forms.push((name, bytes));
    }
    forms
}

fn percent(value: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(*byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    value.iter().map(escape).collect::<String>().into_bytes()
}

#[test]
fn half_a_value_is_found_in_every_form() {
    let value = b"a value with \"quotes\", of some length";
    let needles = Needles::new(Forms::Disguised, [("it", &value[..])]);
    let encoded = STANDARD.encode([b"x", &value[..]].concat());
    for text in [
        &value[9..],
        encoded.as_bytes(),
        br#"with \"quotes\", of some l"#,
        b"htgnel emos fo ,\"setouq\" htiw",
        b"612076616c75652077697468",
        b"%22quotes%22%2C%20of%20some",
    ] {
        assert!(!needles.seen_in(text).is_empty(), "{}", text.escape_ascii());
    }
    assert!(needles.seen_in(b"a value without anything").is_empty());
}
