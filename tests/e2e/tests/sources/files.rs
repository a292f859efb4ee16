//! Files that cannot be used, beside files that can.

use crate::steps::{level, settings};
use anyhow::{Context as _, Result};
use lockstep_e2e::{Stage, config_map, failures, secret, stored};
use lockstep_testbed::WorkClone;
use serde_json::json;
use std::os::unix::fs::symlink;

/// Ten levels of ten aliases each.
const BOMB: &str = "\
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g, *g]
";

/// Files that cannot be used, with the reason that is given for each, in order of path.
const UNUSABLE: [(&str, &str, &str); 14] = [
    ("deploy/aliases.yaml", BOMB, "SyntaxInvalid"),
    ("deploy/bytes.yaml", "a: canary\0\n", "SyntaxInvalid"),
    (
        "deploy/conflict.yaml",
        "<<<<<<< HEAD\na: canary\n=======\na: b\n>>>>>>> other\n",
        "SyntaxInvalid",
    ),
    (
        "deploy/lfs.yaml",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "Unsupported",
    ),
    (
        "deploy/lost-block.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: lost}\nstringData: {a: 'ENC[AES256_GCM,data:canary'}\n",
        "ManifestInvalid",
    ),
    ("deploy/reserved.yaml", "sops: canary\n", "SyntaxInvalid"),
    ("deploy/tabs.yaml", "a:\n\t- canary\n", "SyntaxInvalid"),
    (
        "deploy/twice.yaml",
        "kind: ConfigMap\nkind: Secret\n",
        "SyntaxInvalid",
    ),
    (
        "deploy/kustomization.yaml",
        "resources: []\n",
        "Unsupported",
    ),
    ("deploy/broken.yaml", "a: [canary-broken\n", "SyntaxInvalid"),
    ("deploy/list.yaml", "[1, 2]\n", "SyntaxInvalid"),
    (
        "deploy/nameless.yaml",
        "apiVersion: v1\nkind: ConfigMap\n",
        "ManifestInvalid",
    ),
    (
        "deploy/refused.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Refused_Name}\n",
        "Rejected",
    ),
    (
        "deploy/unknown.yaml",
        "apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: x}\n",
        "KindNotFound",
    ),
];

/// The encrypted file with one of its values in clear.
fn half_open(sealed: &str) -> Option<String> {
    let (before, rest) = sealed.split_once("password: ENC[")?;
    let (_, after) = rest.split_once('\n')?;
    Some(format!("{before}password: canary-plain\n{after}"))
}

/// Writes every file that cannot be used; gives the failures that follow.
fn spoil(checkout: &WorkClone, sealed: &str) -> Result<Vec<(&'static str, &'static str)>> {
    let write = |path, text: &str| checkout.write(path, text);
    write(
        "deploy/db-secret.yaml",
        &half_open(sealed).context("no password")?,
    )?;
    let body = sealed.split_once("\nsops:").context("no block")?.0;
    let block = format!("{body}\nsops:\n    version: 3.13.3\n");
    write("deploy/block-secret.yaml", &block)?;
    let renamed = sealed.replace("name: db", "name: other");
    write("deploy/mac-secret.yaml", &renamed)?;
    write("deploy/cut-secret.yaml", body)?;
    write("deploy/large.yaml", &"# canary\n".repeat(600_000))?;
    let wide: Vec<u8> = "a: canary\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let wide = [&[0xfe, 0xff][..], &wide].concat();
    std::fs::write(checkout.path().join("deploy/wide.yaml"), wide)?;
    symlink("/etc/passwd", checkout.path().join("deploy/link.yaml"))?;
    let mut expected = vec![
        ("deploy/block-secret.yaml", "MetadataInvalid"),
        ("deploy/cut-secret.yaml", "ManifestInvalid"),
        ("deploy/db-secret.yaml", "DecryptionFailed"),
        ("deploy/large.yaml", "TooLarge"),
        ("deploy/link.yaml", "EntryRefused"),
        ("deploy/mac-secret.yaml", "MacMismatch"),
        ("deploy/wide.yaml", "SyntaxInvalid"),
    ];
    for (path, text, reason) in UNUSABLE {
        write(path, text)?;
        expected.push((path, reason));
    }
    expected.sort_unstable();
    Ok(expected)
}

#[test]
fn every_file_that_cannot_be_used_fails_alone() {
    let stage = Stage::shared().unwrap();
    let good = settings("info");
    let db = secret("db", &[("password", "first"), ("user", "shop")]);
    let files = [
        ("deploy/settings.yaml", good.as_str()),
        ("deploy/db-secret.yaml", &db),
    ];
    let (tenant, _) = stage.applied("mixed", &files, &json!({})).unwrap();
    let checkout = tenant.checkout();
    let sealed = checkout.read("deploy/db-secret.yaml").unwrap();
    let write = |path, text: &str| checkout.write(path, text).unwrap();
    let expected = spoil(checkout, &sealed).unwrap();
    // None of these is a failure.
    let crlf = config_map("crlf", &[("a", "b")]).replace('\n', "\r\n");
    write("deploy/crlf.yaml", &crlf);
    write("deploy/nothing.yaml", "# only a comment\n");
    write("deploy/settings.yaml", &settings("applied all the same"));
    write("notes/outside.yaml", "a: [\n");
    let commit = tenant.publish("a bad day").unwrap();

    let sync = tenant.wait_failed(&commit, "DecryptionFailed").unwrap();
    let status = &sync["status"];
    assert_eq!(failures(&sync), expected, "{}", status["failures"]);
    assert!(!status.to_string().contains("canary"), "{status}");
    assert_eq!(level(&tenant).unwrap(), "applied all the same");
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored("first"))
    );

    checkout.git(&["revert", "--no-edit", "HEAD"]).unwrap();
    let commit = tenant.publish("a good day").unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert!(sync["status"]["failures"].is_null(), "{}", sync["status"]);
}
