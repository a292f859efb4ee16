//! The main job: from `lockstep encrypt` on a laptop to an object in the cluster, and what happens
//! when somebody changes either end.

use anyhow::Result;
use lockstep_e2e::{Stage, config_map, event_messages, example, secret, stored};
use lockstep_testbed::{OPERATOR_NAMESPACE, Tenant, condition};
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// The password that `applied` starts with.
const FIRST: &str = "the-first-password";

/// A tenant whose folder `deploy` holds a Secret `db` and a ConfigMap `settings`, applied.
fn applied(stage: &Stage, name: &str) -> Result<Tenant> {
    let tenant = stage.tenant(name)?;
    let checkout = tenant.checkout();
    checkout.write(
        "deploy/db-secret.yaml",
        &secret("db", &[("password", FIRST)]),
    )?;
    checkout.write(
        "deploy/settings.yaml",
        &config_map("settings", &[("level", "info")]),
    )?;
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let commit = checkout.push("first")?;
    tenant.sync(&json!({"path": "deploy"}))?;
    tenant.wait_applied(&commit)?;
    Ok(tenant)
}

#[test]
fn the_example_arrives_in_clear_and_is_only_ciphertext_in_git() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("example").unwrap();
    tenant.copy_in(&example()).unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.checkout().push("the shop").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert_eq!(
        sync["status"]["inventory"]["entries"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    assert_eq!(condition(&sync, "Decrypted")["status"], "True");

    let value = |secret, key| tenant.secret_value(secret, key).unwrap().unwrap();
    assert_eq!(
        value("shop-db", "DB_PASSWORD"),
        stored("example-correct-horse-battery")
    );
    assert_eq!(
        value("shop-mail", "smtp-password"),
        stored("example-p@ss: with \"quotes\" & colons")
    );
    assert_eq!(
        value("shop-signing", "previous"),
        stored("example-signing-key-0000")
    );
    let replicas = &tenant
        .kubectl()
        .json(&["deployment", "shop", "-n", "example"])
        .unwrap();
    assert_eq!(replicas["spec"]["replicas"], 2);

    let history = tenant.checkout().git(&["log", "--patch", "--all"]).unwrap();
    assert!(history.contains("ENC[AES256_GCM") && !history.contains("correct-horse"));
}

#[test]
fn an_edit_in_the_cluster_is_put_back_and_explained() {
    let stage = Stage::shared().unwrap();
    let tenant = applied(&stage, "drift").unwrap();
    let db = ["secret", "db", "-n", "drift"];
    tenant
        .kubectl()
        .patch(
            &db,
            &format!(r#"{{"data":{{"password":"{}"}}}}"#, stored("changed")),
        )
        .unwrap();
    lockstep_testbed::eventually("the password is put back", Duration::from_secs(30), || {
        let now = tenant.secret_value("db", "password")?.unwrap_or_default();
        anyhow::ensure!(now == stored(FIRST), "it is {now}");
        Ok(())
    })
    .unwrap();
    lockstep_testbed::eventually("an event tells of it", Duration::from_secs(30), || {
        let messages = event_messages(&tenant)?;
        let told = messages.iter().any(|message| {
            ["db", "data.password", "kubectl-patch"]
                .iter()
                .all(|word| message.contains(word))
        });
        anyhow::ensure!(told, "{messages:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_object_deleted_in_the_cluster_comes_back() {
    let stage = Stage::shared().unwrap();
    let tenant = applied(&stage, "deleted").unwrap();
    tenant
        .kubectl()
        .run(&["delete", "secret", "db", "-n", "deleted"])
        .unwrap();
    lockstep_testbed::eventually("the Secret is back", Duration::from_secs(30), || {
        tenant.secret_value("db", "password")
    })
    .unwrap();
}

#[test]
fn a_pushed_change_arrives_and_a_removed_file_is_pruned() {
    let stage = Stage::shared().unwrap();
    let tenant = applied(&stage, "push").unwrap();
    let checkout = tenant.checkout();
    checkout
        .write(
            "deploy/db-secret.yaml",
            &secret("db", &[("password", "second")]),
        )
        .unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    checkout.remove("deploy/settings.yaml").unwrap();
    let commit = tenant.publish("second").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored("second"))
    );
    assert!(
        !tenant
            .kubectl()
            .exists(&["configmap", "settings", "-n", "push"])
            .unwrap()
    );
}

#[test]
fn a_tampered_file_is_refused_alone_and_the_next_good_commit_heals_it() {
    let stage = Stage::shared().unwrap();
    let tenant = applied(&stage, "tampered").unwrap();
    let checkout = tenant.checkout();
    let good = checkout.read("deploy/db-secret.yaml").unwrap();
    // The name is in clear, but the MAC covers it.
    checkout
        .write(
            "deploy/db-secret.yaml",
            &good.replace("name: db", "name: evil"),
        )
        .unwrap();
    checkout
        .write(
            "deploy/settings.yaml",
            &config_map("settings", &[("level", "debug")]),
        )
        .unwrap();
    let commit = tenant.publish("tampered").unwrap();
    let sync = tenant.wait_failed(&commit, "DecryptionFailed").unwrap();
    let failures = sync["status"]["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["path"], "deploy/db-secret.yaml");
    assert_eq!(failures[0]["reason"], "MacMismatch");
    let settings = tenant
        .kubectl()
        .json(&["configmap", "settings", "-n", "tampered"])
        .unwrap();
    assert_eq!(
        settings["data"]["level"], "debug",
        "the other file is applied all the same"
    );
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored(FIRST))
    );
    assert!(
        !tenant
            .kubectl()
            .exists(&["secret", "evil", "-n", "tampered"])
            .unwrap()
    );

    checkout.write("deploy/db-secret.yaml", &good).unwrap();
    let commit = tenant.publish("healed").unwrap();
    tenant.wait_applied(&commit).unwrap();
}

#[test]
fn what_sops_wrote_is_applied() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("sops").unwrap();
    let checkout = tenant.checkout();
    checkout
        .write(
            "deploy/db-secret.yaml",
            &secret("db", &[("password", "by-sops")]),
        )
        .unwrap();
    let sops = lockstep_testbed::tool(lockstep_testbed::Tool::Sops).unwrap();
    let encrypt = ["encrypt", "-i", "deploy/db-secret.yaml"];
    tenant
        .person()
        .run(&sops, checkout.path(), &encrypt)
        .unwrap();
    let commit = checkout.push("by sops").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored("by-sops"))
    );
}

#[test]
fn an_emptied_folder_and_a_lost_key_delete_nothing() {
    let stage = Stage::shared().unwrap();
    let tenant = applied(&stage, "nothing").unwrap();
    let checkout = tenant.checkout();
    checkout.git(&["rm", "-r", "--quiet", "deploy"]).unwrap();
    let commit = tenant.publish("nothing left").unwrap();
    tenant
        .wait("the emptied folder is reported", |sync| {
            let ready = condition(sync, "Ready");
            ready["reason"] == "PathNotFound"
                && ready["message"]
                    .as_str()
                    .is_some_and(|text| text.contains(&commit))
        })
        .unwrap();
    assert!(
        tenant
            .kubectl()
            .exists(&["secret", "db", "-n", "nothing"])
            .unwrap()
    );

    checkout.git(&["revert", "--no-edit", "HEAD"]).unwrap();
    tenant
        .kubectl()
        .run(&["delete", "secret", "nothing-age", "-n", OPERATOR_NAMESPACE])
        .unwrap();
    checkout
        .write(
            "deploy/db-secret.yaml",
            &secret("db", &[("password", "second")]),
        )
        .unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    checkout
        .write(
            "deploy/settings.yaml",
            &config_map("settings", &[("level", "warn")]),
        )
        .unwrap();
    let commit = tenant.publish("back, but the key is gone").unwrap();
    let sync = tenant.wait_failed(&commit, "KeyMissing").unwrap();
    let failure = &sync["status"]["failures"][0];
    assert_eq!(
        (&failure["path"], &failure["reason"]),
        (&json!("deploy/db-secret.yaml"), &json!("KeyMissing"))
    );
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored(FIRST))
    );
    let settings = tenant
        .kubectl()
        .json(&["configmap", "settings", "-n", "nothing"])
        .unwrap();
    assert_eq!(
        settings["data"]["level"], "warn",
        "files without secrets are applied all the same"
    );
}

#[test]
fn the_operator_writes_only_ciphertext_to_disk() {
    let stage = Stage::shared().unwrap();
    let tenant = applied(&stage, "disk").unwrap();
    let found = Command::new("grep")
        .args([
            "--recursive",
            "--text",
            "--files-with-matches",
            "-e",
            FIRST,
            "-e",
            &stored(FIRST),
        ])
        .arg(stage.operator.folder())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&found.stdout),
        "",
        "{}",
        tenant.name()
    );
}
