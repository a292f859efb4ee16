//! `rotate`: to policy, with a new data key, all files or none.

mod asked;
mod refusals;

use crate::scratch::{ALICE, ALICE_KEY, CANARY, Ran, Scratch, program, secret};
use lockstep_age::Identity;
use std::process::Command;

/// Somebody with a key.
struct Person {
    key: String,
    recipient: String,
}

impl Person {
    fn new() -> Self {
        let identity = Identity::generate();
        Self {
            key: identity.to_secret_text().expose().to_owned(),
            recipient: identity.to_public().to_string(),
        }
    }

    /// What decrypting a file as this person comes to.
    fn decrypts(&self, scratch: &Scratch, name: &str) -> Ran {
        let mut command = scratch.command();
        command
            .env("HOME", "/nonexistent")
            .env("SOPS_AGE_KEY", &self.key);
        scratch.finish(command.args(["decrypt", name]))
    }
}

/// Two teams; Alice is in both, and holds her key.
struct Teams {
    scratch: Scratch,
    bob: Person,
    carol: Person,
}

impl Teams {
    fn new() -> Self {
        let teams = Self {
            scratch: Scratch::new(),
            bob: Person::new(),
            carol: Person::new(),
        };
        teams.scratch.hold(ALICE_KEY);
        teams.policy("[*alice, *bob]", "[*alice, *carol]", "");
        for name in [
            "shop/db-secret.yaml",
            "shop/api-secret.yaml",
            "blog/db-secret.yaml",
        ] {
            teams.scratch.write(name, &secret(name));
        }
        teams
            .scratch
            .write("shop/deployment.yaml", "kind: Deployment\n");
        assert_eq!(teams.scratch.run(&["encrypt", "-i", "."]).code, 0);
        teams
    }

    /// Writes the policy file: who reads what, and what stands under `lockstep`.
    fn policy(&self, shop: &str, blog: &str, more: &str) {
        let rule = |path, whom| {
            format!(
                "  - path_regex: ^{path}/.*secret\n    encrypted_regex: ^(data|stringData)$\n    age: {whom}\n"
            )
        };
        self.scratch.write(
            ".sops.yaml",
            &format!(
                "keys:\n  - &alice {ALICE}\n  - &bob {}\n  - &carol {}\ncreation_rules:\n{}{}{more}",
                self.bob.recipient,
                self.carol.recipient,
                rule("shop", shop),
                rule("blog", blog),
            ),
        );
    }

    /// Every file's name and content.
    fn state(&self) -> Vec<(String, String)> {
        let names = self.scratch.files().into_iter();
        names
            .map(|name| (name.clone(), self.scratch.read(&name)))
            .collect()
    }

    /// Runs `rotate` and asserts that it is refused, that `says` is said of `name`, and that nothing
    /// was changed.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], name: &str, says: &str) {
        let before = self.state();
        let ran = self
            .scratch
            .run(&[&["rotate", "--yes"], arguments].concat());
        assert_ne!(ran.code, 0, "{}", ran.stderr);
        assert!(
            ran.stderr
                .lines()
                .any(|line| line.starts_with(&format!("{name}: ")) && line.contains(says)),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
        assert!(!ran.stderr.contains(CANARY));
        assert_eq!(self.state(), before);
    }
}

/// The `sops:` block of a file and what comes before it.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find("sops:\n").unwrap())
}

#[test]
fn files_come_to_policy_and_who_left_is_out() {
    let teams = Teams::new();
    let old = teams.scratch.read("shop/db-secret.yaml");
    teams.policy(
        "[*alice, *carol]",
        "[*alice, *carol]",
        "lockstep:\n  teams:\n    shop: {paths: [shop], former: [*bob]}\n",
    );
    let ran = teams.scratch.run(&["rotate", "--yes", "shop"]);
    let (bob, carol) = (&teams.bob.recipient, &teams.carol.recipient);
    ran.said(&format!(
        "shop/api-secret.yaml (team shop): gained by carol; lost by bob\n\
         shop/db-secret.yaml (team shop): gained by carol; lost by bob\n\
         2 files: new data key\n\
         carol ({carol}) gains access to 2 files\n\
         bob ({bob}) loses access to 2 files\n\
         2 files rotated\n\
         hint: what bob ({bob}) could read stays readable for them in the Git history: change those values at their source\n"
    ));
    for name in ["shop/db-secret.yaml", "shop/api-secret.yaml"] {
        assert_eq!(teams.scratch.run(&["decrypt", name]).ok(), secret(name));
        assert_eq!(
            teams.carol.decrypts(&teams.scratch, name).ok(),
            secret(name)
        );
        assert_eq!(teams.bob.decrypts(&teams.scratch, name).code, 128);
    }

    // What Bob kept of the old file, its data key, does not open the new one.
    let new = teams.scratch.read("shop/db-secret.yaml");
    let mixed = format!("{}{}", split(&new).0, split(&old).1);
    teams.scratch.write("shop/mixed-secret.yaml", &mixed);
    assert_eq!(
        teams
            .bob
            .decrypts(&teams.scratch, "shop/mixed-secret.yaml")
            .code,
        25
    );
}

#[test]
fn a_file_that_is_to_policy_gets_a_new_data_key_all_the_same() {
    let teams = Teams::new();
    let old = teams.scratch.read("shop/db-secret.yaml");
    let ran = teams.scratch.run(&["rotate", "-i", "shop/db-secret.yaml"]);
    ran.said("shop/db-secret.yaml: recipients stay\n1 file: new data key\n1 file rotated\n");
    let new = teams.scratch.read("shop/db-secret.yaml");
    assert_ne!(split(&new).0, split(&old).0);
    teams.scratch.write(
        "shop/db-secret.yaml",
        &format!("{}{}", split(&new).0, split(&old).1),
    );
    assert_eq!(
        teams
            .bob
            .decrypts(&teams.scratch, "shop/db-secret.yaml")
            .code,
        25
    );
}

#[test]
fn nobody_gains_access_without_a_yes() {
    let teams = Teams::new();
    teams.policy("[*alice, *bob, *carol]", "[*alice, *carol]", "");
    let before = teams.state();
    let ran = teams.scratch.run(&["rotate", "shop"]);
    assert_eq!(ran.code, 10);
    assert!(ran.stderr.ends_with(
        "nothing was changed: nobody is there to confirm it\n\
         hint: if the list above is as it should be, add --yes\n"
    ));
    assert_eq!(teams.state(), before);
}

#[test]
fn without_a_path_it_is_the_whole_repository_from_any_folder_and_only_when_confirmed() {
    let teams = Teams::new();
    assert_eq!(teams.scratch.run(&["rotate"]).code, 10);
    let before = teams.state();
    let mut command = teams.scratch.command();
    command.current_dir(teams.scratch.path("shop"));
    let ran = teams.scratch.finish(command.args(["rotate", "--yes"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr
            .starts_with("../blog/db-secret.yaml: recipients stay\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.ends_with("3 files rotated\n"));
    let changed = before
        .iter()
        .zip(teams.state())
        .filter(|(old, new)| *old != new)
        .count();
    assert_eq!(changed, 3);
}

#[test]
fn the_plan_is_data_and_changes_nothing() {
    let teams = Teams::new();
    teams.policy(
        "[*alice, *carol]",
        "[*alice, *carol]",
        "lockstep: {former: [*bob]}\n",
    );
    let before = teams.state();
    let ran = teams.scratch.run(&["rotate", "--dry-run"]);
    assert!(
        ran.ok()
            .starts_with("blog/db-secret.yaml: recipients stay\n")
    );
    let ran = teams.scratch.run(&[
        "rotate",
        "--dry-run",
        "--format",
        "json",
        "shop/db-secret.yaml",
    ]);
    let plan: serde_json::Value = serde_json::from_str(&ran.ok()).unwrap();
    assert_eq!(
        plan,
        serde_json::json!({
            "rotated": false,
            "files": [{
                "path": "shop/db-secret.yaml",
                "gains": [{"name": "carol", "recipient": teams.carol.recipient}],
                "loses": [{"name": "bob", "recipient": teams.bob.recipient}],
                "keeps_selection": false,
            }],
            "refused": [],
        })
    );
    assert_eq!(teams.state(), before);
}

#[test]
fn the_spelling_of_sops_for_recipients_gets_a_hint() {
    let teams = Teams::new();
    let ran = teams
        .scratch
        .run(&["rotate", "-i", "--add-age", ALICE, "shop/db-secret.yaml"]);
    assert_eq!(ran.code, 1);
    let hint =
        "hint: recipients come from .sops.yaml: change them there, then run `lockstep rotate`";
    assert_eq!(ran.stderr.lines().last(), Some(hint));
}

#[test]
fn more_files_than_may_be_open_are_no_obstacle_or_a_clear_refusal() {
    let scratch = Scratch::with_policy();
    for n in 0..60 {
        scratch.write(&format!("secret-{n}.yaml"), &secret("x"));
    }
    assert_eq!(scratch.run(&["encrypt", "-i", "."]).code, 0);
    let rotate = |limit: &str| {
        let script = format!("ulimit {limit} 50; exec {} rotate .", program().display());
        let mut shell = Command::new("/bin/sh");
        let output = shell
            .args(["-c", &script])
            .current_dir(scratch.repo())
            .env("HOME", scratch.home());
        let output = output.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let before = scratch.read("secret-0.yaml");
    let (code, said) = rotate("-n");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("the system does not allow 60 files to be open at once"),
        "{said}"
    );
    assert_eq!(scratch.read("secret-0.yaml"), before);
    let (code, said) = rotate("-Sn");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said,
        "60 files: recipients stay\n60 files: new data key\n60 files rotated\n"
    );
}
