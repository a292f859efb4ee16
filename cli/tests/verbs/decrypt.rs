//! `lockstep decrypt` of one file, and the identities it finds.

use crate::scratch::{ALICE, ALICE_KEY, BOB, CANARY, Ran, Scratch, secret};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Alice's repository with one encrypted file.
fn encrypted() -> Scratch {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    scratch
}

/// Changes the encrypted file as somebody with an editor would.
fn tamper(scratch: &Scratch, from: &str, to: &str) -> Ran {
    let text = scratch.read("secret.yaml");
    assert!(text.contains(from));
    scratch.write("secret.yaml", &text.replacen(from, to, 1));
    scratch.run(&["decrypt", "secret.yaml"])
}

#[test]
fn what_was_encrypted_comes_back_to_the_byte() {
    let scratch = encrypted();
    assert_eq!(scratch.run(&["decrypt", "secret.yaml"]).ok(), secret("db"));
    scratch.run(&["decrypt", "-i", "secret.yaml"]).ok();
    assert_eq!(scratch.read("secret.yaml"), secret("db"));
}

#[test]
fn standard_input_and_output_files_work() {
    let scratch = encrypted();
    let sealed = scratch.read("secret.yaml");
    let mut command = scratch.command();
    command.write_stdin(sealed).args(["decrypt"]);
    assert_eq!(scratch.finish(&mut command).ok(), secret("db"));
    scratch
        .run(&["decrypt", "secret.yaml", "--output", "plain.yaml"])
        .ok();
    assert_eq!(scratch.read("plain.yaml"), secret("db"));
    let mode = fs::metadata(scratch.path("plain.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let through = scratch
        .run(&["decrypt", "secret.yaml", "--output", "/dev/stdout"])
        .ok();
    assert_eq!(through, secret("db"));
}

#[test]
fn every_place_of_sops_is_looked_into_and_all_count() {
    let scratch = encrypted();
    fs::remove_dir_all(scratch.home().join(".config")).unwrap();
    scratch.write("key.txt", ALICE_KEY);
    fs::set_permissions(scratch.path("key.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    scratch.write("xdg/sops/age/keys.txt", ALICE_KEY);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(scratch.path("xdg/sops/age/keys.txt"), private).unwrap();
    let xdg = scratch.path("xdg");
    for (name, value) in [
        ("SOPS_AGE_KEY", ALICE_KEY),
        ("SOPS_AGE_KEY_FILE", "key.txt"),
        ("XDG_CONFIG_HOME", xdg.to_str().unwrap()),
    ] {
        let mut command = scratch.command();
        command.env(name, value).args(["decrypt", "secret.yaml"]);
        assert_eq!(scratch.finish(&mut command).ok(), secret("db"), "{name}");
    }
}

#[test]
fn a_source_that_cannot_be_read_matters_only_if_it_was_needed() {
    let scratch = encrypted();
    let mut command = scratch.command();
    command
        .env("SOPS_AGE_KEY_FILE", "gone.txt")
        .args(["decrypt", "secret.yaml"]);
    scratch.finish(&mut command).ok();

    fs::remove_dir_all(scratch.home().join(".config")).unwrap();
    let ran = scratch.finish(&mut command);
    assert_eq!(ran.code, 128);
    assert!(
        ran.stderr
            .starts_with("warning: gone.txt: cannot read it: No such file")
    );
}

#[test]
fn a_missing_key_is_told_with_what_is_wanted_and_what_is_held() {
    let scratch = Scratch::with_policy();
    scratch.write("secret.yaml", &secret("db"));
    scratch
        .run(&["encrypt", "-i", "secret.yaml", "--age", BOB])
        .ok();
    scratch.run(&["decrypt", "secret.yaml"]).fails(
        128,
        &format!(
            "secret.yaml: no identity at hand opens it; it wants {BOB}; held: {ALICE} (~/.config/sops/age/keys.txt)\n\
             hint: have somebody who can open the file encrypt it for a recipient that is held, too\n"
        ),
    );
    fs::remove_dir_all(scratch.home().join(".config")).unwrap();
    scratch.run(&["decrypt", "secret.yaml"]).fails(
        128,
        &format!(
            "secret.yaml: no identity at hand opens it; it wants {BOB}; none is held\n\
             hint: set SOPS_AGE_KEY_FILE to the file that holds your identity, or put it at ~/.config/sops/age/keys.txt\n"
        ),
    );
}

#[test]
fn identities_that_others_may_read_are_pointed_out() {
    let scratch = encrypted();
    let keys = scratch.home().join(".config/sops/age/keys.txt");
    fs::set_permissions(keys, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = scratch.run(&["decrypt", "secret.yaml"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            0,
            "warning: ~/.config/sops/age/keys.txt: others may read these identities; run `chmod 600` on it\n"
        )
    );
}

#[test]
fn a_changed_file_gives_nothing_away_and_says_where() {
    let scratch = encrypted();
    let ran = tamper(&scratch, "name: db", "name: other");
    assert_eq!((ran.code, ran.stdout.as_str()), (51, ""));

    let scratch = encrypted();
    let ran = tamper(&scratch, "password: ENC", &format!("{CANARY}: ENC"));
    assert_eq!((ran.code, ran.stdout.as_str()), (25, ""));

    let scratch = encrypted();
    let line = scratch.read("secret.yaml");
    let line = line
        .lines()
        .find(|line| line.contains("password:"))
        .unwrap();
    let ran = tamper(&scratch, line, &format!("  password: {CANARY}"));
    assert_eq!((ran.code, ran.stdout.as_str()), (25, ""));
    assert!(
        ran.stderr
            .starts_with("secret.yaml: line 6, stringData.password: "),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains(CANARY));
}

#[test]
fn a_failure_in_place_changes_nothing() {
    let scratch = encrypted();
    let text = scratch
        .read("secret.yaml")
        .replace("name: db", "name: other");
    scratch.write("secret.yaml", &text);
    assert_eq!(scratch.run(&["decrypt", "-i", "secret.yaml"]).code, 51);
    assert_eq!(scratch.read("secret.yaml"), text);
}

#[test]
fn mistakes_have_the_exit_codes_of_sops() {
    let scratch = Scratch::with_policy();
    scratch.write("clear-secret.yaml", &secret("db"));
    scratch.write("syntax-secret.yaml", "a: [\n");
    scratch.run(&["decrypt", "clear-secret.yaml"]).fails(
        1,
        "clear-secret.yaml: it is not encrypted: there is no sops metadata in it\n",
    );
    assert_eq!(scratch.run(&["decrypt", "syntax-secret.yaml"]).code, 1);
    scratch
        .run(&["decrypt", "none.yaml"])
        .fails(100, "none.yaml: there is no such file\n");
    scratch
        .run(&["decrypt", "-i", "none.yaml"])
        .fails(100, "none.yaml: there is no such file\n");
    assert_eq!(scratch.run(&["decrypt", "-i", "-"]).code, 8);
}
