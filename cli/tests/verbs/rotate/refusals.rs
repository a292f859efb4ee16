//! What is not rotated, and then nothing is.

use super::{Person, Teams};
use crate::scratch::{ALICE, secret};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn another_teams_file_is_not_wrapped_for_this_one() {
    let teams = Teams::new();
    let planted = teams.scratch.read("shop/db-secret.yaml");
    teams.scratch.write("blog/planted-secret.yaml", &planted);
    teams.refuses(
        &["."],
        "blog/planted-secret.yaml",
        "it is encrypted for somebody whom the policy does not know at this path: bob (age1",
    );
    teams.refuses(
        &["blog/planted-secret.yaml"],
        "blog/planted-secret.yaml",
        "bob (age1",
    );
}

#[test]
fn a_copy_that_hides_whose_it_was_is_found_by_its_data_key() {
    let teams = Teams::new();
    // Bob's name is taken off the list, which nothing but the seal authenticates.
    let planted = teams.scratch.read("shop/db-secret.yaml");
    let entry = planted.rfind("        - enc: ").unwrap();
    let end = planted.find("    encrypted_regex: ").unwrap();
    assert!(planted[entry..end].contains(&teams.bob.recipient));
    let planted = format!("{}{}", &planted[..entry], &planted[end..]);
    teams.scratch.write("blog/planted-secret.yaml", &planted);
    teams.refuses(
        &["."],
        "blog/planted-secret.yaml",
        "the seal does not match",
    );
    let seal = planted.find("    lockstep_seal: ").unwrap();
    let after = planted.find("    mac: ").unwrap();
    let planted = format!("{}{}", &planted[..seal], &planted[after..]);
    teams.scratch.write("blog/planted-secret.yaml", &planted);
    let says =
        "it has the data key of shop/db-secret.yaml, which others may read: one of them is a copy";
    teams.refuses(&["."], "blog/planted-secret.yaml", says);
    // A copy among those who may read it anyway is none of this.
    fs::remove_file(teams.scratch.path("blog/planted-secret.yaml")).unwrap();
    let copy = teams.scratch.read("shop/db-secret.yaml");
    teams.scratch.write("shop/copy-secret.yaml", &copy);
    assert_eq!(teams.scratch.run(&["rotate", "--yes"]).code, 0);
}

#[test]
fn a_recipient_of_the_policy_who_is_not_of_the_team_is_refused() {
    let teams = Teams::new();
    let team = "lockstep:\n  teams:\n    shop: {paths: [shop], recipients: [*alice, *bob]}\n";
    teams.policy("[*alice, *bob, *carol]", "[*alice, *carol]", team);
    teams.refuses(&["shop"], "shop/db-secret.yaml", "rule 1 names carol (age1");
    teams.scratch.write("shop/new-secret.yaml", &secret("new"));
    let ran = teams
        .scratch
        .run(&["encrypt", "-i", "shop/new-secret.yaml"]);
    assert!(
        ran.stderr.contains("and team shop does not"),
        "{}",
        ran.stderr
    );
    assert_eq!(teams.scratch.read("shop/new-secret.yaml"), secret("new"));
    let team = "lockstep:\n  teams:\n    shop: {paths: [shop], former: [*bob]}\n";
    teams.policy("[*alice, *bob]", "[*alice, *carol]", team);
    teams.refuses(&["shop"], "shop/db-secret.yaml", "who stands under former");
}

#[test]
fn who_left_one_team_is_not_known_in_another() {
    let teams = Teams::new();
    let left = "lockstep:\n  teams:\n    shop: {paths: [shop], former: [*bob]}\n    blog: {paths: [blog]}\n";
    teams.policy("[*alice]", "[*alice, *carol]", left);
    teams.scratch.write(
        "blog/planted-secret.yaml",
        &teams.scratch.read("shop/db-secret.yaml"),
    );
    teams.refuses(
        &["blog"],
        "blog/planted-secret.yaml",
        "whom the policy does not know",
    );
    assert_eq!(teams.scratch.run(&["rotate", "shop"]).code, 0);
}

#[test]
fn one_bad_file_of_many_keeps_all_of_them_as_they_are() {
    let teams = Teams::new();
    let good = teams.scratch.read("shop/db-secret.yaml");
    let put = |text: &str| teams.scratch.write("shop/db-secret.yaml", text);
    let refused = |says| teams.refuses(&["shop"], "shop/db-secret.yaml", says);

    put(&good.replace("name: shop/db-secret.yaml", "name: other"));
    refused("the MAC does not match");
    put(&good.replace(
        "password: ENC[AES256_GCM,data:",
        "password: ENC[AES256_GCM,data:AAAA",
    ));
    refused("line 6, stringData.password: the value does not decrypt here");
    put(&good.replace(
        "sops:\n",
        "sops:\n    pgp:\n        - fp: X\n          enc: x\n",
    ));
    refused("it has keys of kinds that cannot be wrapped for: pgp");
    put(&good.replace("  password:", "<<<<<<< ours\n  password:"));
    refused("unresolved merge conflict");
    put(&good.replace("metadata:", "# x\n>>>>>>> theirs\nmetadata:"));
    refused("unresolved merge conflict");
    put(&good.replace(ALICE, &Person::new().recipient));
    refused("whom the policy does not know");
    let bobs = {
        teams.policy("[*bob]", "[*alice]", "");
        put(&secret("x"));
        teams
            .scratch
            .run(&["encrypt", "-i", "shop/db-secret.yaml"])
            .ok();
        teams.scratch.read("shop/db-secret.yaml")
    };
    teams.policy("[*alice, *bob]", "[*alice, *carol]", "");
    put(&bobs);
    refused("no identity at hand opens it");
    teams.policy(
        "[*alice, *bob]",
        "[*alice, *carol]",
        "lockstep: {teamz: {}}\n",
    );
    refused("unknown field");
}

#[test]
fn one_file_that_is_refused_gives_its_code() {
    let teams = Teams::new();
    let tampered = teams
        .scratch
        .read("shop/db-secret.yaml")
        .replace("name: shop", "name: x");
    teams.scratch.write("shop/db-secret.yaml", &tampered);
    assert_eq!(
        teams.scratch.run(&["rotate", "shop/db-secret.yaml"]).code,
        51
    );
    assert_eq!(teams.scratch.run(&["rotate", "shop"]).code, 1);
    assert_eq!(teams.scratch.run(&["rotate", "none-secret.yaml"]).code, 100);
    teams.refuses(
        &["shop/deployment.yaml"],
        "shop/deployment.yaml",
        "no rule of .sops.yaml",
    );
}

#[test]
fn a_weaker_selection_is_refused_and_a_stronger_one_is_kept() {
    let teams = Teams::new();
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\nstringData:\n  user: hunter2-canary\n  password: hunter2-canary\n";
    let sealed = |regex: &str| {
        teams.scratch.write("shop/db-secret.yaml", text);
        let arguments = [
            "encrypt",
            "-i",
            "--encrypted-regex",
            regex,
            "shop/db-secret.yaml",
        ];
        assert_eq!(teams.scratch.run(&arguments).code, 0);
    };
    sealed("^password$");
    teams.refuses(
        &["shop"],
        "shop/db-secret.yaml",
        "line 6, stringData.user: the policy encrypts this value, and the file leaves it in clear",
    );
    sealed("^(name|stringData)$");
    let ran = teams.scratch.run(&["rotate", "shop/db-secret.yaml"]);
    assert!(
        ran.stderr
            .contains("it keeps encrypting more than the rule asks for"),
        "{}",
        ran.stderr
    );
    let rotated = teams.scratch.read("shop/db-secret.yaml");
    assert!(
        rotated.contains("name: ENC[") && rotated.contains("encrypted_regex: ^(name|stringData)$")
    );

    // The same values by another expression: the policy's is written.
    sealed("^stringData$");
    teams.scratch.run(&["rotate", "shop/db-secret.yaml"]);
    assert!(
        teams
            .scratch
            .read("shop/db-secret.yaml")
            .contains("encrypted_regex: ^(data|stringData)$")
    );

    teams.scratch.write("shop/db-secret.yaml", text);
    let arguments = [
        "encrypt",
        "-i",
        "--mac-only-encrypted",
        "shop/db-secret.yaml",
    ];
    assert_eq!(teams.scratch.run(&arguments).code, 0);
    teams.refuses(
        &["shop"],
        "shop/db-secret.yaml",
        "its MAC leaves out the unencrypted values",
    );
}

#[test]
fn a_symlink_does_not_borrow_another_rule() {
    let teams = Teams::new();
    symlink(
        "../shop/db-secret.yaml",
        teams.scratch.path("blog/link-secret.yaml"),
    )
    .unwrap();
    teams.refuses(
        &["blog/link-secret.yaml"],
        "blog/link-secret.yaml",
        "it is a symlink",
    );
}

#[test]
fn a_policy_file_in_a_folder_does_not_say_who_is_known_there() {
    let teams = Teams::new();
    let planted = teams.scratch.read("shop/db-secret.yaml");
    teams.scratch.write("blog/planted-secret.yaml", &planted);
    let (bob, carol) = (&teams.bob.recipient, &teams.carol.recipient);
    let own = |more: &str| {
        let rule = "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: ";
        teams
            .scratch
            .write("blog/.sops.yaml", &format!("{rule}[{ALICE}, {carol}{more}"));
    };
    let guard = "lockstep:\n  teams:\n    blog: {paths: [blog], recipients: [*alice, *carol]}\n";
    teams.policy("[*alice, *bob]", "[*alice, *carol]", guard);
    own(&format!("]\nlockstep: {{former: [{bob}]}}\n"));
    let name = "blog/planted-secret.yaml";
    teams.refuses(&["blog"], name, "`lockstep` stands in .sops.yaml already");
    own(&format!(", {bob}]\n"));
    teams.refuses(&["blog"], name, "rule 1 names bob (age1");
    own("]\n");
    teams.refuses(
        &["blog"],
        name,
        "whom the policy does not know at this path: bob (age1",
    );
    fs::remove_file(teams.scratch.path(name)).unwrap();
    assert_eq!(teams.scratch.run(&["rotate", "blog"]).code, 0);
}

#[test]
fn a_repository_in_the_repository_is_passed_by() {
    let teams = Teams::new();
    let planted = teams.scratch.read("shop/db-secret.yaml");
    teams
        .scratch
        .write("blog/theirs/.git", "gitdir: ../../.git/modules/theirs\n");
    teams
        .scratch
        .write("blog/theirs/planted-secret.yaml", &planted);
    let (bob, carol) = (&teams.bob.recipient, &teams.carol.recipient);
    let policy = format!("creation_rules:\n  - age: [{ALICE}, {bob}, {carol}]\n");
    teams.scratch.write("blog/theirs/.sops.yaml", &policy);
    let ran = teams.scratch.run(&["rotate", "--yes"]);
    assert!(ran.stderr.ends_with("3 files rotated\n"), "{}", ran.stderr);
    assert_eq!(
        teams.scratch.read("blog/theirs/planted-secret.yaml"),
        planted
    );
}
