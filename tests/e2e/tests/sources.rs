//! Where the manifests come from: servers that refuse, stall, vanish or send elsewhere, branches that
//! are missing or rewritten, and files that cannot be used.

use anyhow::Result;
use lockstep_e2e::{Stage, config_map, failures, ready, secret, stored, until};
use lockstep_testbed::{Access, Fault, GitServer, Tenant, WorkClone, condition, eventually};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::time::Duration;

fn settings(level: &str) -> String {
    config_map("settings", &[("level", level)])
}

fn level(tenant: &Tenant) -> Result<String> {
    let settings = ["configmap", "settings", "-n", tenant.name()];
    let found = tenant.kubectl().json(&settings)?;
    Ok(found["data"]["level"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

fn wait_repository(tenant: &Tenant, reason: &str) -> Result<Value> {
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    until(tenant.kubectl(), &what, |it| ready(it) == reason)
}

fn patch_repository(tenant: &Tenant, spec: &Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    tenant.kubectl().patch(&what, &patch)?;
    Ok(())
}

/// Replaces the entries of the Secret that the Repository names.
fn credentials(tenant: &Tenant, entries: &Value) -> Result<()> {
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": entries,
        "metadata": {"name": "git-credentials", "namespace": tenant.name()},
    });
    tenant
        .kubectl()
        .run_with_input(&["replace", "-f", "-"], &object.to_string())?;
    Ok(())
}

/// Moves a tenant to a server of its own, which can then misbehave or end; gives a clone there.
fn move_to(tenant: &Tenant, server: &GitServer, secret: &Value) -> Result<WorkClone> {
    let url = server.create_repository("moved")?;
    let team = json!({"spec": {"repositories": [url]}}).to_string();
    tenant.kubectl().patch(&["team", tenant.name()], &team)?;
    credentials(tenant, secret)?;
    let clone = WorkClone::new(server, "moved")?;
    clone.write("deploy/settings.yaml", &settings("moved"))?;
    let commit = clone.push("moved")?;
    patch_repository(tenant, &json!({"url": url, "timeout": "2s"}))?;
    tenant.wait_applied(&commit)?;
    Ok(clone)
}

/// The entries of a Secret with a password for `server`.
fn password(server: &GitServer) -> Value {
    json!({"username": server.user(), "password": server.password(), "ca.crt": server.authority()})
}

#[test]
fn wrong_credentials_are_told_apart_and_heal() {
    let stage = Stage::shared().unwrap();
    let file = settings("info");
    let (tenant, _) = stage
        .applied("secrets", &[("deploy/settings.yaml", &file)], &json!({}))
        .unwrap();
    let server = stage.installation.server();
    let stranger = GitServer::start(Access::Private).unwrap();
    let with = |name: &str, value: &str| {
        let mut entries = password(server);
        entries[name] = value.into();
        entries
    };
    let wrong = [
        (with("password", "canary-password"), "AuthenticationFailed"),
        (with("ca.crt", &stranger.authority()), "CertificateRejected"),
        (
            json!({"username": "somebody", "ca.crt": server.authority()}),
            "CredentialsMissing",
        ),
    ];
    for (entries, reason) in wrong {
        credentials(&tenant, &entries).unwrap();
        tenant.trigger().unwrap();
        let repository = wait_repository(&tenant, reason).unwrap();
        assert!(!repository.to_string().contains("canary"), "{repository}");
        // What was fetched before is still there, and still kept in step.
        let name = tenant.name();
        let sync = tenant.kubectl().json(&["sync", name, "-n", name]).unwrap();
        assert_eq!(ready(&sync), "Succeeded");
    }
    let token = json!({"bearerToken": server.token(), "ca.crt": server.authority()});
    credentials(&tenant, &token).unwrap();
    tenant
        .checkout()
        .write("deploy/settings.yaml", &settings("by-token"))
        .unwrap();
    let commit = tenant.publish("by token").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(level(&tenant).unwrap(), "by-token");
}

#[test]
fn a_public_repository_needs_no_credentials() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("public").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let server = GitServer::start(Access::Public).unwrap();
    move_to(&tenant, &server, &json!({"ca.crt": server.authority()})).unwrap();
    assert_eq!(level(&tenant).unwrap(), "moved");
}

#[test]
fn a_server_that_stalls_and_vanishes_takes_nothing_along() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("vanished").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let server = GitServer::start(Access::Private).unwrap();
    let clone = move_to(&tenant, &server, &password(&server)).unwrap();

    server.set_fault(Some(Fault::StallAfter(0)));
    tenant.trigger().unwrap();
    wait_repository(&tenant, "TimedOut").unwrap();
    server.set_fault(None);
    // Nobody asks: it is tried again by itself.
    wait_repository(&tenant, "Succeeded").unwrap();

    clone
        .write("deploy/settings.yaml", &settings("last"))
        .unwrap();
    let commit = clone.push("last").unwrap();
    tenant.trigger().unwrap();
    tenant.wait_applied(&commit).unwrap();
    drop(server);
    tenant.trigger().unwrap();
    let repository = wait_repository(&tenant, "Unreachable").unwrap();
    let revision = repository["status"]["artifact"]["revision"]
        .as_str()
        .unwrap();
    assert!(revision.ends_with(&commit), "{revision}");

    // Drift is put back from what was fetched.
    let patch = json!({"data": {"level": "edited"}}).to_string();
    tenant
        .kubectl()
        .patch(&["configmap", "settings", "-n", "vanished"], &patch)
        .unwrap();
    eventually("it is put back", Duration::from_secs(30), || {
        let now = level(&tenant)?;
        anyhow::ensure!(now == "last", "it is {now}");
        Ok(())
    })
    .unwrap();
    let sync = tenant
        .kubectl()
        .json(&["sync", "vanished", "-n", "vanished"])
        .unwrap();
    assert_eq!(ready(&sync), "Succeeded");
}

#[test]
fn a_redirect_to_another_server_is_refused_and_gets_no_password() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("lured").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let server = GitServer::start(Access::Private).unwrap();
    move_to(&tenant, &server, &password(&server)).unwrap();
    let trap = GitServer::start(Access::Public).unwrap();
    let target = trap.create_repository("trap").unwrap();
    let to = format!("{target}/info/refs?service=git-upload-pack");
    server.set_fault(Some(Fault::Redirect(to)));
    tenant.trigger().unwrap();
    let repository = wait_repository(&tenant, "InvalidContent").unwrap();
    let message = condition(&repository, "Ready")["message"].as_str().unwrap();
    assert!(message.contains("redirect"), "{message}");
    assert_eq!(trap.handled(), []);
    assert_eq!(level(&tenant).unwrap(), "moved");
}

#[test]
fn an_empty_repository_waits_for_its_first_commit() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("empty").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let repository = wait_repository(&tenant, "BranchNotFound").unwrap();
    let message = condition(&repository, "Ready")["message"].as_str().unwrap();
    assert!(message.contains("push a first commit"), "{message}");
    tenant
        .wait("it waits", |sync| ready(sync) == "SourceNotReady")
        .unwrap();
    tenant
        .checkout()
        .write("deploy/settings.yaml", &settings("first"))
        .unwrap();
    let commit = tenant.publish("first").unwrap();
    tenant.wait_applied(&commit).unwrap();
}

#[test]
fn another_branch_is_followed_and_a_missing_one_deletes_nothing() {
    let stage = Stage::shared().unwrap();
    let file = settings("main");
    let (tenant, _) = stage
        .applied("branches", &[("deploy/settings.yaml", &file)], &json!({}))
        .unwrap();
    patch_repository(&tenant, &json!({"ref": {"branch": "release"}})).unwrap();
    let repository = wait_repository(&tenant, "BranchNotFound").unwrap();
    let message = condition(&repository, "Ready")["message"].as_str().unwrap();
    assert!(message.contains("release"), "{message}");
    assert_eq!(level(&tenant).unwrap(), "main");

    let checkout = tenant.checkout();
    checkout
        .write("deploy/settings.yaml", &settings("release"))
        .unwrap();
    let commit = checkout.commit("release").unwrap();
    checkout
        .git(&["push", "--quiet", "origin", "HEAD:release"])
        .unwrap();
    tenant.trigger().unwrap();
    let revision = format!("release@sha1:{commit}");
    tenant
        .wait("the branch is applied", |sync| {
            sync["status"]["lastAppliedRevision"] == revision.as_str()
        })
        .unwrap();
    assert_eq!(level(&tenant).unwrap(), "release");
}

#[test]
fn rewritten_history_is_followed() {
    let stage = Stage::shared().unwrap();
    let (one, two) = (settings("one"), config_map("two", &[("a", "b")]));
    let files = [
        ("deploy/settings.yaml", one.as_str()),
        ("deploy/two.yaml", &two),
    ];
    let (tenant, _) = stage.applied("rewritten", &files, &json!({})).unwrap();
    let checkout = tenant.checkout();
    checkout.remove("deploy/two.yaml").unwrap();
    checkout
        .write("deploy/settings.yaml", &settings("rewritten"))
        .unwrap();
    checkout.git(&["add", "--all"]).unwrap();
    checkout
        .git(&["commit", "--quiet", "--amend", "-m", "another past"])
        .unwrap();
    checkout
        .git(&["push", "--quiet", "--force", "origin", "HEAD:main"])
        .unwrap();
    let commit = checkout
        .git(&["rev-parse", "HEAD"])
        .unwrap()
        .trim()
        .to_owned();
    tenant.trigger().unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(level(&tenant).unwrap(), "rewritten");
    let two = ["configmap", "two", "-n", "rewritten"];
    assert!(!tenant.kubectl().exists(&two).unwrap());
}

/// Files that cannot be used, with the reason that is given for each, in order of path.
const UNUSABLE: [(&str, &str, &str); 5] = [
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
    write("deploy/db-secret.yaml", &half_open(&sealed).unwrap());
    let body = sealed.split_once("\nsops:").unwrap().0;
    let block = format!("{body}\nsops:\n    version: 3.13.3\n");
    write("deploy/block-secret.yaml", &block);
    symlink("/etc/passwd", checkout.path().join("deploy/link.yaml")).unwrap();
    let mut expected = vec![
        ("deploy/block-secret.yaml", "MetadataInvalid"),
        ("deploy/db-secret.yaml", "DecryptionFailed"),
        ("deploy/link.yaml", "EntryRefused"),
    ];
    for (path, text, reason) in UNUSABLE {
        write(path, text);
        expected.push((path, reason));
    }
    expected.sort_unstable();
    // None of these is a failure.
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
