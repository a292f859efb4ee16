//! `docs/reference/operator.md` shows the help that the program prints.
//!
//! `cargo xtask docs` writes it again.

use std::path::PathBuf;
use std::process::Command;

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/operator.md")
}

/// What the program says about a command of its own, in a terminal of 100 columns.
fn help(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lockstep-operator"))
        .args(["help", command])
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .expect("help");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

/// The page with the first block after the heading of `command` replaced.
fn with_help(page: &str, command: &str) -> String {
    let heading = format!("## `lockstep-operator {command}`\n\n```text\n");
    let (before, after) = page.split_once(&heading).expect("the heading");
    let (_, after) = after.split_once("```\n").expect("the end of the block");
    format!("{before}{heading}{}\n```\n{after}", help(command))
}

#[test]
fn the_reference_page_shows_the_help() {
    let found = std::fs::read_to_string(page()).unwrap();
    let expected = ["run", "crds", "rbac"]
        .iter()
        .fold(found.clone(), |page, command| with_help(&page, command));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page(), &expected).unwrap();
        return;
    }
    assert!(
        found == expected,
        "docs/reference/operator.md is not current: run `cargo xtask docs`"
    );
}
