//! `set`, `unset`, `filestatus` and `view`.

use crate::scratch::{ALICE, ALICE_KEY, BOB, CANARY, Ran, Scratch, secret};

const PASSWORD: &str = r#"["stringData"]["password"]"#;

fn sealed() -> Scratch {
    let scratch = Scratch::with_policy();
    let text = format!("{}  user: shop # who\n", secret("db"));
    scratch.write("secret.yaml", &text);
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    scratch
}

/// Gives the value on standard input.
fn set(scratch: &Scratch, arguments: &[&str], value: &str) -> Ran {
    let mut command = scratch.command();
    command.args(["set", "--value-stdin"]).args(arguments);
    scratch.finish(command.write_stdin(value.to_owned()))
}

/// The lines of one text that are not in another.
fn only_in(one: &str, other: &str) -> Vec<String> {
    let others: Vec<_> = other.lines().collect();
    let lines = one.lines().filter(|line| !others.contains(line));
    lines.map(ToOwned::to_owned).collect()
}

/// Whether every write renews this line.
fn is_renewed(line: &str) -> bool {
    let names = ["    mac: ENC[", "    lastmodified: ", "    lockstep_seal: "];
    names.iter().any(|name| line.starts_with(name))
}

#[test]
fn one_value_is_set_and_its_line_changes() {
    let scratch = sealed();
    let before = scratch.read("secret.yaml");
    set(&scratch, &["secret.yaml", PASSWORD], "\"new\"").ok();
    let after = scratch.read("secret.yaml");
    let changed = only_in(&after, &before);
    assert!(changed[0].starts_with("  password: ENC["), "{changed:#?}");
    assert!(
        changed[1..].iter().all(|line| is_renewed(line)),
        "{changed:#?}"
    );
    let opened = scratch.run(&["decrypt", "secret.yaml"]).ok();
    assert!(
        opened.contains("password: new\n  user: shop # who\n"),
        "{opened}"
    );
    assert_eq!(scratch.files(), [".sops.yaml", "secret.yaml"]);
}

#[test]
fn a_value_comes_from_a_file_or_with_a_warning_from_the_command_line() {
    let scratch = sealed();
    scratch.write("value.json", "{\"b\": [1, true], \"a\": null}");
    scratch
        .run(&[
            "set",
            "--value-file",
            "secret.yaml",
            "[\"stringData\"][\"x\"]",
            "value.json",
        ])
        .ok();
    scratch
        .run(&["set", "secret.yaml", PASSWORD, "\"new\""])
        .said("warning: others on this machine can see a value on the command line, and the shell's history keeps it; --value-stdin and --value-file do without\n");
    let opened = scratch.run(&["decrypt", "secret.yaml"]).ok();
    let end =
        "  password: new\n  user: shop # who\n  x:\n    b:\n      - 1\n      - true\n    a: null\n";
    assert!(opened.ends_with(end), "{opened}");
}

#[test]
fn a_value_that_is_there_can_leave_the_file_alone() {
    let scratch = sealed();
    let before = scratch.read("secret.yaml");
    let value = format!("\"{CANARY}\"");
    set(&scratch, &["--idempotent", "secret.yaml", PASSWORD], &value).ok();
    assert_eq!(scratch.read("secret.yaml"), before);
    set(&scratch, &["secret.yaml", PASSWORD], &value).ok();
    let after = scratch.read("secret.yaml");
    let changed = only_in(&after, &before);
    assert!(changed.iter().all(|line| is_renewed(line)), "{changed:#?}");
    assert!(!changed.is_empty(), "it is written all the same");
}

#[test]
fn a_value_is_taken_out() {
    let scratch = sealed();
    scratch.run(&["unset", "secret.yaml", PASSWORD]).ok();
    let opened = scratch.run(&["decrypt", "secret.yaml"]).ok();
    assert!(
        opened.ends_with("stringData:\n  user: shop # who\n"),
        "{opened}"
    );
    let ran = scratch.run(&["unset", "secret.yaml", PASSWORD]);
    ran.fails(
        1,
        "secret.yaml: stringData.password: there is nothing here\n",
    );
    scratch
        .run(&["unset", "--idempotent", "secret.yaml", PASSWORD])
        .ok();
}

#[test]
fn what_is_refused_names_no_value_and_changes_nothing() {
    let scratch = sealed();
    let before = scratch.read("secret.yaml");
    for (arguments, value, code) in [
        (&["secret.yaml"][..], "1", 100),
        (&["secret.yaml", "password"], "1", 7),
        (&["secret.yaml", PASSWORD], CANARY, 7),
        (&["secret.yaml", PASSWORD], "{\"a\": 1, \"a\": 2}", 7),
        (&["none.yaml", PASSWORD], "1", 2),
        (&["secret.yaml", "[\"sops\"]"], "1", 203),
        (&["secret.yaml", "[\"stringData\"][0]"], "1", 1),
        (&["secret.yaml", "[\"kind\"][\"x\"]"], "1", 1),
    ] {
        let ran = set(&scratch, arguments, value);
        assert_eq!(ran.code, code, "{arguments:?} {}", ran.stderr);
        assert!(!ran.stderr.contains(CANARY), "{}", ran.stderr);
        assert_eq!(scratch.read("secret.yaml"), before, "{arguments:?}");
    }
}

#[test]
fn a_value_that_the_policy_encrypts_is_not_put_in_clear() {
    let scratch = sealed();
    let selector = scratch
        .read("secret.yaml")
        .replace("^(data|stringData)$", "^data$");
    scratch.write("weak-secret.yaml", &selector);
    let ran = set(&scratch, &["weak-secret.yaml", PASSWORD], "\"new\"");
    // What is encrypted and should not be does not verify.
    assert_ne!(ran.code, 0);
    scratch.write("clear.yaml", &secret("db"));
    let args = [
        "encrypt",
        "--age",
        ALICE,
        "--config",
        "none.yaml",
        "--encrypted-regex",
        "^data$",
    ];
    scratch.write(
        "none.yaml",
        "creation_rules:\n  - path_regex: .*\n    age: x\n",
    );
    let weak = scratch.run(&[&args[..], &["clear.yaml"]].concat()).stdout;
    scratch.write("weak-secret.yaml", &weak);
    let ran = set(&scratch, &["weak-secret.yaml", PASSWORD], "\"new\"");
    ran.fails(
        1,
        "weak-secret.yaml: line 6, stringData.password: the policy encrypts this value, and the file would leave it in clear\nhint: the file says itself what of it is encrypted: decrypt it and encrypt it again, by the policy\n",
    );
}

#[test]
fn a_stranger_who_can_read_the_file_is_told_of() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    let both = format!("{ALICE},{BOB}");
    scratch
        .run(&["encrypt", "-i", "--age", &both, "secret.yaml"])
        .ok();
    let ran = set(&scratch, &["secret.yaml", PASSWORD], "\"new\"");
    assert_eq!(
        ran.stderr,
        format!(
            "warning: secret.yaml: it can also be opened by somebody whom the policy does not know at this path: {BOB}\n"
        )
    );
}

#[test]
fn filestatus_says_whether_there_is_metadata() {
    let scratch = sealed();
    scratch.write("clear.yaml", "a: b\n");
    scratch.write("broken.yaml", "a: [\n");
    let status = |file| scratch.run(&["filestatus", file]);
    assert_eq!(status("secret.yaml").ok(), "{\"encrypted\":true}\n");
    assert_eq!(status("clear.yaml").ok(), "{\"encrypted\":false}\n");
    assert_eq!(status("broken.yaml").code, 1);
    assert_eq!(status("none.yaml").code, 1);
}

#[test]
fn view_writes_into_no_pipe() {
    let scratch = sealed();
    let mut command = scratch.command();
    let ran = scratch.finish(
        command
            .env("SOPS_AGE_KEY", ALICE_KEY)
            .args(["view", "secret.yaml"]),
    );
    ran.fails(
        1,
        "view shows secrets on a terminal only\nhint: lockstep decrypt writes them into a pipe or a file\n",
    );
}
