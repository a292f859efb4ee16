//! The same mistakes end with the same codes.

use crate::both::{BOTH, Program};
use crate::scratch::{ALICE, BOB, Scratch, secret};

/// A repository with one file of every sort.
fn repository() -> Scratch {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    let sealed = Program::Sops.data(&scratch, &["encrypt", "secret.yaml"]);
    scratch.write("sealed-secret.yaml", &sealed);
    let bobs = Program::Sops.data(&scratch, &["encrypt", "--age", BOB, "secret.yaml"]);
    scratch.write("bobs-secret.yaml", &bobs);
    scratch.write(
        "moved-secret.yaml",
        &sealed.replace("name: db", "name: other"),
    );
    scratch.write(
        "renamed-secret.yaml",
        &sealed.replace("password: ENC", "pass: ENC"),
    );
    let line = sealed
        .lines()
        .find(|line| line.contains("password:"))
        .unwrap();
    scratch.write(
        "clear-secret.yaml",
        &sealed.replace(line, "    password: plain"),
    );
    let line = sealed
        .lines()
        .find(|line| line.trim().starts_with("mac:"))
        .unwrap();
    scratch.write("mac-secret.yaml", &sealed.replace(&format!("{line}\n"), ""));
    scratch.write("empty-secret.yaml", "");
    scratch.write("list-secret.yaml", "- a\n");
    scratch.write("syntax-secret.yaml", "a: [\n");
    scratch.write("number-secret.yaml", "1: a\n");
    scratch.write("large-secret.yaml", "data: 18446744073709551615\n");
    scratch.write("reserved-secret.yaml", "sops: a\n");
    scratch.write("unmatched.yaml", &secret("db"));
    scratch
}

#[test]
fn the_same_mistakes_end_with_the_same_codes() {
    let scratch = repository();
    for (arguments, code) in [
        (&["encrypt", "secret.yaml"][..], 0),
        (&["encrypt", "sealed-secret.yaml"], 203),
        (&["encrypt", "reserved-secret.yaml"], 203),
        (&["encrypt", "none-secret.yaml"], 100),
        (&["encrypt", "empty-secret.yaml"], 92),
        (&["encrypt", "list-secret.yaml"], 2),
        (&["encrypt", "syntax-secret.yaml"], 2),
        (&["encrypt", "number-secret.yaml"], 23),
        (&["encrypt", "large-secret.yaml"], 23),
        (&["encrypt", "unmatched.yaml"], 1),
        (&["encrypt", "--age", ALICE, "unmatched.yaml"], 1),
        (&["encrypt", "--age", "nonsense", "secret.yaml"], 1),
        (&["encrypt", "--nonsense", "secret.yaml"], 1),
        (
            &["encrypt", "--in-place", "--output", "x", "secret.yaml"],
            8,
        ),
        (&["encrypt"], 8),
        (&["decrypt", "sealed-secret.yaml"], 0),
        (&["decrypt", "secret.yaml"], 1),
        (&["decrypt", "empty-secret.yaml"], 1),
        (&["decrypt", "syntax-secret.yaml"], 1),
        (&["decrypt", "reserved-secret.yaml"], 1),
        (&["decrypt", "none-secret.yaml"], 100),
        (&["decrypt", "bobs-secret.yaml"], 128),
        (&["decrypt", "moved-secret.yaml"], 51),
        (&["decrypt", "mac-secret.yaml"], 51),
        (&["decrypt", "renamed-secret.yaml"], 25),
        (&["decrypt", "clear-secret.yaml"], 25),
        (
            &[
                "decrypt",
                "--in-place",
                "--output",
                "x",
                "sealed-secret.yaml",
            ],
            8,
        ),
    ] {
        for program in BOTH {
            let ran = program.run(&scratch, arguments);
            assert_eq!(ran.code, code, "{program:?} {arguments:?}: {}", ran.stderr);
        }
    }
}
