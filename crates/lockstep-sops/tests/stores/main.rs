//! Files of other formats than YAML: what is refused, and what survives.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

mod flat;
mod json;

use lockstep_secret::{DataKey, SecretBytes};
use lockstep_sops::{AgeEntry, EncryptionPolicy, Format, ParseError, Parsed, parse_as};
use std::error::Error as _;

fn read(content: impl Into<Vec<u8>>, format: Format) -> Result<Parsed, ParseError> {
    parse_as(SecretBytes::new(content.into()), format)
}

fn key() -> DataKey {
    DataKey::generate(&mut |bytes| bytes.fill(7))
}

fn encrypt(content: impl Into<Vec<u8>>, format: Format) -> String {
    let Parsed::Clear(document) = read(content, format).unwrap() else {
        unreachable!("it is clear")
    };
    let entry = AgeEntry {
        recipient: "age1test".into(),
        enc: "line\nline\n".into(),
    };
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let mut next = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        bytes.fill(next);
        next = next.wrapping_add(1);
    };
    let policy = EncryptionPolicy::default();
    document
        .encrypt(&policy, &key(), &[entry], now, &mut random)
        .unwrap()
}

/// The content of an encrypted file, or why there is none.
fn open(content: impl Into<Vec<u8>>, format: Format) -> Result<Vec<u8>, String> {
    match read(content, format) {
        Ok(Parsed::Encrypted(document)) => match document.open(&key()) {
            Ok(opened) => Ok(opened.content().expose().to_vec()),
            Err(error) => Err(error.to_string()),
        },
        Ok(Parsed::Clear(_)) => Err("not encrypted".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn refusal(text: &str, format: Format) -> String {
    match read(text, format) {
        Ok(parsed) => format!("{parsed:?}"),
        Err(error) => match error.source() {
            Some(source) => source.to_string(),
            None => error.to_string(),
        },
    }
}

#[test]
fn every_format_is_sealed_and_sealed_again() {
    for (text, format, name, end) in [
        (
            "{\n\t\"a\": \"b\"\n}\n",
            Format::Json,
            "\"lockstep_seal\": \"",
            "\",\n",
        ),
        ("a=b\n", Format::Dotenv, "sops_lockstep_seal=", "\n"),
        ("bytes", Format::Binary, "\"lockstep_seal\": \"", "\",\n"),
    ] {
        let file = encrypt(text, format);
        let start = file.find(name).unwrap();
        let line = file[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let stop = start + file[start..].find(end).unwrap() + end.len();
        let sealed_again = |text: &str| match read(text, format).unwrap() {
            Parsed::Encrypted(document) => document
                .seal_again(&key(), &mut |bytes| bytes.fill(0xcd))
                .unwrap(),
            Parsed::Clear(_) => unreachable!("it is encrypted"),
        };
        // Without its line, and with another seal.
        let gone = format!("{}{}", &file[..line], &file[stop..]);
        assert_eq!(sealed_again(&gone), file, "{gone}");
        let hash = start + name.len() + 3..stop - end.len();
        let wrong = format!(
            "{}{}{}",
            &file[..hash.start],
            "0".repeat(64),
            &file[hash.end..]
        );
        assert!(
            open(wrong.as_str(), format)
                .unwrap_err()
                .contains("the seal does not match")
        );
        assert_eq!(sealed_again(&wrong), file, "{wrong}");
    }
}

/// Pieces of texts that mean something somewhere.
const PIECES: &[&str] = &[
    "a",
    "=",
    ":",
    " = ",
    "\n",
    "\n\n",
    "\r\n",
    "#",
    "; ",
    "[s]\n",
    "\"",
    "'",
    "`",
    "\"\"\"",
    "\\n",
    "\\",
    " ",
    "\t",
    "b = c\n",
    "k=v\n",
    "é",
    "]",
    "ENC[",
    "{",
    "}",
    ",",
    "\"x\": ",
    "\"y\"",
    "[",
    "1",
    "null",
    "# c\n",
    "sops",
    "_unencrypted",
    "\u{feff}",
    "\u{a0}",
];

#[test]
fn whatever_is_accepted_comes_back_byte_for_byte() {
    let mut state = 1_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % limit
    };
    let mut accepted = [0; 3];
    for round in 0..30_000 {
        let count = 1 + below(12);
        let mut text: String = (0..count).map(|_| PIECES[below(PIECES.len())]).collect();
        let format = [Format::Json, Format::Dotenv, Format::Ini][round % 3];
        if format == Format::Json {
            text = format!("{{\"x\": \"y\"{text}}}");
        } else if !text.ends_with('\n') {
            text.push('\n');
        }
        let Ok(Parsed::Clear(document)) = read(text.clone(), format) else {
            continue;
        };
        drop(document);
        accepted[round % 3] += 1;
        let encrypted = encrypt(text.clone(), format);
        let back = open(encrypted.clone(), format).map(|back| String::from_utf8(back).unwrap());
        assert_eq!(back.as_deref(), Ok(text.as_str()), "{format}\n{encrypted}");
    }
    assert!(accepted.iter().all(|count| *count > 100), "{accepted:?}");
}
