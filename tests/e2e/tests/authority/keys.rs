//! Which files a team's keys open, and how keys come and go.

use crate::steps::{patch_team, wait_sync};
use anyhow::Result;
use lockstep_e2e::{Stage, failures, ready, secret, stored, until};
use lockstep_testbed::{Kubectl, OPERATOR_NAMESPACE, Person, condition};
use serde_json::{Value, json};

/// The identities the operator holds in a Secret, one an entry.
pub(crate) fn hold(kubectl: &Kubectl, secret: &str, entries: &[(&str, &Person)]) -> Result<()> {
    let mut texts = serde_json::Map::new();
    for (entry, person) in entries {
        texts.insert((*entry).to_owned(), person.identity_text()?.into());
    }
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": texts,
        "metadata": {"name": secret, "namespace": OPERATOR_NAMESPACE},
    });
    kubectl.apply(&object.to_string())?;
    Ok(())
}

#[test]
fn a_copied_file_of_another_team_stays_closed_and_names_nobody() {
    let stage = Stage::shared().unwrap();
    let path = "deploy/db-secret.yaml";
    let db = secret("db", &[("password", "of-the-owner")]);
    let (owner, _) = stage.applied("lender", &[(path, &db)], &json!({})).unwrap();
    let thief = stage.tenant("borrower").unwrap();
    let copied = owner.checkout().read(path).unwrap();
    thief.checkout().write(path, &copied).unwrap();
    let commit = thief.checkout().push("copied").unwrap();
    thief.sync(&json!({"path": "deploy"})).unwrap();
    let sync = thief.wait_failed(&commit, "KeyMissing").unwrap();
    assert_eq!(failures(&sync), [(path, "KeyMissing")]);
    assert!(
        !sync["status"].to_string().contains("lender"),
        "{}",
        sync["status"]
    );
    let db = ["secret", "db", "-n", "borrower"];
    assert!(!thief.kubectl().exists(&db).unwrap());
}

#[test]
fn keys_overlap_and_a_missing_one_heals_at_once() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("rotating").unwrap();
    let (old, new) = (tenant.cluster_key(), Person::new().unwrap());
    let checkout = tenant.checkout();
    for (name, person) in [("old", old), ("new", &new)] {
        let path = format!("deploy/{name}-secret.yaml");
        checkout
            .write(&path, &secret(name, &[("key", name)]))
            .unwrap();
        tenant
            .lockstep(&["encrypt", "-i", "--age", person.recipient(), &path])
            .unwrap();
    }
    let commit = checkout.push("for two keys").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let sync = tenant.wait_failed(&commit, "KeyMissing").unwrap();
    assert_eq!(failures(&sync), [("deploy/new-secret.yaml", "KeyMissing")]);
    assert_eq!(
        tenant.secret_value("old", "key").unwrap(),
        Some(stored("old"))
    );

    let both = [("cluster.agekey", old), ("next.agekey", &new)];
    hold(tenant.kubectl(), "rotating-age", &both).unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert_eq!(condition(&sync, "Decrypted")["status"], "True");
    assert_eq!(
        tenant.secret_value("new", "key").unwrap(),
        Some(stored("new"))
    );
    let published = |team: &Value| {
        let all = team["status"]["recipients"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        [old, &new]
            .iter()
            .all(|key| all.iter().any(|one| one["recipient"] == key.recipient()))
    };
    until(tenant.kubectl(), &["team", "rotating"], published).unwrap();
}

#[test]
fn a_key_secret_made_for_flux_works_and_its_loss_is_told() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("fluxed").unwrap();
    let kubectl = tenant.kubectl();
    hold(kubectl, "sops-age", &[("age.agekey", tenant.cluster_key())]).unwrap();
    patch_team(
        &tenant,
        &json!({"keys": [{"secretRef": {"name": "sops-age"}}]}),
    )
    .unwrap();
    kubectl
        .run(&["delete", "secret", "fluxed-age", "-n", OPERATOR_NAMESPACE])
        .unwrap();
    let db = secret("db", &[("password", "first")]);
    tenant
        .checkout()
        .write("deploy/db-secret.yaml", &db)
        .unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.checkout().push("first").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();

    kubectl
        .run(&["delete", "secret", "sops-age", "-n", OPERATOR_NAMESPACE])
        .unwrap();
    until(kubectl, &["team", "fluxed"], |it| ready(it) == "KeyMissing").unwrap();
    let sync = wait_sync(&tenant, "KeyMissing").unwrap();
    let message = condition(&sync, "Decrypted")["message"].as_str().unwrap();
    assert!(message.contains("sops-age"), "{message}");
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored("first"))
    );
}
