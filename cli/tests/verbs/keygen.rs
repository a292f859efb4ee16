//! `lockstep keygen`.

use crate::scratch::Scratch;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn an_identity_goes_to_standard_output_and_its_recipient_to_people() {
    let scratch = Scratch::new();
    let ran = scratch.run(&["keygen"]);
    let recipient = ran.stderr.strip_prefix("Public key: ").unwrap().trim_end();
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("# created: 20"));
    assert_eq!(lines[1], format!("# public key: {recipient}"));
    assert!(lines[2].starts_with("AGE-SECRET-KEY-1"));
    assert_eq!((ran.code, lines.len()), (0, 3));
}

#[test]
fn a_file_is_private_and_its_folder_is_made() {
    let scratch = Scratch::new();
    let ran = scratch.run(&["keygen", "-o", "new/keys.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let mode = |name| {
        fs::metadata(scratch.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("new/keys.txt"), 0o600);
    assert_eq!(mode("new"), 0o700);
    assert!(ran.stderr.starts_with("Public key: age1"));
}

#[test]
fn a_file_is_never_overwritten() {
    let scratch = Scratch::new();
    scratch.write("keys.txt", "precious");
    scratch.run(&["keygen", "-o", "keys.txt"]).fails(
        1,
        "keys.txt: it exists, and is not overwritten\n\
         hint: choose another file; a key that is overwritten is lost\n",
    );
    assert_eq!(scratch.read("keys.txt"), "precious");
    assert_eq!(scratch.files(), ["keys.txt"]);
}

#[test]
fn what_it_makes_opens_what_is_encrypted_for_it() {
    let scratch = Scratch::with_policy();
    let ran = scratch.run(&["keygen", "-o", "keys.txt"]);
    let recipient = ran.stderr.strip_prefix("Public key: ").unwrap().trim_end();
    scratch.write("a-secret.yaml", "data: b\n");
    scratch
        .run(&["encrypt", "-i", "--age", recipient, "a-secret.yaml"])
        .ok();
    assert_eq!(scratch.run(&["decrypt", "a-secret.yaml"]).code, 128);
    let mut command = scratch.command();
    command
        .env("SOPS_AGE_KEY_FILE", "keys.txt")
        .args(["decrypt", "a-secret.yaml"]);
    assert_eq!(scratch.finish(&mut command).ok(), "data: b\n");
}
