//! Command lines that are not understood, completion, and readers that go away.

use crate::scratch::{Scratch, secret};
use std::process::{Command, Stdio};

#[test]
fn the_spelling_of_sops_gets_a_hint() {
    let scratch = Scratch::new();
    for (arguments, hint) in [
        (vec!["-d", "x.yaml"], "hint: try `lockstep decrypt x.yaml`"),
        (
            vec!["--encrypt", "-i", "x.yaml"],
            "hint: try `lockstep encrypt -i x.yaml`",
        ),
        (
            vec!["x.yaml"],
            "hint: say what to do with it: `lockstep edit x.yaml` opens it in an editor",
        ),
        (
            vec!["publish", "x.yaml"],
            "hint: Lockstep cannot do this yet; sops can, on the same files",
        ),
        (
            vec!["-i", "x.yaml"],
            "hint: the verb comes first, as in `lockstep encrypt -i FILE`",
        ),
    ] {
        let ran = scratch.run(&arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments:?}");
        assert_eq!(ran.stderr.lines().last(), Some(hint));
    }
}

#[test]
fn help_is_data_and_messages_have_no_colour_in_a_pipe() {
    let scratch = Scratch::new();
    let help = scratch.run(&["--help"]).ok();
    assert!(help.contains("Usage: lockstep"));
    let ran = scratch.run(&["encrypt", "none.yaml", "--nonsense"]);
    assert!(!ran.stderr.contains('\u{1b}'));
}

#[test]
fn completion_knows_the_verbs() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            scratch.run(&["completion", shell]).ok().contains("keygen"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(crate::scratch::program())
        .args(["encrypt", "secret.yaml"])
        .current_dir(scratch.repo())
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
