//! Key groups: a data key that is split is put together by either program, whoever split it.

use crate::both::{BOTH, Program};
use crate::scratch::{ALICE, ALICE_KEY, CANARY, Ran, Scratch, secret};
use lockstep_age::Identity;

/// Three people, the first of whom is Alice.
struct People {
    keys: [String; 3],
    recipients: [String; 3],
}

impl People {
    fn new() -> Self {
        let others = [Identity::generate(), Identity::generate()];
        let key = |one: &Identity| one.to_secret_text().expose().to_owned();
        let recipient = |one: &Identity| one.to_public().to_string();
        Self {
            keys: [ALICE_KEY.to_owned(), key(&others[0]), key(&others[1])],
            recipients: [
                ALICE.to_owned(),
                recipient(&others[0]),
                recipient(&others[1]),
            ],
        }
    }

    /// A repository where each is in a group of their own.
    fn policy(&self, threshold: &str) -> Scratch {
        let scratch = Scratch::new();
        let [alice, bob, carol] = &self.recipients;
        scratch.write(
            ".sops.yaml",
            &format!(
                "creation_rules:\n  - encrypted_regex: ^stringData$\n{threshold}    key_groups:\n      \
                 - merge:\n          - age: [{alice}]\n      - age: [{bob}]\n      - age: [{carol}]\n"
            ),
        );
        scratch
    }

    /// Decrypts as some of them together.
    fn decrypt(&self, scratch: &Scratch, program: Program, who: &[usize], name: &str) -> Ran {
        let keys: Vec<_> = who.iter().map(|one| self.keys[*one].as_str()).collect();
        let mut command = program.command(scratch);
        command.env("SOPS_AGE_KEY", keys.join("\n"));
        scratch.finish(command.args(["decrypt", name]))
    }

    /// Whether exactly those who are enough open the file, in both programs.
    #[track_caller]
    fn check(&self, scratch: &Scratch, name: &str, needed: usize) {
        for who in [&[0][..], &[2], &[0, 1], &[0, 2], &[2, 1], &[0, 1, 2]] {
            for reader in BOTH {
                let ran = self.decrypt(scratch, reader, who, name);
                if who.len() >= needed {
                    assert!(
                        ran.stdout.contains(CANARY),
                        "{reader:?} {who:?}: {}",
                        ran.stderr
                    );
                } else {
                    assert_eq!(
                        (ran.code, ran.stdout.as_str()),
                        (128, ""),
                        "{reader:?} {who:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn groups_of_a_rule_are_split_alike() {
    for (threshold, needed) in [("", 3), ("    shamir_threshold: 2\n", 2)] {
        for writer in BOTH {
            let people = People::new();
            let scratch = people.policy(threshold);
            scratch.write("secret.yaml", &secret("db"));
            writer.data(&scratch, &["encrypt", "-i", "secret.yaml"]);
            let file = scratch.read("secret.yaml");
            assert!(
                file.contains(&format!("shamir_threshold: {needed}\n")),
                "{file}"
            );
            people.check(&scratch, "secret.yaml", needed);
        }
    }
}

#[test]
fn other_formats_hold_groups_too() {
    for (name, content) in [
        (
            "secret.json",
            format!("{{\n\t\"stringData\": \"{CANARY}\"\n}}\n"),
        ),
        ("secret.env", format!("stringData={CANARY}\n")),
        ("secret", CANARY.to_owned()),
    ] {
        for writer in BOTH {
            let people = People::new();
            let scratch = people.policy("    shamir_threshold: 2\n");
            scratch.write(name, &content);
            writer.data(&scratch, &["encrypt", "-i", name]);
            people.check(&scratch, name, 2);
        }
    }
}

#[test]
fn the_option_says_how_many_groups_are_needed() {
    for writer in BOTH {
        let people = People::new();
        let scratch = people.policy("");
        scratch.write("secret.yaml", &secret("db"));
        let option = "--shamir-secret-sharing-threshold";
        writer.data(&scratch, &["encrypt", option, "2", "-i", "secret.yaml"]);
        people.check(&scratch, "secret.yaml", 2);
        for wrong in ["1", "4"] {
            scratch.write("other.yaml", &secret("db"));
            let ran = writer.run(&scratch, &["encrypt", option, wrong, "other.yaml"]);
            assert_eq!(
                (ran.code, ran.stdout.as_str()),
                (1, ""),
                "{writer:?} {wrong}"
            );
        }
    }
}

#[test]
fn rotation_keeps_groups_and_asks_when_fewer_become_enough() {
    let people = People::new();
    let scratch = people.policy("");
    scratch.write("secret.yaml", &secret("db"));
    Program::Sops.data(&scratch, &["encrypt", "-i", "secret.yaml"]);
    let run = |arguments: &[&str]| {
        let mut command = Program::Lockstep.command(&scratch);
        command.env("SOPS_AGE_KEY", people.keys.join("\n"));
        scratch.finish(command.args(arguments))
    };
    let ran = run(&["rotate", "secret.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    people.check(&scratch, "secret.yaml", 3);

    let policy = scratch.read(".sops.yaml");
    let policy = policy.replace("    key_groups", "    shamir_threshold: 2\n    key_groups");
    scratch.write(".sops.yaml", &policy);
    let ran = run(&["rotate", "secret.yaml"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(ran.stderr.contains("gained by"), "{}", ran.stderr);
    assert_eq!(run(&["rotate", "--yes", "secret.yaml"]).code, 0);
    people.check(&scratch, "secret.yaml", 2);
}

/// Entries of kinds that are not held, in groups as well.
const PGP: &str = "          pgp:\n            - created_at: \"2026-01-02T03:04:05Z\"\n              \
                   enc: |-\n                -----BEGIN PGP MESSAGE-----\n                hQ\n                \
                   -----END PGP MESSAGE-----\n              fp: ABCDEF0123456789ABCDEF0123456789ABCDEF01\n";

#[test]
fn keys_of_other_kinds_in_groups_stay_as_they_are() {
    let people = People::new();
    let scratch = people.policy("    shamir_threshold: 2\n");
    scratch.write("secret.yaml", &secret("db"));
    Program::Sops.data(&scratch, &["encrypt", "-i", "secret.yaml"]);
    let file = scratch.read("secret.yaml").replacen(
        "          hc_vault: []\n",
        &format!("          hc_vault: []\n{PGP}"),
        2,
    );
    assert_eq!(file.matches(PGP).count(), 2);
    scratch.write("secret.yaml", &file);
    people.check(&scratch, "secret.yaml", 2);

    let mut command = Program::Lockstep.command(&scratch);
    command.env("SOPS_AGE_KEY", people.keys.join("\n"));
    let arguments = [
        "set",
        "secret.yaml",
        "[\"stringData\"][\"more\"]",
        "\"hunter2\"",
    ];
    let ran = scratch.finish(command.args(arguments));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(scratch.read("secret.yaml").matches(PGP).count(), 2);
    people.check(&scratch, "secret.yaml", 2);

    let mut command = Program::Lockstep.command(&scratch);
    command.env("SOPS_AGE_KEY", people.keys.join("\n"));
    let ran = scratch.finish(command.args(["rotate", "secret.yaml"]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("keys of kinds that cannot be wrapped for: pgp"),
        "{}",
        ran.stderr
    );
}

#[test]
fn updatekeys_splits_and_joins_as_the_rule_says() {
    let people = People::new();
    let scratch = people.policy("    shamir_threshold: 2\n");
    let split = scratch.read(".sops.yaml");
    let whole = format!(
        "creation_rules:\n  - encrypted_regex: ^stringData$\n    age: {}\n",
        people.recipients.join(",")
    );
    scratch.write("secret.yaml", &secret("db"));
    Program::Sops.data(&scratch, &["encrypt", "-i", "secret.yaml"]);
    for (policy, needed) in [(&whole, 1), (&split, 2)] {
        scratch.write(".sops.yaml", policy);
        let mut command = Program::Lockstep.command(&scratch);
        command.env("SOPS_AGE_KEY", people.keys.join("\n"));
        let ran = scratch.finish(command.args(["updatekeys", "--yes", "secret.yaml"]));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let file = scratch.read("secret.yaml");
        assert_eq!(file.contains("key_groups"), needed > 1);
        assert_eq!(file.contains("shamir_threshold"), needed > 1);
        people.check(&scratch, "secret.yaml", needed);
    }
}
