//! Files go from one program to the other and come back.

use crate::both::{BOTH, Program};
use crate::scratch::{Scratch, secret};

/// Manifests as they are found in repositories.
pub(crate) const MANIFESTS: [(&str, &str); 4] = [
    (
        "a-secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a # inline\ntype: Opaque\nstringData:\n  # who rotates this: the database team\n  user: shop\n  password: 'it''s \"quoted\"'\n  port: \"5432\"\n  empty: ''\n  cert: |\n    -----BEGIN CERTIFICATE-----\n    MIIB\n    -----END CERTIFICATE-----\n",
    ),
    (
        "apps/b-secret.yaml",
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: b, labels: {app: shop}}\ndata: {key: c2VjcmV0, other: \"b3RoZXI=\"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: c\ndata:\n    a: b\n",
    ),
    (
        "apps/c-secret.yml",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: d\n  data:\n    long: QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==\n",
    ),
    (
        "apps/d-secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: e\n  creationTimestamp: 2024-01-01\nimmutable: true\nstringData:\n  on: \"yes\"\n  umlaut: grüße\n  tab: \"a\\tb\"\n  trailing: \"a \\n b\\n\"\n",
    ),
];

pub(crate) fn repository() -> Scratch {
    let scratch = Scratch::with_policy();
    for (name, text) in MANIFESTS {
        scratch.write(name, text);
    }
    scratch
}

#[test]
fn a_repository_encrypted_here_is_read_by_sops() {
    let scratch = repository();
    let expected = MANIFESTS.map(|(name, _)| {
        let sealed = Program::Sops.data(&scratch, &["encrypt", name]);
        scratch.write("theirs-secret.yaml", &sealed);
        Program::Sops.data(&scratch, &["decrypt", "theirs-secret.yaml"])
    });
    std::fs::remove_file(scratch.path("theirs-secret.yaml")).unwrap();
    assert_eq!(
        Program::Lockstep
            .run(&scratch, &["encrypt", "-i", "."])
            .stderr,
        "4 encrypted\n"
    );
    for ((name, text), expected) in MANIFESTS.into_iter().zip(expected) {
        assert_ne!(scratch.read(name), text);
        assert_eq!(
            Program::Sops.data(&scratch, &["decrypt", name]),
            expected,
            "{name}"
        );
        assert_eq!(
            Program::Lockstep.data(&scratch, &["decrypt", name]),
            text,
            "{name}"
        );
    }
}

#[test]
fn a_repository_encrypted_by_sops_is_read_here() {
    let scratch = repository();
    for (name, _) in MANIFESTS {
        Program::Sops.data(&scratch, &["encrypt", "--in-place", name]);
    }
    let expected = MANIFESTS.map(|(name, _)| Program::Sops.data(&scratch, &["decrypt", name]));
    assert_eq!(
        Program::Lockstep
            .run(&scratch, &["decrypt", "-i", "."])
            .stderr,
        "4 decrypted\n"
    );
    for ((name, _), expected) in MANIFESTS.into_iter().zip(expected) {
        assert_eq!(scratch.read(name), expected, "{name}");
    }
}

#[test]
fn sops_edits_what_was_encrypted_here() {
    let scratch = repository();
    let (name, _) = MANIFESTS[0];
    Program::Lockstep
        .run(&scratch, &["encrypt", "-i", name])
        .ok();
    Program::Sops.data(
        &scratch,
        &["set", name, r#"["stringData"]["user"]"#, r#""changed""#],
    );
    Program::Sops.data(&scratch, &["rotate", "--in-place", name]);
    let text = Program::Lockstep.data(&scratch, &["decrypt", name]);
    assert!(text.contains("user: changed\n"));
    assert_eq!(text, Program::Sops.data(&scratch, &["decrypt", name]));
}

#[test]
fn standard_input_is_read_alike() {
    let scratch = Scratch::with_policy();
    for writer in BOTH {
        let mut command = writer.command(&scratch);
        command
            .args(["encrypt", "--filename-override", "secret.yaml"])
            .write_stdin(secret("db"));
        let sealed = scratch.finish(&mut command);
        assert_eq!(sealed.code, 0, "{}", sealed.stderr);
        for reader in BOTH {
            let mut command = reader.command(&scratch);
            command.args(["decrypt", "--filename-override", "secret.yaml"]);
            let opened = scratch.finish(command.write_stdin(sealed.stdout.clone()));
            assert!(
                opened.stdout.contains("password: hunter2-canary\n"),
                "{writer:?} {reader:?}"
            );
        }
    }
}

#[test]
fn a_key_made_here_is_a_key_to_sops() {
    let scratch = Scratch::new();
    let said = Program::Lockstep
        .run(&scratch, &["keygen", "-o", "keys.txt"])
        .stderr;
    let recipient = said.trim_end().strip_prefix("Public key: ").unwrap();
    scratch.write("x.yaml", "a: b\n");
    let sealed = Program::Sops.data(&scratch, &["encrypt", "--age", recipient, "x.yaml"]);
    scratch.write("x.yaml", &sealed);
    for program in BOTH {
        let mut command = program.command(&scratch);
        command
            .env("SOPS_AGE_KEY_FILE", "keys.txt")
            .args(["decrypt", "x.yaml"]);
        assert_eq!(scratch.finish(&mut command).stdout, "a: b\n", "{program:?}");
    }
}
