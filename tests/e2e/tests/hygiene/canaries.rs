//! Values that would be noticed wherever they turned up, in files that fail in every way there is.
//!
//! What refuses a manifest likes to quote it: YAML parsers, the API server, whoever prints an error.

use crate::forms::{Forms, Needles};
use crate::secrets::{Secret, random};
use crate::stage;
use anyhow::{Context as _, Result, ensure};
use lockstep_e2e::Stage;
use lockstep_testbed::Tenant;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Bodies of Secrets that cannot be applied; `CANARY` stands for a value.
const BAD_SECRETS: &[(&str, &str)] = &[
    ("number", "stringData: {a: 8765432109876543210, b: CANARY}"),
    ("float", "stringData: {a: 0.98765432109876543, b: CANARY}"),
    ("list", "stringData: {a: [CANARY]}"),
    ("map", "stringData: {a: {b: CANARY}}"),
    ("text", "stringData: CANARY"),
    ("lists", "data: [CANARY, CANARY]"),
    ("base64", "data: {a: '!CANARY!'}"),
    ("key", "stringData: {'a key': CANARY}"),
    ("empty-key", "stringData: {'': CANARY}"),
    (
        "tls",
        "type: kubernetes.io/tls\nstringData: {tls.crt: CANARY}",
    ),
    (
        "docker",
        "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: CANARY}",
    ),
    (
        "dockercfg",
        "type: kubernetes.io/dockercfg\nstringData: {.dockercfg: CANARY}",
    ),
    (
        "ssh",
        "type: kubernetes.io/ssh-auth\nstringData: {key: CANARY}",
    ),
    (
        "mistyped",
        "type: bootstrap.kubernetes.io/token\nstringData: {a: CANARY}\nimmutable: 3",
    ),
];

/// Manifests of other kinds, of which everything is encrypted. Only the kind, the name and the
/// namespace of an object are shown all the same.
const BAD_OTHERS: &[(&str, &str)] = &[
    (
        "replicas",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: replicas}\nspec: {replicas: CANARY}",
    ),
    (
        "label",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: label, labels: {a: 'CANARY CANARY'}}",
    ),
    (
        "finalizer",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: finalizer, finalizers: ['CANARY CANARY']}",
    ),
    (
        "annotation",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: annotation, annotations: {a: [CANARY]}}",
    ),
    (
        "immutable",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: immutable}\nimmutable: CANARY",
    ),
    (
        "binary",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: binary}\nbinaryData: {a: '!CANARY'}",
    ),
    (
        "port",
        "apiVersion: v1\nkind: Service\nmetadata: {name: port}\nspec: {ports: [{port: CANARY}]}",
    ),
    (
        "type",
        "apiVersion: v1\nkind: Service\nmetadata: {name: type}\nspec: {type: CANARY, ports: [{port: 80}]}",
    ),
    (
        "version",
        "apiVersion: CANARY/v1\nkind: Thing\nmetadata: {name: version}",
    ),
    (
        "container",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: container}\nspec: {template: {spec: {containers: [{name: CANARY, image: [a]}]}}}",
    ),
];

/// The value in which only its digits are random, for numbers.
const NUMBERS: [&str; 2] = ["8765432109876543210", "0.98765432109876543"];

#[test]
fn no_value_is_seen_anywhere_though_every_file_fails() {
    let stage = stage().unwrap();
    let tenant = stage.tenant("canaries").unwrap();
    let mut canaries: Vec<Secret> = NUMBERS
        .map(|value| Secret {
            name: "a number".to_owned(),
            value: value.to_owned(),
        })
        .into();
    canaries.extend(write_good(&tenant).unwrap());
    let commit = tenant.checkout().push("good").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();

    canaries.extend(write_bad(&tenant).unwrap());
    let commit = tenant.publish("bad").unwrap();
    let sync = tenant
        .wait("the bad files are reported", |sync| {
            let tried = sync["status"]["lastAttemptedRevision"].as_str();
            tried.is_some_and(|revision| revision.ends_with(&commit))
        })
        .unwrap();
    // The two more are one that may not be changed and one that is too large.
    let failed = sync["status"]["failures"].as_array().unwrap();
    let files = BAD_SECRETS.len() + BAD_OTHERS.len() + 2;
    assert_eq!(failed.len(), files, "{failed:#?}");

    let values = canaries.iter();
    let needles = Needles::new(
        Forms::Disguised,
        values.map(|canary| (canary.name.as_str(), canary.value.as_bytes())),
    );
    let mut seen = Vec::new();
    for (place, text) in places(&stage, &tenant).unwrap() {
        assert!(!text.is_empty(), "{place} is empty");
        seen.extend(
            needles
                .seen_in(&text)
                .into_iter()
                .map(|what| format!("{place}: {what}")),
        );
    }
    assert!(seen.is_empty(), "{}", seen.join("\n"));
}

/// Writes Secrets that can be applied.
fn write_good(tenant: &Tenant) -> Result<[Secret; 2]> {
    let recipients = format!(
        "{},{}",
        tenant.person().recipient(),
        tenant.cluster_key().recipient()
    );
    // Everything in `whole` is encrypted, names and kinds included.
    let policy = format!(
        "creation_rules:\n  - path_regex: ^deploy/whole/\n    age: {recipients}\n  \
         - path_regex: secret\\.yaml$\n    encrypted_regex: ^(data|stringData)$\n    age: {recipients}\n"
    );
    tenant.checkout().write(".sops.yaml", &policy)?;
    let [good, fixed] = ["good", "fixed"].map(Secret::random);
    write_encrypted(tenant, "deploy/good-secret.yaml", &good.in_clear())?;
    write_encrypted(
        tenant,
        "deploy/fixed-secret.yaml",
        &(fixed.in_clear() + "immutable: true\n"),
    )?;
    Ok([good, fixed])
}

/// Writes everything that cannot be applied.
fn write_bad(tenant: &Tenant) -> Result<Vec<Secret>> {
    let mut canaries = Vec::new();
    for (name, body) in BAD_SECRETS {
        let canary = Secret::random(name);
        let body = body.replace("CANARY", &canary.value);
        let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\n{body}\n");
        write_encrypted(tenant, &format!("deploy/{name}-secret.yaml"), &text)?;
        canaries.push(canary);
    }
    for (name, text) in BAD_OTHERS {
        let canary = Secret {
            name: (*name).to_owned(),
            // Short enough for a name, of characters that names may have.
            value: random().to_lowercase().replace('_', "-") + "z",
        };
        let text = text.replace("CANARY", &canary.value) + "\n";
        write_encrypted(tenant, &format!("deploy/whole/{name}.yaml"), &text)?;
        canaries.push(canary);
    }
    let fixed = Secret::random("fixed");
    write_encrypted(
        tenant,
        "deploy/fixed-secret.yaml",
        &(fixed.in_clear() + "immutable: true\n"),
    )?;
    let huge = Secret {
        name: "huge".to_owned(),
        value: random().repeat(40_000),
    };
    write_encrypted(tenant, "deploy/huge-secret.yaml", &huge.in_clear())?;
    canaries.push(fixed);
    // All of it is one value over and over.
    canaries.push(Secret {
        value: huge.value[..99].to_owned(),
        ..huge
    });
    Ok(canaries)
}

fn write_encrypted(tenant: &Tenant, path: &str, text: &str) -> Result<()> {
    tenant.checkout().write(path, text)?;
    tenant
        .lockstep(&["encrypt", "-i", path])
        .with_context(|| format!("encrypting {path}"))?;
    ensure!(
        tenant.checkout().read(path)?.contains("ENC[AES256_GCM"),
        "{path} is in clear"
    );
    Ok(())
}

/// Everything that people and other programs get to see of the operator.
fn places(stage: &Stage, tenant: &Tenant) -> Result<Vec<(String, Vec<u8>)>> {
    let operator = &stage.operator;
    let mut places = vec![
        ("the log".to_owned(), operator.log().into_bytes()),
        ("metrics".to_owned(), operator.get("/metrics")?.into_bytes()),
    ];
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", operator.id());
        places.push((file.to_owned(), std::fs::read(&path).with_context(|| path)?));
    }
    for kind in ["syncs", "repositories", "teams", "events", "configmaps"] {
        let objects: Value = tenant.kubectl().json(&[kind, "--all-namespaces"])?;
        places.push((kind.to_owned(), objects.to_string().into_bytes()));
    }
    read_folder(operator.folder(), &mut places)?;
    let mut fetched = Vec::new();
    for store in std::fs::read_dir(operator.folder().join("store"))? {
        for repository in std::fs::read_dir(store?.path())? {
            let objects = Command::new("git")
                .arg("--git-dir")
                .arg(repository?.path())
                .args(["cat-file", "--batch-all-objects", "--batch"])
                .output()?;
            fetched.extend(objects.stdout);
        }
    }
    let has_files = fetched.windows(14).any(|text| text == b"ENC[AES256_GCM");
    ensure!(has_files, "the files are not among the Git objects");
    places.push(("Git objects".to_owned(), fetched));
    Ok(places)
}

/// Adds the content of every file that is not empty. Other Syncs are at work: files come and go.
fn read_folder(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_folder(&path, places)?;
        } else {
            let content = std::fs::read(&path).unwrap_or_default();
            if !content.is_empty() {
                places.push((path.display().to_string(), content));
            }
        }
    }
    Ok(())
}
