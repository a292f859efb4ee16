//! What a run keeps to itself.

use crate::scratch::{ALICE_KEY, CANARY, Scratch, program, secret};
use std::fs;
use std::process::{Command, Stdio};

/// The program, stopped while it waits for its standard input.
fn waiting(scratch: &Scratch) -> std::process::Child {
    Command::new(program())
        .args(["decrypt"])
        .current_dir(scratch.repo())
        .env("SOPS_AGE_KEY", ALICE_KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn hardening_comes_before_the_first_input() {
    let scratch = Scratch::new();
    let mut child = waiting(&scratch);
    let limits = loop {
        // Hardening comes first thing; until then the limit is the caller's.
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap();
        if name.trim() == "lockstep" && core_limit(&limits) == "0" {
            break limits;
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "the program ended early"
        );
    };
    assert_eq!(core_limit(&limits), "0");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(target_os = "linux")]
fn core_limit(limits: &str) -> &str {
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    line.split_whitespace().nth(5).unwrap()
}

#[test]
fn plaintext_is_nowhere_but_where_it_was_asked_for() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    assert!(
        scratch
            .run(&["decrypt", "secret.yaml"])
            .ok()
            .contains(CANARY)
    );
    for file in scratch.files() {
        assert!(!scratch.read(&file).contains(CANARY), "{file}");
    }
    assert_eq!(scratch.files(), [".sops.yaml", "secret.yaml"]);
}
