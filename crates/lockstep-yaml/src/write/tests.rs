//! Whatever is written reads back as the same text.

use super::*;
use crate::{NodeKind, Stream};

fn read_back(document: &str) -> String {
    let stream = Stream::parse(document).unwrap_or_else(|error| panic!("{error}: {document:?}"));
    let NodeKind::Mapping(_, entries) = &stream.node(stream.documents()[0].root).kind else {
        panic!("not a mapping: {document:?}");
    };
    match &stream.node(entries[0].1).kind {
        NodeKind::Scalar(scalar) => scalar.text.to_string(),
        NodeKind::Sequence(_, items) => match &stream.node(items[0]).kind {
            NodeKind::Scalar(scalar) => scalar.text.to_string(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

const TEXTS: &[&str] = &[
    "a",
    "a b",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "- a",
    "-a",
    "-",
    "?",
    "? a",
    ":a",
    ":",
    "a:",
    "#",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "'",
    "\"",
    "%a",
    "@a",
    "`a",
    "[a",
    "a]",
    "{}",
    "a,b",
    " a",
    "a ",
    "a\tb",
    "\ta",
    "---",
    "--- a",
    "...",
    "a\nb",
    "a\nb\n",
    "a\n\n\nb\n\n",
    "\n",
    "\n\n",
    "\na",
    " a\nb",
    "\n a\n",
    "a\n b\n  c\n",
    "a \nb",
    "\u{85}",
    "\u{2028}x",
    "\u{feff}",
    "\u{0}\u{1b}",
    "grüße 🦀",
    "back\\slash",
    "it's",
    "say \"x\"",
    "a\r\nb",
    "\u{10ffff}",
    "x\u{fffe}",
    "~",
    "\t\n",
];

#[test]
fn every_style_reads_back_or_declines() {
    for text in TEXTS {
        assert_eq!(read_back(&format!("k: {}\n", *double_quoted(text))), *text);
        if let Some(single) = single_quoted(text) {
            assert_eq!(read_back(&format!("k: {}\n", *single)), *text);
        }
        if plain_fits(text, Context::Block) {
            assert_eq!(read_back(&format!("k: {text}\n")), *text);
        }
        if plain_fits(text, Context::Flow) {
            assert_eq!(read_back(&format!("k: [{text}]\n")), *text);
        }
        for digit in [Digit::IfNeeded, Digit::Always] {
            if let Some(block) = literal(text, 4, 4, digit, "\n") {
                let document = format!("k: {}\n{}z: 1\n", block.header, *block.content);
                assert_eq!(read_back(&document), *text, "{document:?}");
            }
        }
    }
}

#[test]
fn ordinary_texts_need_no_quotes() {
    for text in ["a", "a b", "a:b", "-a", "a#b", "grüße", "https://x/y?z=1"] {
        assert!(plain_fits(text, Context::Block), "{text}");
    }
    assert!(literal("a\nb\n", 2, 2, Digit::IfNeeded, "\n").is_some_and(|l| l.header == "|"));
}
