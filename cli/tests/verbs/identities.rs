//! Where identities come from: SSH keys, commands, and files behind a passphrase.

use crate::scratch::{ALICE, ALICE_KEY, Ran, Scratch, program, secret};
use crate::session::Session;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const ED25519: &str = include_str!("../../../crates/lockstep-age/tests/ssh/ed25519");
const ED25519_PUB: &str = include_str!("../../../crates/lockstep-age/tests/ssh/ed25519.pub");
const LOCKED: &str = include_str!("../../../crates/lockstep-age/tests/ssh/ed25519-locked");
const LOCKED_PUB: &str = include_str!("../../../crates/lockstep-age/tests/ssh/ed25519-locked.pub");
const RSA: &str = include_str!("../../../crates/lockstep-age/tests/ssh/rsa");
const RSA_PUB: &str = include_str!("../../../crates/lockstep-age/tests/ssh/rsa.pub");
/// ALICE_KEY as `age -p` encrypts it, under `passphrase`.
const ENCRYPTED: &str = include_str!("identities/keys.txt.age");

/// A repository with `secret.yaml`, encrypted for these.
fn encrypted_for(recipients: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("secret.yaml", &secret("db"));
    let ran = scratch.run(&["encrypt", "-i", "secret.yaml", "--age", recipients.trim()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scratch
}

fn own_key(scratch: &Scratch, name: &str, key: &str) -> PathBuf {
    let path = scratch.home().join(".ssh").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, key).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Decrypts without a terminal, with one variable set.
fn decrypt_with(scratch: &Scratch, variable: &str, value: &str) -> Ran {
    // In a session of its own there is no terminal that could be asked at.
    let mut command = assert_cmd::Command::new("setsid");
    command
        .arg("--wait")
        .arg(program())
        .current_dir(scratch.repo())
        .env_clear()
        .env("HOME", scratch.home())
        .env("PATH", "/usr/bin:/bin")
        .env(variable, value);
    scratch.finish(command.args(["decrypt", "secret.yaml"]))
}

#[test]
fn an_ssh_key_is_found_where_ssh_keeps_it() {
    let scratch = encrypted_for(ED25519_PUB);
    let path = own_key(&scratch, "id_ed25519", ED25519);
    assert_eq!(scratch.run(&["decrypt", "secret.yaml"]).ok(), secret("db"));

    let elsewhere = path.with_file_name("other");
    fs::rename(&path, &elsewhere).unwrap();
    assert_eq!(scratch.run(&["decrypt", "secret.yaml"]).code, 128);
    let ran = decrypt_with(
        &scratch,
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
        elsewhere.to_str().unwrap(),
    );
    assert_eq!(ran.ok(), secret("db"));
    let command = format!("cat '{}'", elsewhere.to_str().unwrap());
    let ran = decrypt_with(&scratch, "SOPS_AGE_SSH_PRIVATE_KEY_CMD", &command);
    assert_eq!(ran.ok(), secret("db"));
}

#[test]
fn an_rsa_key_is_used_with_a_warning() {
    let scratch = Scratch::new();
    scratch.write("secret.yaml", &secret("db"));
    let ran = scratch.run(&["encrypt", "-i", "secret.yaml", "--age", RSA_PUB.trim()]);
    assert!(
        ran.stderr
            .starts_with("warning: ssh-rsa recipients are weaker")
    );
    own_key(&scratch, "id_rsa", RSA);
    let ran = scratch.run(&["decrypt", "secret.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, secret("db").as_str()));
    let warning = "warning: ~/.ssh/id_rsa: an RSA key is used";
    assert!(ran.stderr.starts_with(warning), "{}", ran.stderr);

    // Whoever has such a key and does not use it here is not told.
    let scratch = encrypted_for(ALICE);
    own_key(&scratch, "id_rsa", RSA);
    scratch.hold(ALICE_KEY);
    scratch.run(&["decrypt", "secret.yaml"]).ok();
}

#[test]
fn a_command_is_told_for_whom_and_runs_only_where_it_is_needed() {
    let scratch = encrypted_for(ALICE);
    let script = format!("touch ran; test \"$SOPS_AGE_RECIPIENT\" = {ALICE} && echo {ALICE_KEY}");
    scratch.write("print.sh", &script);
    let ran = decrypt_with(&scratch, "SOPS_AGE_KEY_CMD", "sh 'print.sh' # mine");
    assert_eq!(ran.ok(), secret("db"));
    fs::remove_file(scratch.path("ran")).unwrap();
    scratch.hold(ALICE_KEY);
    decrypt_with(&scratch, "SOPS_AGE_KEY_CMD", "sh print.sh").ok();
    assert!(!scratch.path("ran").exists());
}

#[test]
fn a_command_that_fails_is_told_without_what_it_printed() {
    let scratch = encrypted_for(ALICE);
    for (command, said) in [
        ("false", "SOPS_AGE_KEY_CMD: false failed: exit status: 1"),
        (
            "no-such-program",
            "SOPS_AGE_KEY_CMD: no-such-program cannot be run",
        ),
        (
            "echo hunter2",
            "SOPS_AGE_KEY_CMD, line 1: this is not an age identity",
        ),
        (
            "echo 'a",
            "SOPS_AGE_KEY_CMD: a quote in the command is not closed",
        ),
        (" # ", "SOPS_AGE_KEY_CMD: the command is empty"),
    ] {
        let ran = decrypt_with(&scratch, "SOPS_AGE_KEY_CMD", command);
        assert_eq!((ran.code, ran.stdout.as_str()), (128, ""));
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"));
    }
}

#[test]
fn where_nobody_can_be_asked_a_passphrase_is_told_to_be_missing() {
    let scratch = encrypted_for(LOCKED_PUB);
    own_key(&scratch, "id_ed25519", LOCKED);
    let ran = decrypt_with(&scratch, "SOPS_AGE_KEY", ENCRYPTED);
    assert_eq!(ran.code, 128);
    for origin in ["~/.ssh/id_ed25519", "SOPS_AGE_KEY"] {
        let said = format!("{origin}: it needs a passphrase, and there is no terminal to ask at\n");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
}

fn at_a_terminal(scratch: &Scratch) -> Session {
    let mut command = Command::new(program());
    command
        .args(["decrypt", "-i", "secret.yaml"])
        .current_dir(scratch.repo())
        .env_clear()
        .env("HOME", scratch.home())
        .env("NO_COLOR", "1");
    Session::spawn(command)
}

#[test]
fn a_passphrase_is_asked_for_where_it_helps_and_not_shown() {
    let scratch = encrypted_for(LOCKED_PUB);
    own_key(&scratch, "id_ed25519", LOCKED);
    // This one would be asked for last.
    scratch.hold(ENCRYPTED);
    for answers in ["passphrase\n", "wrong\npassphrase\n"] {
        let encrypted = scratch.read("secret.yaml");
        let mut session = at_a_terminal(&scratch);
        session.read_until("id_ed25519: ");
        let (code, said) = session.answer(answers);
        assert_eq!(code, 0, "{said}");
        assert!(
            !said.contains("passphrase\r") && !said.contains("keys.txt"),
            "{said}"
        );
        assert_eq!(scratch.read("secret.yaml"), secret("db"));
        scratch.write("secret.yaml", &encrypted);
    }
    let session = at_a_terminal(&scratch);
    let (code, said) = session.answer("a\nb\nc\na\nb\nc\n");
    assert_eq!(code, 128, "{said}");
    assert!(
        said.contains("id_ed25519: the passphrase is wrong"),
        "{said}"
    );
}

#[test]
fn an_identity_file_behind_a_passphrase_is_asked_for_once_for_many_files() {
    let scratch = encrypted_for(ALICE);
    let copy = scratch.read("secret.yaml");
    scratch.write("other.yaml", &copy);
    scratch.hold("");
    fs::write(scratch.home().join(".config/sops/age/keys.txt"), ENCRYPTED).unwrap();
    // Nobody is asked for a key that cannot be for this file.
    own_key(&scratch, "id_ed25519", LOCKED);
    let mut command = Command::new(program());
    command
        .args(["decrypt", "-i", "secret.yaml", "other.yaml"])
        .current_dir(scratch.repo())
        .env_clear()
        .env("HOME", scratch.home())
        .env("NO_COLOR", "1");
    let mut session = Session::spawn(command);
    session.read_until("keys.txt: ");
    let (code, said) = session.answer("passphrase\n");
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("Passphrase for ").count(), 1, "{said}");
    assert_eq!(scratch.read("other.yaml"), secret("db"));
}

#[test]
fn a_rule_may_name_ssh_keys_and_rotation_knows_them_whatever_their_comment() {
    let scratch = Scratch::new();
    own_key(&scratch, "id_ed25519", ED25519);
    let policy = |key: &str| {
        let text = format!(
            "keys:\n  - &alice {key}\ncreation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: [*alice]\n"
        );
        scratch.write(".sops.yaml", &text);
    };
    policy(ED25519_PUB.trim());
    scratch.write("secret.yaml", &secret("db"));
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    assert!(scratch.read("secret.yaml").contains("alice@example.com"));

    policy(
        &ED25519_PUB
            .trim()
            .replace("alice@example.com", "alice's laptop"),
    );
    let ran = scratch.run(&["rotate", "secret.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("gained"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("nobody"), "{}", ran.stderr);
    assert!(scratch.read("secret.yaml").contains("alice's laptop"));
    assert_eq!(scratch.run(&["decrypt", "secret.yaml"]).ok(), secret("db"));
}
