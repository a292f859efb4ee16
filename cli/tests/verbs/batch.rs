//! `encrypt` and `decrypt` of several files and of folders.

use crate::scratch::{CANARY, Scratch, secret};
use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
use std::path::Path;

/// A repository with Secrets, other manifests, and what only looks like one of them.
fn repository() -> Scratch {
    let scratch = Scratch::with_policy();
    scratch.write("apps/db-secret.yaml", &secret("db"));
    scratch.write("apps/api/secret.yml", &secret("api"));
    scratch.write(
        "apps/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\n",
    );
    scratch.write(
        "apps/secret-store.yaml",
        "apiVersion: external-secrets.io/v1\nkind: SecretStore\n",
    );
    scratch.write(
        "apps/secret-template.yaml",
        "{{ if .Values.x }}\na: b\n{{ end }}\n",
    );
    scratch.write("apps/secret.txt", "apiVersion: v1\nkind: Secret\n");
    scratch
}

#[test]
fn of_a_folder_the_secrets_that_a_rule_is_for_are_encrypted() {
    let scratch = repository();
    let others = [
        "apps/deployment.yaml",
        "apps/secret-store.yaml",
        "apps/secret-template.yaml",
    ];
    let before = others.map(|name| scratch.read(name));
    let ran = scratch.run(&["encrypt", "-i", "."]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "2 encrypted, 3 left alone\n")
    );
    for name in ["apps/db-secret.yaml", "apps/api/secret.yml"] {
        assert!(scratch.read(name).contains("password: ENC["), "{name}");
    }
    assert_eq!(others.map(|name| scratch.read(name)), before);

    let ran = scratch.run(&["encrypt", "-i", "apps"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "0 encrypted, 2 already encrypted, 3 left alone\n")
    );

    let ran = scratch.run(&["decrypt", "-i", "."]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "2 decrypted, 3 left alone\n")
    );
    assert_eq!(scratch.read("apps/api/secret.yml"), secret("api"));
}

#[test]
fn a_secret_that_no_rule_is_for_is_pointed_out() {
    let scratch = repository();
    scratch.write("apps/db.yaml", &secret("db"));
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        secret("x").replace('\n', "\n  ")
    );
    scratch.write("apps/list.yaml", list.trim_end());
    let ran = scratch.run(&["encrypt", "-i", "apps"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            0,
            "warning: apps/db.yaml: holds a Secret in clear, and no rule of .sops.yaml is for this path\n\
             warning: apps/list.yaml: holds a Secret in clear, and no rule of .sops.yaml is for this path\n\
             2 encrypted, 5 left alone\n"
        )
    );
}

#[test]
fn every_file_is_tried_and_every_failure_is_listed() {
    let scratch = repository();
    scratch.write(
        "apps/broken-secret.yaml",
        &format!("<<<<<<< ours\n{}", secret("x")),
    );
    let ran = scratch.run(&["encrypt", "-i", "apps", "none.yaml", "list-secret.yaml"]);
    assert_eq!(ran.code, 1);
    let mut said: Vec<_> = ran.stderr.lines().collect();
    said.sort_unstable();
    assert!(
        said.iter()
            .any(|line| line.starts_with("apps/broken-secret.yaml: line 1: "))
    );
    assert!(said.contains(&"list-secret.yaml: there is no such file"));
    assert!(
        said.iter()
            .any(|line| line.ends_with("2 encrypted, 3 left alone, 3 failed"))
    );
    assert!(!ran.stderr.contains(CANARY));
}

#[test]
fn several_files_do_not_go_to_standard_output() {
    let scratch = repository();
    for paths in [
        vec!["apps"],
        vec!["apps/db-secret.yaml", "apps/api/secret.yml"],
    ] {
        for verb in ["encrypt", "decrypt"] {
            let arguments: Vec<_> = [verb].into_iter().chain(paths.clone()).collect();
            scratch.run(&arguments).fails(
                8,
                "several files cannot be written to standard output\n\
                 hint: add -i to change the files in place\n",
            );
        }
    }
    assert_eq!(scratch.run(&["encrypt", "-i", "-", "apps"]).code, 8);
}

#[test]
fn one_bad_file_does_not_keep_the_others_from_being_decrypted() {
    let scratch = repository();
    scratch.run(&["encrypt", "-i", "apps"]);
    let tampered = scratch
        .read("apps/db-secret.yaml")
        .replace("name: db", "name: other");
    scratch.write("apps/db-secret.yaml", &tampered);
    let ran = scratch.run(&["decrypt", "-i", "apps"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("apps/db-secret.yaml: "));
    assert!(
        ran.stderr
            .ends_with("1 decrypted, 3 left alone, 1 failed\n")
    );
    assert_eq!(scratch.read("apps/db-secret.yaml"), tampered);
    assert_eq!(scratch.read("apps/api/secret.yml"), secret("api"));
}

#[test]
fn a_file_that_is_named_twice_is_worked_on_once() {
    let scratch = repository();
    let ran = scratch.run(&[
        "encrypt",
        "-i",
        "apps/db-secret.yaml",
        "./apps/db-secret.yaml",
    ]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "1 encrypted\n"));
}

#[test]
fn of_named_files_those_that_are_done_are_skipped() {
    let scratch = repository();
    scratch.run(&["encrypt", "-i", "apps/db-secret.yaml"]).ok();
    let both = ["-i", "apps/db-secret.yaml", "apps/api/secret.yml"];
    let ran = scratch.run(&[&["encrypt"], &both[..]].concat());
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "1 encrypted, 1 already encrypted\n")
    );
    scratch.run(&["decrypt", "-i", "apps/db-secret.yaml"]).ok();
    let ran = scratch.run(&[&["decrypt"], &both[..]].concat());
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "1 decrypted, 1 already decrypted\n")
    );
}

/// Makes a folder whose path is too long to be read, even for root.
fn bury(folder: &Path) {
    let (flags, mode) = (OFlags::DIRECTORY, Mode::from_raw_mode(0o755));
    let mut at = open(folder, flags, Mode::empty()).unwrap();
    let name = "x".repeat(200);
    for _ in 0..25 {
        mkdirat(&at, &name, mode).unwrap();
        at = openat(&at, &name, flags, Mode::empty()).unwrap();
    }
}

#[test]
fn a_folder_that_cannot_be_read_fails_alone() {
    let scratch = repository();
    bury(&scratch.path("apps"));
    for (verb, done) in [("encrypt", "encrypted"), ("decrypt", "decrypted")] {
        let ran = scratch.run(&[verb, "-i", "."]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let end = format!("2 {done}, 3 left alone, 1 failed\n");
        assert!(ran.stderr.ends_with(&end), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("File name too long").count(), 1);
    }
}
