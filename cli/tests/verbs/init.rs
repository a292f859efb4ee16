//! `lockstep init`.

use crate::scratch::{ALICE, ALICE_KEY, BOB, Scratch, secret};

#[test]
fn people_are_named_in_the_policy_file() {
    let scratch = Scratch::new();
    let alice = format!("alice={ALICE}");
    let ran = scratch.run(&["init", "--age", &alice, "--age", BOB]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(
        scratch.read(".sops.yaml"),
        format!(
            r"# Who can decrypt what. lockstep and sops read this file alike; for each file the first
# rule whose path_regex is found in its path counts.
keys:
  - &alice {ALICE}
  - &recipient {BOB}
creation_rules:
  # Kubernetes Secrets by file name: secret.yaml, db-secret.yaml, secrets/db.yaml, …
  - path_regex: secrets?([/._-].*)?\.ya?ml$
    # Only the values: names, labels and types stay readable in reviews.
    encrypted_regex: ^(data|stringData)$
    age:
      - *alice
      - *recipient
"
        )
    );
}

#[test]
fn nobody_named_means_the_owner_of_the_identity_at_hand() {
    let scratch = Scratch::new();
    scratch.hold(ALICE_KEY);
    let ran = scratch.finish(scratch.command().env("USER", "carol").args(["init"]));
    assert_eq!(ran.code, 0);
    assert!(
        scratch
            .read(".sops.yaml")
            .contains(&format!("- &carol {ALICE}\n"))
    );
}

#[test]
fn without_anybody_it_says_how_to_make_a_key() {
    let scratch = Scratch::new();
    scratch.run(&["init"]).fails(
        1,
        "no recipient is named, and no identity is at hand\n\
         hint: make an identity with `lockstep keygen -o ~/.config/sops/age/keys.txt`, or name recipients with --age\n",
    );
    assert_eq!(scratch.files(), [] as [&str; 0]);
}

#[test]
fn run_again_it_changes_nothing_and_says_what_is_there() {
    let scratch = Scratch::with_policy();
    let before = scratch.read(".sops.yaml");
    let ran = scratch.run(&["init", "--age", BOB]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            0,
            ".sops.yaml: already there, left as it is\n  rule 1: secret: 1 recipient\nnext: add a Secret, say db-secret.yaml, and run lockstep encrypt -i on it\n"
        )
    );
    assert_eq!(scratch.read(".sops.yaml"), before);
}

#[test]
fn secrets_in_clear_are_listed_with_what_to_do() {
    let scratch = Scratch::new();
    scratch.write("apps/db-secret.yaml", &secret("db"));
    scratch.write("apps/db.yaml", &secret("db"));
    scratch.write("apps/other.yaml", "kind: ConfigMap\n");
    let ran = scratch.run(&["init", "--age", ALICE]);
    let said: Vec<_> = ran.stderr.lines().skip(2).collect();
    assert_eq!(
        said,
        [
            "apps/db-secret.yaml: holds a Secret in clear",
            "warning: apps/db.yaml: holds a Secret in clear, and no rule is for this path",
            "next: lockstep encrypt -i ."
        ]
    );
}

#[test]
fn shutting_oneself_out_is_noticed() {
    let scratch = Scratch::new();
    scratch.hold(ALICE_KEY);
    let ran = scratch.run(&["init", "--age", BOB]);
    assert!(
        ran.stderr.contains(
            "warning: no identity at hand is among them: you will not be able to decrypt\n"
        )
    );
}

#[test]
fn a_private_key_is_not_taken_for_a_recipient_nor_repeated() {
    let scratch = Scratch::new();
    scratch.run(&["init", "--age", ALICE_KEY]).fails(
        1,
        "--age: this is a private key, not a recipient\n\
         hint: use its public half (age1…); if the private key was ever committed or shared, make a new one\n",
    );
}

#[test]
fn a_policy_file_further_up_holds_and_is_not_shadowed() {
    let scratch = Scratch::with_policy();
    scratch.write("apps/db-secret.yaml", &secret("db"));
    let ran = scratch.run(&["init", "apps"]);
    let said: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(
        said,
        [
            "REPO/.sops.yaml: already there, left as it is",
            "  rule 1: secret: 1 recipient",
            "apps/db-secret.yaml: holds a Secret in clear",
            "next: lockstep encrypt -i apps"
        ]
    );
    assert_eq!(ran.code, 0);
    assert_eq!(scratch.files(), [".sops.yaml", "apps/db-secret.yaml"]);
}
