//! `exec-env` and `exec-file`.

use crate::scratch::{CANARY, Scratch};
use std::path::Path;

fn sealed() -> Scratch {
    let scratch = Scratch::with_policy();
    let text = format!(
        "password: {CANARY}\nport: 0o17\non: true\nwhen: 2024-01-02\nratio: 1000000.0\nempty: \"\"\nlines: |\n  a\n  b\n"
    );
    scratch.write("env-secret.yaml", &text);
    let arguments = [
        "encrypt",
        "-i",
        "--unencrypted-suffix",
        "t",
        "env-secret.yaml",
    ];
    scratch.run(&arguments).ok();
    scratch
}

#[test]
fn values_are_in_the_environment_of_the_command() {
    let scratch = sealed();
    let show =
        "printf \"%s|\" \"$password\" \"$port\" \"$on\" \"$when\" \"$ratio\" \"$empty\" \"$lines\"";
    let shown = scratch.run(&["exec-env", "env-secret.yaml", show]).ok();
    assert_eq!(
        shown,
        format!("{CANARY}|15|true|2024-01-02T00:00:00Z|1000000||a\nb\n|")
    );
    let env = |arguments: &[&str]| {
        let mut command = scratch.command();
        command.env("OTHER", "here").arg("exec-env").args(arguments);
        scratch
            .finish(command.args(["env-secret.yaml", "env"]))
            .ok()
    };
    assert!(env(&[]).contains("OTHER=here\n"));
    assert!(!env(&["--pristine"]).contains("OTHER=here\n"));
    assert!(env(&["--same-process", "--pristine"]).contains(&format!("password={CANARY}\n")));
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let scratch = sealed();
    for verb in ["exec-env", "exec-file"] {
        let code = |line: &str| scratch.run(&[verb, "env-secret.yaml", line]).code;
        assert_eq!(
            (code("true"), code("exit 7"), code("kill -9 $$")),
            (0, 7, 255)
        );
    }
    let line = &["exec-env", "--same-process", "env-secret.yaml", "exit 9"];
    assert_eq!(scratch.run(line).code, 9);
}

#[test]
fn a_command_reads_the_file_once_and_then_it_is_gone() {
    let scratch = sealed();
    let line = "stat -c %F:%a {} $(dirname {}); echo {} > path; cat {} | head -1";
    let shown = scratch.run(&["exec-file", "env-secret.yaml", line]).ok();
    assert_eq!(
        shown,
        format!("fifo:600\ndirectory:700\npassword: {CANARY}\n")
    );
    assert!(
        !Path::new(scratch.read("path").trim())
            .parent()
            .unwrap()
            .exists()
    );
    // Nobody has to read it.
    let line = "echo {} > path";
    let arguments = ["exec-file", "--filename", "x.yaml", "env-secret.yaml", line];
    scratch.run(&arguments).ok();
    assert!(scratch.read("path").ends_with("/x.yaml\n"));
    let line = "stat -c %F:%a {}; stat -f -c %T {}; echo {} > path; tail -1 {}";
    let shown = scratch
        .run(&["exec-file", "--no-fifo", "env-secret.yaml", line])
        .ok();
    assert_eq!(shown, "regular file:600\ntmpfs\n  b\n");
    assert!(!Path::new(scratch.read("path").trim()).exists());
}

#[test]
fn the_secrets_are_nowhere_but_with_the_command() {
    let scratch = sealed();
    // The environment and the arguments of the parent, as the command sees them.
    let line =
        "tr \"\\0\" \"\\n\" < /proc/$PPID/environ; tr \"\\0\" \"\\n\" < /proc/$PPID/cmdline; true";
    for verb in ["exec-env", "exec-file"] {
        let shown = scratch.run(&[verb, "env-secret.yaml", line]).stdout;
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn what_is_no_variable_and_what_is_not_supported_is_refused() {
    let scratch = sealed();
    for text in [
        "a: {b: c}\n",
        "a: [b]\n",
        "a: null\n",
        "a=b: c\n",
        "\"\": c\n",
    ] {
        scratch.write("odd-secret.yaml", text);
        scratch.run(&["encrypt", "-i", "odd-secret.yaml"]);
        let ran = scratch.run(&["exec-env", "odd-secret.yaml", "echo run"]);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (1, ""),
            "{text}: {}",
            ran.stderr
        );
    }
    for arguments in [
        &[
            "exec-env",
            "--user",
            "nobody",
            "env-secret.yaml",
            "echo run",
        ][..],
        &["exec-env", "--background", "env-secret.yaml", "echo run"],
        &[
            "exec-file",
            "--filename",
            "a/b",
            "env-secret.yaml",
            "echo run",
        ],
        &[
            "exec-file",
            "--filename",
            "..",
            "env-secret.yaml",
            "echo run",
        ],
        &["exec-env", "env-secret.yaml"],
    ] {
        let ran = scratch.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments:?}");
    }
}
