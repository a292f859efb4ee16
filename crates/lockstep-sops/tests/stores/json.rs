//! JSON and binary files.

use crate::{encrypt, open, read, refusal};
use lockstep_secret::SecretBytes;
use lockstep_sops::{Format, ParseError, Parsed, parse_as};

/// Texts that are not JSON, and what is said of them.
const NOT_JSON: &[(&str, &str)] = &[
    ("", "line 1, column 1: the file ends too early"),
    ("[1]", "line 1: the document is a list, not a mapping"),
    ("\"x\"", "line 1: the document is a value, not a mapping"),
    ("null", "line 1: the document is a value, not a mapping"),
    (
        "{\"a\": 1} {}",
        "line 1, column 10: something follows the end of the object",
    ),
    (
        "{\"a\": 1,}",
        "line 1, column 9: a key in double quotes is missing here",
    ),
    (
        "{\"a\": [1,]}",
        "line 1, column 10: a value is missing here",
    ),
    (
        "{'a': 1}",
        "line 1, column 2: a key in double quotes is missing here",
    ),
    (
        "{a: 1}",
        "line 1, column 2: a key in double quotes is missing here",
    ),
    ("{\"a\" 1}", "line 1, column 6: a colon is missing here"),
    (
        "{\"a\": 1",
        "line 1, column 8: a comma or a closing brace is missing here",
    ),
    ("{\"a\": 01}", "line 1, column 7: this is no number of JSON"),
    ("{\"a\": +1}", "line 1, column 7: a value is missing here"),
    ("{\"a\": 1.}", "line 1, column 7: this is no number of JSON"),
    ("{\"a\": .5}", "line 1, column 7: a value is missing here"),
    (
        "{\"a\": 0x1}",
        "line 1, column 7: this is no number of JSON",
    ),
    (
        "{\"a\": 1e400}",
        "line 1, column 7: the number does not fit into 64 bits",
    ),
    ("{\"a\": NaN}", "line 1, column 7: a value is missing here"),
    ("{\"a\": True}", "line 1, column 7: a value is missing here"),
    (
        "{\"a\": nullx}",
        "line 1, column 7: a value is missing here",
    ),
    (
        "{\n\"a\": \"x\ny\"}",
        "line 2, column 8: a control character in a string must be escaped",
    ),
    ("{\"a\": \"x", "line 1, column 8: a string does not end"),
    (
        "{\"a\": \"\\x41\"}",
        "line 1, column 8: this is no escape of JSON",
    ),
    (
        "{\"a\": \"\\ud800\"}",
        "line 1, column 8: half a surrogate pair is no character",
    ),
    (
        "{\"a\": \"\\u00+9\"}",
        "line 1, column 8: \\u takes four hexadecimal digits",
    ),
    (
        "{\"a\": 1, // b\n}",
        "line 1, column 10: a key in double quotes is missing here",
    ),
    ("\u{feff}{}", "line 1, column 1: a value is missing here"),
    (
        "{\"a\": 1,\n\"a\": 2}",
        "line 2, column 1: the key \"a\" is already in line 1",
    ),
    (
        "{\"a\": 1,\n<<<<<<< ours\n",
        "line 2: unresolved Git merge conflict",
    ),
    (
        "{\"sops\": 1}",
        "line 1: the top-level key `sops` is reserved for metadata",
    ),
];

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    for (text, expected) in NOT_JSON {
        assert_eq!(refusal(text, Format::Json), *expected, "{text}");
    }
    let parsed = parse_as(SecretBytes::new(vec![b'{', 0xff, b'}']), Format::Json);
    assert!(matches!(parsed, Err(ParseError::NotText(_))));
}

#[test]
fn deep_and_wide_json_is_bounded() {
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{\"a\": {open}{close}}}")
    };
    assert!(read(deep(126), Format::Json).is_ok());
    let expected = "nested deeper than 128 levels";
    assert!(refusal(&deep(200), Format::Json).ends_with(expected));
    assert!(refusal(&deep(2_000_000), Format::Json).ends_with(expected));
    let wide = format!("{{\"a\": [{}0]}}", "0,".repeat(500_000));
    assert!(refusal(&wide, Format::Json).ends_with("more than 400000 nodes"));
    let long = format!("{{\"a\": \"{}\"}}", "\\n".repeat(1 << 20));
    assert_eq!(
        open(encrypt(long.clone(), Format::Json), Format::Json),
        Ok(long.into_bytes())
    );
}

#[test]
fn a_cut_or_changed_json_file_does_not_open() {
    let whole = encrypt("{\n  \"a\": \"x\",\n  \"b\": [1, 2]\n}\n", Format::Json);
    for end in 0..whole.trim_end().len() {
        assert!(open(&whole[..end], Format::Json).is_err(), "cut at {end}");
    }
    let swapped = whole.replacen("\"a\"", "\"c\"", 1);
    let expected = "line 2, c: the value does not decrypt here: it was changed, moved, or made with \
        another key";
    assert_eq!(open(swapped, Format::Json), Err(expected.to_owned()));
    let added = whole.replacen("\"b\"", "\"n\": \"plain\", \"b\"", 1);
    let expected = "line 3, n: the value should be encrypted and is not";
    assert_eq!(open(added, Format::Json), Err(expected.to_owned()));
}

#[test]
fn only_encrypted_values_and_the_metadata_change() {
    let text = "{\n  \"a_unencrypted\" : \"x\" ,\n\n  \"b\":   [1,\t2]\n}\n";
    let encrypted = encrypt(text, Format::Json);
    assert!(encrypted.starts_with("{\n  \"a_unencrypted\" : \"x\" ,\n\n  \"b\":   [\"ENC["));
    let block =
        encrypted.split_once("],\n  \"sops\": {\n    \"age\": [\n      {\n        \"enc\": ");
    assert!(block.is_some(), "{encrypted}");
    assert!(
        encrypted.ends_with("\"version\": \"3.13.3\"\n  }\n}\n"),
        "{encrypted}"
    );
    assert_eq!(open(encrypted, Format::Json), Ok(text.into()));
}

#[test]
fn a_binary_file_is_encrypted_once_and_only_as_such() {
    let encrypted = encrypt([0, 255, 10], Format::Binary);
    assert!(matches!(
        read(encrypted.clone(), Format::Binary),
        Ok(Parsed::Encrypted(_))
    ));
    assert_eq!(
        open(encrypted.clone(), Format::Binary),
        Ok(vec![0, 255, 10])
    );
    // Beside its own value nothing may be in the object.
    let more = encrypted.replacen("{", "{\"more\": 1,", 1);
    assert_eq!(open(more, Format::Binary), Err("not encrypted".to_owned()));
}
