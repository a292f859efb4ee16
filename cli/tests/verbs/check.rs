//! `lockstep check`: what is not as it should be, and new seals.

use crate::scratch::{BOB, CANARY, Ran, Scratch, secret};
use std::fs;
use std::process::Command;

const FILE: &str = "db-secret.yaml";

/// A repository with one sealed file in its history.
fn sealed() -> Scratch {
    let scratch = Scratch::with_policy();
    fs::remove_dir(scratch.path(".git")).unwrap();
    scratch.write(FILE, &secret("db"));
    assert_eq!(scratch.run(&["encrypt", "-i", FILE]).code, 0);
    git(&scratch, &["init", "-q"]);
    commit(&scratch);
    scratch
}

fn git(scratch: &Scratch, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(scratch.repo())
        .env("HOME", scratch.home())
        .args([
            "-c",
            "user.name=Alice",
            "-c",
            "user.email=alice@example.com",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn commit(scratch: &Scratch) {
    git(scratch, &["add", "-A"]);
    git(scratch, &["commit", "-q", "-m", "change"]);
}

fn check(scratch: &Scratch, arguments: &[&str]) -> Ran {
    let mut command = scratch.command();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    let ran = scratch.finish(command.arg("check").args(arguments));
    for said in [&ran.stdout, &ran.stderr] {
        assert!(!said.contains(CANARY), "{said}");
    }
    ran
}

fn change(scratch: &Scratch, old: &str, new: &str) {
    let text = scratch.read(FILE);
    assert!(text.contains(old), "{text}");
    scratch.write(FILE, &text.replacen(old, new, 1));
}

/// What a write by sops does to the seal.
fn drop_seal(scratch: &Scratch) {
    let text = scratch.read(FILE);
    let lines = text.split_inclusive('\n');
    let kept: String = lines
        .filter(|line| !line.contains("lockstep_seal"))
        .collect();
    scratch.write(FILE, &kept);
}

#[test]
fn a_repository_in_order_has_no_findings() {
    let ran = check(&sealed(), &[]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "1 checked, 1 verified with a key, 0 with findings\n")
    );
}

#[test]
fn what_needs_no_key_is_checked_without_one() {
    let scratch = sealed();
    fs::remove_dir_all(scratch.home().join(".config")).unwrap();
    let ran = check(&scratch, &["."]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("1 not opened: no identity at hand"),
        "{}",
        ran.stderr
    );

    scratch.write("clear-secret.yaml", &secret("clear"));
    scratch.write("other.yaml", &secret("other"));
    scratch.write("config.yaml", "kind: ConfigMap\n");
    drop_seal(&scratch);
    let policy = scratch.read(".sops.yaml");
    scratch.write(
        ".sops.yaml",
        &policy.replace("age: ", &format!("age: {BOB},")),
    );
    let ran = check(&scratch, &["--format", "json"]);
    assert_eq!(ran.code, 1);
    for found in [
        "\"InClear\"",
        "\"NoPolicy\"",
        "\"SealMissing\"",
        "\"Recipients\"",
    ] {
        assert_eq!(
            ran.stdout.matches(found).count(),
            1,
            "{found}: {}",
            ran.stdout
        );
    }
    assert!(!ran.stdout.contains("config.yaml"), "{}", ran.stdout);
}

#[test]
fn a_broken_seal_is_shown_by_places_and_mended() {
    let scratch = sealed();
    change(&scratch, "  name: db", "  title: db");
    let ran = check(&scratch, &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("db-secret.yaml: SealBroken: the seal does not match"),
        "{}",
        ran.stderr
    );
    let broken = scratch.run(&["decrypt", FILE]);
    assert_eq!((broken.code, broken.stdout.as_str()), (53, ""));

    // Nobody confirms it.
    let before = scratch.read(FILE);
    assert_eq!(check(&scratch, &["--fix", FILE]).code, 10);
    assert_eq!(scratch.read(FILE), before);

    commit(&scratch);
    let ran = check(&scratch, &["--fix", "--yes", FILE]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for says in [
        "added: line 4, metadata.title",
        "removed: line 4, metadata.name of the sealed version",
        "db-secret.yaml: sealed",
    ] {
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
    }
    assert_eq!(check(&scratch, &[]).code, 0);
    assert!(scratch.run(&["decrypt", FILE]).ok().contains("title: db"));
}

#[test]
fn a_seal_that_sops_dropped_comes_back() {
    let scratch = sealed();
    let before = scratch.read(FILE);
    drop_seal(&scratch);
    assert!(scratch.run(&["decrypt", FILE]).ok().contains(CANARY));
    let ran = check(&scratch, &["--fix", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("says what it said when it was sealed"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        scratch.read(FILE),
        before,
        "the same contents have the same seal"
    );
}

#[test]
fn nothing_is_sealed_when_the_mac_fails_or_the_policy_does_not_hold() {
    let scratch = sealed();
    change(&scratch, "name: db", "name: other");
    let before = scratch.read(FILE);
    let ran = check(&scratch, &["--fix", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("MacMismatch"), "{}", ran.stderr);
    assert_eq!(scratch.read(FILE), before);

    let scratch = sealed();
    drop_seal(&scratch);
    let entry = format!("          recipient: {BOB}\n");
    let text = scratch.read(FILE);
    let start = text.find("        - enc:").unwrap();
    let end = text.find("          recipient:").unwrap();
    let planted = format!(
        "{}{}{entry}{}",
        &text[..start],
        &text[start..end],
        &text[start..]
    );
    scratch.write(FILE, &planted);
    let ran = check(&scratch, &["--fix", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("Strangers"), "{}", ran.stderr);
    assert_eq!(scratch.read(FILE), planted);
}
