//! Small files that would become large: refused on the way from text to objects, wherever that is.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at what is unexpected"
)]

use lockstep_manifests::render;
use lockstep_secret::SecretString;
use lockstep_sops::{Parsed, parse};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";

/// The objects' bodies in all, or nothing if the file is refused at any step.
fn rendered(text: &str) -> Option<usize> {
    let Ok(Parsed::Clear(document)) = parse(SecretString::new(text.to_owned())) else {
        return None;
    };
    let opened = document.into_opened().ok()?;
    let path = "x.yaml".parse().unwrap();
    let manifests = render(&path, &opened, &BTreeMap::new()).ok()?;
    Some(manifests.iter().map(|m| m.body.expose().len()).sum())
}

/// Each level names the one below `width` times.
fn levels(depth: usize, width: usize, open: &str, close: &str) -> String {
    let mut text = format!("{HEAD}a0: &a0 {open}x: x{close}\n").replace("[x: x]", "[x]");
    for level in 1..depth {
        let below = level - 1;
        let items: Vec<String> = (0..width)
            .map(|n| match open {
                "{" => format!("k{n}: *a{below}"),
                _ => format!("*a{below}"),
            })
            .collect();
        writeln!(
            text,
            "a{level}: &a{level} {open}{}{close}",
            items.join(", ")
        )
        .unwrap();
    }
    text
}

#[test]
fn aliases_that_unfold_into_more_than_anybody_writes_are_refused() {
    let fan = "*b, ".repeat(100_000);
    let merged: String = (1..20)
        .map(|level| {
            let below = level - 1;
            format!("m{level}: &m{level}\n  a{level}: 1\n  <<: [*m{below}, *m{below}]\n")
        })
        .collect();
    for (what, bomb) in [
        ("nine levels of nine", levels(9, 9, "[", "]")),
        ("nine levels of nine mappings", levels(9, 9, "{", "}")),
        ("doubled 22 times", levels(22, 2, "[", "]")),
        (
            "one anchor, many aliases",
            format!("{HEAD}b: &b [x, x]\nc: [{fan}]\n"),
        ),
        (
            "doubled by merging",
            format!("{HEAD}m0: &m0 {{x: 1}}\n{merged}"),
        ),
        ("inside itself", format!("{HEAD}a: &a [*a]\n")),
        ("merged into itself", format!("{HEAD}a: &a\n  <<: *a\n")),
        ("as a key", format!("{HEAD}a: &a x\nb: {{*a : 1}}\n")),
    ] {
        assert!(bomb.len() < 1 << 20, "{what}");
        let size = rendered(&bomb);
        // Merging the same mapping twice adds nothing, so that one may pass as what it says.
        let harmless = what == "doubled by merging" && size.is_some_and(|size| size < 1 << 20);
        assert!(size.is_none() || harmless, "{what}: {size:?}");
    }
}

#[test]
fn as_many_aliases_as_people_write_are_read() {
    let text = levels(3, 9, "[", "]");
    assert!(rendered(&text).is_some());
}

#[test]
fn nesting_keys_and_documents_have_their_limits() {
    for (what, bomb) in [
        (
            "nested lists",
            format!("{HEAD}a: {}{}\n", "[".repeat(5000), "]".repeat(5000)),
        ),
        (
            "nested mappings",
            format!("{HEAD}a: {}1{}\n", "{a: ".repeat(5000), "}".repeat(5000)),
        ),
        (
            "200,000 keys",
            format!(
                "{HEAD}data:\n{}",
                (0..210_000)
                    .map(|n| format!("  k{n}: x\n"))
                    .collect::<String>()
            ),
        ),
        ("50,000 documents", format!("{HEAD}---\n").repeat(50_000)),
    ] {
        assert!(rendered(&bomb).is_none(), "{what}");
    }
}

#[test]
fn a_value_of_a_megabyte_is_a_value() {
    let value = "x".repeat(1_000_000);
    let size = rendered(&format!("{HEAD}data: {{a: {value}}}\n"));
    assert!(size.is_some_and(|size| size > 1_000_000), "{size:?}");
}
