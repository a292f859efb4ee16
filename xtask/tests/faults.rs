//! The page of faults and attacks names tests that are there, and leaves no row out.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at what is unexpected"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every row there must be, by section.
const ROWS: &[(&str, &str)] = &[
    (
        "Files",
        "F01 F02 F03 F04 F05 F07 F09 F10 F11 F12 F13 F14 F15 F16 F18 F19 F20 F21 F22 F23",
    ),
    (
        "Content of Git repositories",
        "G01 G02 G03 G04 G05 G07 G08 G09 G10 G11 G13 G14",
    ),
    (
        "The way to the Git server",
        "T01 T02 T03 T04 T05 T06 T07 T08 T10 T11 T12 T13",
    ),
    (
        "The API server",
        "A01 A02 A03 A04 A05 A06 A07 A09 A11 A12 A13 A14 A15 A17 A18 A19 A20 A21 A22 A23",
    ),
    (
        "The process",
        "P01 P02 P03 P04 P06 P07 P09 P10 P11 P12 P13 P14 P15",
    ),
    (
        "Teams that attack each other",
        "M01 M02 M03 M04 M05 M06 M08 M10 M11 M12 M13 M14 M15 M16 M17",
    ),
    (
        "Exhaustion",
        "R01 R03 R04 R06 R07 R08 R09 R10 R11 R12 R13 R14",
    ),
    (
        "Leaks",
        "L01 L02 L03 L04 L05 L06 L08 L09 L10 L11 L12 L14 L15 L17 L18 L19 L20 L21 L22 L23 L24",
    ),
    (
        "Attacks by a tenant: ciphertext and keys",
        "A1 A2 A4 A5 A7 A8 A9 A11 A12 A13 A14 A15 A16 A18 A19",
    ),
    (
        "Attacks by a tenant: authority and references",
        "B1 B2 B3 B5 B6 B7 B9 B10 B11",
    ),
    (
        "Attacks by a tenant: ownership and deletion",
        "C1 C2 C4 C5 C6 C8 C9 C10",
    ),
    (
        "Attacks by a tenant: source and rendering",
        "D1 D2 D3 D4 D7",
    ),
    ("Attacks by a tenant: denial of service", "E1 E2 E4 E5 E6"),
    ("Attacks by a tenant: leaks", "F1 F3 F4 F5 F6 F8"),
];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Section, name and last cell of every row.
fn rows(page: &str) -> Vec<(&str, &str, &str)> {
    let mut section = "";
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, _, _, shown, ""] = cells.as_slice()
            && name.starts_with(|c: char| c.is_ascii_uppercase())
        {
            rows.push((section, *name, *shown));
        }
    }
    rows
}

fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, into);
        } else if name.ends_with(".rs") {
            into.push((
                format!("{}", path.display()),
                fs::read_to_string(path).unwrap(),
            ));
        }
    }
}

/// What is wrong with one `file::test`, if anything.
fn fault(sources: &[(String, String)], named: &str) -> Option<String> {
    let Some((file, test)) = named.rsplit_once("::") else {
        return Some(format!("{named} names no test"));
    };
    let end = format!("/{file}");
    let mut files = sources.iter().filter(|(path, _)| path.ends_with(&end));
    let (Some((_, text)), None) = (files.next(), files.next()) else {
        return Some(format!("{named}: there is not exactly one such file"));
    };
    // A test has an attribute above it; a helper of the same name has none.
    let is_test = |at: usize| {
        let above = text[..at].trim_end().trim_end_matches("async").trim_end();
        above.ends_with(']')
    };
    let there = text
        .match_indices(&format!("fn {test}("))
        .any(|(at, _)| is_test(at));
    (!there).then(|| format!("{named} is not there"))
}

#[test]
fn every_row_is_there_once_and_in_its_section() {
    let page = fs::read_to_string(root().join("docs/reference/faults.md")).unwrap();
    let found: Vec<(&str, &str)> = rows(&page)
        .into_iter()
        .map(|(section, name, _)| (section, name))
        .collect();
    let expected: Vec<(&str, &str)> = ROWS
        .iter()
        .flat_map(|(section, names)| names.split(' ').map(|name| (*section, name)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_test_that_is_named_is_there() {
    let page = fs::read_to_string(root().join("docs/reference/faults.md")).unwrap();
    let mut all = Vec::new();
    for folder in ["cli", "crates", "operator", "tests", "xtask"] {
        sources(&root().join(folder), &mut all);
    }
    let mut faults = BTreeSet::new();
    for (_, name, shown) in rows(&page) {
        let tests: Vec<&str> = shown
            .split('`')
            .filter(|text| text.contains("::"))
            .collect();
        let excused = shown.starts_with("Not yet") || shown.starts_with("Does not apply: ");
        if tests.is_empty() && !excused {
            faults.insert(format!("{name}: neither a test nor a reason"));
        }
        faults.extend(tests.iter().filter_map(|test| fault(&all, test)));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    let text = "fn helper() {}\n#[test]\nfn real() {}\n#[tokio::test]\nasync fn slow() {}\n";
    let sources = [("/x/a/tests/b.rs".to_owned(), text.to_owned())];
    assert_eq!(fault(&sources, "a/tests/b.rs::real"), None);
    assert_eq!(fault(&sources, "b.rs::slow"), None);
    for wrong in ["b.rs::helper", "b.rs::gone", "c.rs::real", "b.rs"] {
        assert!(fault(&sources, wrong).is_some(), "{wrong}");
    }
}
