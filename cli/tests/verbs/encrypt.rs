//! `lockstep encrypt` of one file.

use crate::scratch::{ALICE, ALICE_KEY, BOB, CANARY, Scratch, secret};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn one_file_goes_to_standard_output_and_stays_as_it_is() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    let sealed = scratch.run(&["encrypt", "secret.yaml"]).ok();
    assert!(sealed.starts_with("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db # who needs it\nstringData:\n  password: ENC[AES256_GCM,data:"));
    assert!(sealed.contains(&format!("recipient: {ALICE}\n")));
    assert!(!sealed.contains(CANARY));
    assert_eq!(scratch.read("secret.yaml"), secret("db"));
}

#[test]
fn in_place_keeps_the_mode_and_leaves_nothing_else() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    fs::set_permissions(
        scratch.path("secret.yaml"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    scratch.run(&["encrypt", "secret.yaml", "-i"]).ok();
    assert!(!scratch.read("secret.yaml").contains(CANARY));
    let mode = fs::metadata(scratch.path("secret.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(scratch.files(), [".sops.yaml", "secret.yaml"]);
}

#[test]
fn flags_stand_before_or_after_paths_and_output_names_the_result() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch
        .run(&["encrypt", "secret.yaml", "--output", "after.yaml"])
        .ok();
    scratch
        .run(&["encrypt", "--output", "before.yaml", "secret.yaml"])
        .ok();
    for name in ["after.yaml", "before.yaml"] {
        assert!(scratch.read(name).contains("ENC["), "{name}");
    }
}

#[test]
fn standard_input_needs_a_name() {
    let scratch = Scratch::with_policy();
    let mut command = scratch.command();
    command.write_stdin(secret("db"));
    scratch.finish(command.args(["encrypt"])).fails(
        8,
        "standard input has no name by which to find its rule\nhint: add --filename-override NAME\n",
    );
    for path in [vec![], vec!["-"]] {
        let mut command = scratch.command();
        command.write_stdin(secret("db"));
        command
            .args(["encrypt", "--filename-override", "secret.yaml"])
            .args(path);
        assert!(scratch.finish(&mut command).ok().contains("password: ENC["));
    }
}

#[test]
fn recipients_on_the_command_line_replace_those_of_the_rule_and_nothing_else() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    let sealed = scratch.run(&["encrypt", "secret.yaml", "--age", BOB]).ok();
    assert!(sealed.contains(BOB) && !sealed.contains(ALICE));
    assert!(sealed.contains("encrypted_regex: ^(data|stringData)$\n"));
    let mut command = scratch.command();
    command
        .env("SOPS_AGE_RECIPIENTS", BOB)
        .args(["encrypt", "secret.yaml"]);
    assert!(scratch.finish(&mut command).ok().contains(BOB));
}

#[test]
fn a_rule_must_be_for_the_file_even_if_recipients_are_given() {
    let scratch = Scratch::with_policy();
    scratch.write("db.yaml", &secret("db"));
    scratch.run(&["encrypt", "db.yaml", "--age", BOB]).fails(
        1,
        "db.yaml: no rule of .sops.yaml is for this path\n\
         hint: rename the file so that a path_regex of .sops.yaml is found in its path, or add a rule\n",
    );
}

#[test]
fn without_a_policy_recipients_must_be_given() {
    let scratch = Scratch::new();
    scratch.write("secret.yaml", &secret("db"));
    scratch.run(&["encrypt", "secret.yaml"]).fails(
        1,
        "secret.yaml: no recipients: there is no .sops.yaml with creation rules, and none are given\n\
         hint: run `lockstep init` in the repository, or name recipients with --age\n",
    );
    let sealed = scratch
        .run(&[
            "encrypt",
            "--age",
            ALICE,
            "--encrypted-regex",
            "^stringData$",
            "secret.yaml",
        ])
        .ok();
    assert!(sealed.contains("kind: Secret\n") && sealed.contains("password: ENC["));
    let sealed = scratch
        .run(&["encrypt", "--age", ALICE, "secret.yaml"])
        .ok();
    assert!(sealed.contains("kind: ENC[") && sealed.contains("unencrypted_suffix: _unencrypted\n"));
}

#[test]
fn the_policy_is_looked_for_from_the_file_and_not_past_its_repository() {
    let scratch = Scratch::with_policy();
    scratch.write("other/.git/HEAD", "");
    scratch.write("other/secret.yaml", &secret("db"));
    let ran = scratch.run(&["encrypt", "other/secret.yaml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no recipients"));

    scratch.write(
        "team/.sops.yaml",
        &format!("creation_rules:\n  - age: {BOB}\n"),
    );
    scratch.write("team/x.yaml", "a: b\n");
    let ran = scratch.run(&["encrypt", "team/x.yaml"]);
    assert!(ran.stdout.contains(BOB));
    assert_eq!(
        ran.stderr,
        "warning: team/.sops.yaml: sops, run in the current folder, would use .sops.yaml instead\n"
    );
}

#[test]
fn config_goes_before_the_search() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch.write(
        "policy/other.yaml",
        &format!("creation_rules:\n  - age: {BOB}\n"),
    );
    for command in [
        scratch
            .command()
            .args(["encrypt", "secret.yaml", "--config", "policy/other.yaml"]),
        scratch
            .command()
            .env("SOPS_CONFIG", "policy/other.yaml")
            .args(["encrypt", "secret.yaml"]),
    ] {
        assert!(scratch.finish(command).ok().contains(BOB));
    }
    let ran = scratch.run(&["encrypt", "secret.yaml", "--config", "none.yaml"]);
    assert_eq!(ran.code, 1);
}

#[test]
fn mistakes_have_the_exit_codes_of_sops() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    for (name, content, code) in [
        ("list-secret.yaml", "- a\n", 2),
        ("syntax-secret.yaml", "a: [\n", 2),
        ("empty-secret.yaml", "", 92),
        ("key-secret.yaml", "1: a\n", 23),
        ("reserved-secret.yaml", "sops: a\n", 203),
    ] {
        scratch.write(name, content);
        let ran = scratch.run(&["encrypt", name]);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (code, ""),
            "{name}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.starts_with(&format!("{name}: ")),
            "{}",
            ran.stderr
        );
    }
    scratch.run(&["encrypt", "secret.yaml"]).fails(
        203,
        "secret.yaml: it is already encrypted\n\
         hint: to change it, decrypt it, edit it, and encrypt it again\n",
    );
    scratch
        .run(&["encrypt", "no-secret.yaml"])
        .fails(100, "no-secret.yaml: there is no such file\n");
    assert_eq!(
        scratch
            .run(&["encrypt", "-i", "--output", "x", "secret.yaml"])
            .code,
        8
    );
}

#[test]
fn a_private_key_in_the_policy_file_is_refused_and_not_repeated() {
    let scratch = Scratch::new();
    scratch.write("secret.yaml", &secret("db"));
    scratch.write(
        ".sops.yaml",
        &format!("creation_rules:\n  - age: {ALICE_KEY}\n"),
    );
    let ran = scratch.run(&["encrypt", "secret.yaml"]);
    assert_eq!(
        ran.stderr.lines().next().unwrap(),
        "secret.yaml: the policy file .sops.yaml cannot be used: line 2: there is a private key in this file"
    );
    assert!(!ran.stderr.contains("GQ977"));
}

#[test]
fn a_typing_error_in_a_field_of_the_policy_is_noticed() {
    let scratch = Scratch::new();
    scratch.write("secret.yaml", &secret("db"));
    scratch.write(
        ".sops.yaml",
        &format!("creation_rules:\n  - encrypted_regexp: ^data$\n    age: {ALICE}\n"),
    );
    let ran = scratch.run(&["encrypt", "secret.yaml"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            0,
            "warning: .sops.yaml: line 2: nobody reads the field \"encrypted_regexp\"; is it a typing error?\n"
        )
    );
}

#[test]
fn file_names_cannot_write_on_the_terminal() {
    let scratch = Scratch::with_policy();
    scratch
        .run(&["encrypt", "\u{1b}[2Jsecret.yaml"])
        .fails(100, "\\u{1b}[2Jsecret.yaml: there is no such file\n");
}

#[test]
fn a_file_of_which_nothing_is_encrypted_is_pointed_out() {
    let scratch = Scratch::with_policy();
    scratch.write("values-secret.yaml", "password: x\n");
    let said = "warning: values-secret.yaml: nothing in it is encrypted: the rule selects none of its values\n";
    let ran = scratch.run(&["encrypt", "values-secret.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, said));
    let ran = scratch.run(&["encrypt", "-i", "values-secret.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, said));
}

#[test]
fn a_policy_file_with_the_wrong_ending_is_pointed_out() {
    let scratch = Scratch::new();
    scratch.write("secret.yaml", &secret("db"));
    scratch.write(".sops.yml", &format!("creation_rules:\n  - age: {BOB}\n"));
    let ran = scratch.run(&["encrypt", "--age", ALICE, "secret.yaml"]);
    assert_eq!(
        ran.stderr,
        "warning: .sops.yml: nobody reads this; its name must be .sops.yaml\n"
    );
    assert!(!ran.stdout.contains(BOB));
}

#[test]
fn a_policy_file_that_is_a_dead_link_is_not_passed_over() {
    let scratch = Scratch::with_policy();
    scratch.write("team/secret.yaml", &secret("db"));
    std::os::unix::fs::symlink("nowhere", scratch.path("team/.sops.yaml")).unwrap();
    let ran = scratch.run(&["encrypt", "team/secret.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr
            .starts_with("team/secret.yaml: the policy file cannot be read: team/.sops.yaml: ")
    );
}

#[test]
fn what_would_be_too_large_to_decrypt_is_not_written() {
    let scratch = Scratch::with_policy();
    let text = format!("data: {}\n", "x".repeat(13 << 20));
    scratch.write("secret.yaml", &text);
    scratch
        .run(&["encrypt", "-i", "secret.yaml"])
        .fails(1, "secret.yaml: encrypted it would be larger than 16384 KiB, the most that is read\nhint: split it into several files\n");
    assert_eq!(scratch.read("secret.yaml"), text);
}

#[test]
fn a_copy_of_the_object_in_an_annotation_is_pointed_out() {
    let scratch = Scratch::with_policy();
    let annotated = |value: &str| {
        secret("db").replace(
            "stringData:",
            &format!("  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: {value}\nstringData:"),
        )
    };
    for value in ["'{\"data\":1}'", "|\n      {\"data\":1}"] {
        scratch.write("secret.yaml", &annotated(value));
        let ran = scratch.run(&["encrypt", "-i", "secret.yaml"]);
        assert_eq!(ran.code, 0);
        assert_eq!(
            ran.stderr,
            "warning: secret.yaml: line 6: last-applied-configuration holds a copy of the object in clear: \
             remove this annotation, and change the values if the file was ever shared\n"
        );
    }
    scratch.write("secret.yaml", &annotated("x"));
    let all = [
        "encrypt",
        "-i",
        "--encrypted-regex",
        "^(annotations|stringData)$",
        "secret.yaml",
    ];
    scratch.run(&all).ok();
}
