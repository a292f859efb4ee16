//! Servers that refuse, stall, vanish or send elsewhere.

use crate::steps::{credentials, level, move_to, password, settings, wait_repository};
use lockstep_e2e::{Stage, event_messages, ready};
use lockstep_testbed::{Access, Answer, Fault, GitServer, condition, eventually};
use serde_json::json;
use std::time::Duration;

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
fn an_answer_that_is_no_git_is_told_apart_by_its_status_and_not_quoted() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("statuses").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let server = GitServer::start(Access::Private).unwrap();
    let clone = move_to(&tenant, &server, &password(&server)).unwrap();
    for (status, reason) in [
        (403, "AuthenticationFailed"),
        (503, "Unreachable"),
        (404, "RepositoryNotFound"),
        (429, "Unreachable"),
        (200, "RepositoryNotFound"),
        (500, "Unreachable"),
    ] {
        let page = format!("<html>canary {} {}", server.password(), server.token());
        server.set_fault(Some(Fault::Every(Answer {
            status,
            headers: vec![("retry-after", "1".to_owned())],
            body: page.into_bytes(),
            ..Answer::default()
        })));
        tenant.trigger().unwrap();
        let repository = wait_repository(&tenant, reason).unwrap();
        let said = format!("{repository} {:?}", event_messages(&tenant).unwrap());
        for secret in ["canary", server.password(), server.token()] {
            assert!(!said.contains(secret), "{said}");
        }
        let metrics = stage.operator.get("/metrics").unwrap();
        assert!(metrics.contains(&format!("\"{reason}\"")), "{metrics}");
        assert_eq!(level(&tenant).unwrap(), "moved");
    }
    assert!(!stage.operator.log().contains("canary"));
    server.set_fault(None);
    clone
        .write("deploy/settings.yaml", &settings("healed"))
        .unwrap();
    let commit = clone.push("healed").unwrap();
    // After so many failures it would be tried again by itself, but not soon.
    tenant.trigger().unwrap();
    tenant.wait_applied(&commit).unwrap();
}
