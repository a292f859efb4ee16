//! A rotation that is killed, or refused something by the system, at every call that changes files.
//!
//! `strace` kills the program or makes the call fail. It counts the calls of each thread by itself.

use crate::scratch::{CANARY, Scratch, program, secret};
use std::process::Command;

const FILES: usize = 20;

/// The calls that open, write, flush, name, exchange and remove files.
const CALLS: [&str; 7] = [
    "openat",
    "write",
    "fsync",
    "linkat",
    "renameat2",
    "unlink",
    "fchmod",
];

/// A repository of encrypted files.
fn repository() -> (Scratch, Vec<String>) {
    let scratch = Scratch::with_policy();
    let names: Vec<_> = (0..FILES)
        .map(|n| format!("apps/{}/secret-{n:02}.yaml", n % 3))
        .collect();
    for name in &names {
        scratch.write(name, &secret(name));
    }
    assert_eq!(scratch.run(&["encrypt", "-i", "apps"]).code, 0);
    (scratch, names)
}

/// What came of a rotation with a fault in it.
struct Outcome {
    /// `None` if it was killed.
    code: Option<i32>,
    /// Whether there were enough calls for the fault to be met.
    met: bool,
    replaced: usize,
}

/// Rotates with `fault` at the `n`th `call` of any thread.
fn rotate_with(scratch: &Scratch, names: &[String], call: &str, fault: &str, n: usize) -> Outcome {
    let before: Vec<_> = names.iter().map(|name| scratch.read(name)).collect();
    let log = scratch.home().join("strace.log");
    let output = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            &format!("trace={call}"),
            "-e",
            "signal=none",
            "-o",
        ])
        .arg(&log)
        .args(["-e", &format!("inject={call}:{fault}:when={n}")])
        .arg(program())
        .args(["rotate", "apps"])
        .current_dir(scratch.repo())
        .env("HOME", scratch.home())
        .output()
        .expect("strace must be installed for this test");
    let log = std::fs::read_to_string(&log).unwrap();
    let after = names.iter().map(|name| scratch.read(name));
    Outcome {
        code: output.status.code(),
        // strace ends as what it traced did.
        met: log.contains("INJECTED") || output.status.code().is_none(),
        replaced: before
            .iter()
            .zip(after)
            .filter(|(old, new)| *old != new)
            .count(),
    }
}

/// Asserts that every file opens, that the next rotation works, and that nothing is left then.
fn check(scratch: &Scratch, names: &[String], what: &str) {
    for file in scratch.files() {
        assert!(!scratch.read(&file).contains(CANARY), "{what}: {file}");
    }
    let ran = scratch.run(&["rotate", "--dry-run", "apps"]);
    assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
    let ran = scratch.run(&["rotate", "apps"]);
    assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
    let mut expected = names.to_vec();
    expected.push(".sops.yaml".to_owned());
    expected.sort();
    assert_eq!(scratch.files(), expected, "{what}");
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn a_kill_at_every_call_leaves_every_file_whole_and_the_next_run_finishes() {
    let (scratch, names) = repository();
    for call in CALLS {
        for n in 1.. {
            let outcome = rotate_with(&scratch, &names, call, "signal=SIGKILL", n);
            check(&scratch, &names, &format!("killed at {call} {n}"));
            if !outcome.met {
                assert_eq!(
                    (outcome.code, outcome.replaced),
                    (Some(0), FILES),
                    "{call} {n}"
                );
                break;
            }
        }
    }
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn a_call_that_fails_leaves_all_files_old_or_all_new() {
    let (scratch, names) = repository();
    for (call, error) in [
        ("openat", "EMFILE"),
        ("openat", "ENOSPC"),
        ("write", "ENOSPC"),
        ("write", "EIO"),
        ("fsync", "EIO"),
        ("linkat", "ENOSPC"),
        ("linkat", "EACCES"),
        ("renameat2", "EIO"),
        ("renameat2", "ENOSYS"),
        ("fchmod", "EPERM"),
    ] {
        for n in 1.. {
            let what = format!("{error} of {call} {n}");
            let outcome = rotate_with(&scratch, &names, call, &format!("error={error}"), n);
            assert!(
                [0, FILES].contains(&outcome.replaced),
                "{what}: {}",
                outcome.replaced
            );
            if outcome.code == Some(0) {
                assert_eq!(outcome.replaced, FILES, "{what}");
            }
            check(&scratch, &names, &what);
            if !outcome.met {
                break;
            }
        }
    }
}
