//! `edit`, by editors that are scripts.

use crate::scratch::{ALICE, CANARY, Ran, Scratch, program, secret};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn sealed() -> Scratch {
    let scratch = Scratch::with_policy();
    let text = format!("{}  user: shop # who\n", secret("db"));
    scratch.write("secret.yaml", &text);
    scratch.run(&["encrypt", "-i", "secret.yaml"]).ok();
    scratch
}

/// A shell script that finds the file in `$1`.
fn editor(script: &str) -> String {
    format!("sh -c '{script}' --")
}

fn edit(scratch: &Scratch, script: &str, arguments: &[&str]) -> Ran {
    let mut command = scratch.command();
    command.env("EDITOR", editor(script)).arg("edit");
    scratch.finish(command.args(arguments))
}

#[test]
fn an_edited_value_changes_its_line() {
    let scratch = sealed();
    let before = scratch.read("secret.yaml");
    edit(&scratch, "sed -i s/shop/store/ $1", &["secret.yaml"]).ok();
    let after = scratch.read("secret.yaml");
    let changed: Vec<_> = after
        .lines()
        .filter(|line| !before.contains(line))
        .map(|line| line.split(':').next().unwrap().trim())
        .filter(|key| *key != "lastmodified")
        .collect();
    assert_eq!(changed, ["user", "lockstep_seal", "mac"]);
    let opened = scratch.run(&["decrypt", "secret.yaml"]).ok();
    assert!(opened.ends_with("  user: store # who\n"), "{opened}");
    assert_eq!(scratch.files(), [".sops.yaml", "secret.yaml"]);
}

#[test]
fn the_copy_is_in_memory_for_the_user_only_and_gone_afterwards() {
    let scratch = sealed();
    let script = "stat -c %a $1 $(dirname $1) > seen; stat -f -c %T $1 >> seen; basename $1 >> seen; echo $1 > path; echo $TMPDIR > tmp";
    let ran = edit(&scratch, script, &["secret.yaml"]);
    ran.fails(200, "secret.yaml: not changed\n");
    assert_eq!(scratch.read("seen"), "600\n700\ntmpfs\nsecret.yaml\n");
    let path = scratch.read("path");
    let folder = Path::new(path.trim()).parent().unwrap();
    assert_eq!(scratch.read("tmp").trim(), folder.to_str().unwrap());
    assert!(!folder.exists());
}

#[test]
fn what_a_killed_run_leaves_the_next_one_removes() {
    let scratch = sealed();
    let before = scratch.read("secret.yaml");
    let mut child = Command::new(program())
        .args(["edit", "secret.yaml"])
        .current_dir(scratch.repo())
        .env("HOME", scratch.home())
        .env(
            "EDITOR",
            editor("echo $1 > path; sed -i s/shop/x/ $1; kill -9 $PPID"),
        )
        .spawn()
        .unwrap();
    child.wait().unwrap();
    let left = PathBuf::from(scratch.read("path").trim());
    assert!(left.exists(), "the run was killed before it could clean up");
    assert_eq!(scratch.read("secret.yaml"), before);
    edit(&scratch, "true", &["secret.yaml"]).fails(200, "secret.yaml: not changed\n");
    assert!(!left.exists() && !left.parent().unwrap().exists());
}

#[test]
fn a_text_that_cannot_be_read_is_not_written() {
    let scratch = sealed();
    let before = scratch.read("secret.yaml");
    for (script, code) in [
        ("echo \"a: [\" >> $1", 2),
        ("echo \"sops: x\" >> $1", 203),
        (": > $1", 92),
        ("echo \"1: x\" >> $1", 23),
        ("exit 3", 201),
    ] {
        let ran = edit(&scratch, script, &["secret.yaml"]);
        assert_eq!(ran.code, code, "{script}: {}", ran.stderr);
        assert!(!ran.stderr.contains(CANARY), "{}", ran.stderr);
        assert_eq!(scratch.read("secret.yaml"), before, "{script}");
    }
    let mut command = scratch.command();
    command
        .env("SOPS_EDITOR", "no-such-editor")
        .args(["edit", "secret.yaml"]);
    assert_eq!(scratch.finish(&mut command).code, 201);
}

#[test]
fn a_file_that_somebody_else_changed_stays_and_the_edit_is_kept_beside() {
    let scratch = sealed();
    let script = "sed -i s/shop/store/ $1; echo >> secret.yaml";
    let ran = edit(&scratch, script, &["secret.yaml"]);
    ran.fails(
        3,
        "secret.yaml: it was changed by somebody else meanwhile, and left alone\nhint: what you edited is, encrypted, in secret.yaml.edited.yaml\n",
    );
    let opened = scratch.run(&["decrypt", "secret.yaml.edited.yaml"]).ok();
    assert!(opened.contains("user: store"), "{opened}");
}

#[test]
fn a_new_file_is_made_by_the_policy() {
    let scratch = Scratch::with_policy();
    let script = "cat $1 > seen; printf \"stringData:\\n  a: b\\n\" > $1";
    edit(&scratch, script, &["new-secret.yaml"]).ok();
    assert!(scratch.read("seen").starts_with("hello: "));
    let new = scratch.read("new-secret.yaml");
    assert!(new.contains("  a: ENC[") && new.contains(ALICE), "{new}");
    let ran = edit(&scratch, "true", &["other-secret.yaml"]);
    ran.fails(200, "other-secret.yaml: not changed\n");
    assert!(!fs::exists(scratch.path("other-secret.yaml")).unwrap());
    // There is no rule for this one.
    assert_eq!(edit(&scratch, "true", &["other.yaml"]).code, 1);
}
