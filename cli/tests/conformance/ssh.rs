//! Identities that are no age keys in a file: each program opens what the other wrote with them.

use crate::both::{BOTH, Program};
use crate::scratch::{ALICE, ALICE_KEY, Scratch, secret};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const KEYS: [(&str, &str, &str); 2] = [
    (
        "id_ed25519",
        include_str!("../../../crates/lockstep-age/tests/ssh/ed25519"),
        include_str!("../../../crates/lockstep-age/tests/ssh/ed25519.pub"),
    ),
    (
        "id_rsa",
        include_str!("../../../crates/lockstep-age/tests/ssh/rsa"),
        include_str!("../../../crates/lockstep-age/tests/ssh/rsa.pub"),
    ),
];

/// A repository whose rule names these recipients, and nothing held.
fn with_rule(recipients: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    let list: String = recipients
        .iter()
        .map(|one| format!("      - {}\n", one.trim()))
        .collect();
    let rule = format!("creation_rules:\n  - encrypted_regex: ^stringData$\n    age:\n{list}");
    scratch.write(".sops.yaml", &rule);
    scratch.write("secret.yaml", &secret("db"));
    scratch
}

fn encrypt(scratch: &Scratch, program: Program) {
    let ran = program.run(scratch, &["encrypt", "-i", "secret.yaml"]);
    assert_eq!(ran.code, 0, "{program:?}: {}", ran.stderr);
}

/// Decrypts with nothing but what `set` sets. Where nobody is to be asked.
fn decrypt(scratch: &Scratch, program: Program, set: &[(&str, &str)]) -> String {
    let mut command = program.command(scratch);
    command
        .env_remove("SOPS_AGE_KEY")
        .env("PATH", "/usr/bin:/bin");
    for (name, value) in set {
        command.env(name, value);
    }
    let ran = scratch.finish(command.args(["decrypt", "secret.yaml"]));
    assert_eq!(ran.code, 0, "{program:?}: {}", ran.stderr);
    // sops writes YAML anew.
    ran.stdout
        .lines()
        .find(|line| line.contains("password"))
        .unwrap()
        .trim()
        .to_owned()
}

#[test]
fn ssh_keys_open_what_either_wrote_from_wherever_they_come() {
    for writer in BOTH {
        for (name, key, public) in KEYS {
            let scratch = with_rule(&[ALICE, public]);
            encrypt(&scratch, writer);
            assert!(
                scratch.read("secret.yaml").contains(public.trim()),
                "{writer:?}"
            );
            let path = scratch.home().join(".ssh").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, key).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let elsewhere = scratch.home().join("elsewhere");
            for reader in BOTH {
                let own = decrypt(&scratch, reader, &[]);
                fs::rename(&path, &elsewhere).unwrap();
                let file = elsewhere.to_str().unwrap();
                let given = decrypt(&scratch, reader, &[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", file)]);
                let command = format!("cat \"{file}\"");
                let printed = decrypt(
                    &scratch,
                    reader,
                    &[("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &command)],
                );
                fs::rename(&elsewhere, &path).unwrap();
                assert_eq!(
                    own, "password: hunter2-canary",
                    "{writer:?} {reader:?} {name}"
                );
                assert_eq!([&given, &printed], [&own, &own]);
            }
        }
    }
}

#[test]
fn commands_print_identities_for_the_recipient_they_are_told() {
    let scratch = with_rule(&[ALICE]);
    encrypt(&scratch, Program::Sops);
    let script = format!("test \"$SOPS_AGE_RECIPIENT\" = {ALICE} && echo {ALICE_KEY}\n");
    scratch.write("print key.sh", &script);
    for reader in BOTH {
        for command in [
            "sh 'print key.sh'",
            "sh print\\ key.sh",
            "sh \"print key.sh\" # x",
        ] {
            let read = decrypt(&scratch, reader, &[("SOPS_AGE_KEY_CMD", command)]);
            assert_eq!(read, "password: hunter2-canary", "{reader:?} {command}");
        }
    }
}

/// Both refuse the same recipients.
#[test]
fn what_is_no_recipient_for_one_is_none_for_the_other() {
    let (_, _, ed25519) = KEYS[0];
    let blob = ed25519.split_whitespace().nth(1).unwrap();
    let neutral = format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAE{}", "A".repeat(41));
    for recipient in [
        "ssh-dss AAAAB3NzaC1kc3M=",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        &format!("ssh-rsa {blob}"),
        &format!("ssh-ed25519 {blob}AAAA"),
        &neutral,
    ] {
        let scratch = with_rule(&[recipient]);
        for program in BOTH {
            let ran = program.run(&scratch, &["encrypt", "secret.yaml"]);
            assert_ne!(ran.code, 0, "{program:?} {recipient}");
        }
    }
}
