//! Rotation under a running operator: the values stay, so nothing is written; and at every moment of
//! a change of keys it can decrypt.

use crate::keys::hold;
use crate::steps::patch_team;
use anyhow::Result;
use lockstep_e2e::keys::published;
use lockstep_e2e::{Stage, metadata, secret, stored, until};
use lockstep_testbed::{Asked, Person, Tenant};
use serde_json::json;

/// What the operator wrote as the team since `before` requests.
fn written(stage: &Stage, tenant: &Tenant, before: usize) -> Result<Vec<Asked>> {
    let account = format!("system:serviceaccount:{}:deployer", tenant.name());
    let mut asked = stage.installation.cluster().asked()?.split_off(before);
    asked.retain(|asked| {
        let reads = ["get", "list", "watch"].contains(&asked.verb.as_str());
        !reads && asked.acting_as.as_deref() == Some(&account)
    });
    Ok(asked)
}

/// Writes a policy for these people, and who left.
fn policy(tenant: &Tenant, readers: &[&Person], former: &[&Person]) -> Result<()> {
    let list = |people: &[&Person]| {
        let texts: Vec<_> = people.iter().map(|one| one.recipient()).collect();
        texts.join(", ")
    };
    let text = format!(
        "creation_rules:\n  - path_regex: secret\n    encrypted_regex: ^(data|stringData)$\n    age: [{}]\n\
         lockstep:\n  teams:\n    {}:\n      paths: [deploy]\n      former: [{}]\n",
        list(readers),
        tenant.name(),
        list(former),
    );
    tenant.checkout().write(".sops.yaml", &text)
}

/// Rotates everything, publishes it, and waits until it is applied; nothing may have been written for
/// it, and the object is still the same.
fn rotate_quietly(stage: &Stage, tenant: &Tenant) -> Result<()> {
    let object = ["secret", "db", "-n", tenant.name()];
    let version = metadata(tenant.kubectl(), &object, "resourceVersion")?;
    let before = stage.installation.cluster().asked()?.len();
    let old = tenant.checkout().read("deploy/db-secret.yaml")?;
    tenant.lockstep(&["rotate", "--yes"])?;
    assert_ne!(tenant.checkout().read("deploy/db-secret.yaml")?, old);
    let commit = tenant.publish("rotate")?;
    tenant.wait_applied(&commit)?;
    assert_eq!(written(stage, tenant, before)?, []);
    assert_eq!(
        metadata(tenant.kubectl(), &object, "resourceVersion")?,
        version
    );
    Ok(())
}

#[test]
fn rotation_changes_nothing_in_the_cluster_and_the_operators_key_can_be_replaced() {
    let stage = Stage::shared().unwrap();
    let db = secret("db", &[("password", "stays")]);
    let files = [("deploy/db-secret.yaml", db.as_str())];
    let (tenant, _) = stage.applied("turning", &files, &json!({})).unwrap();
    let (you, old, new) = (
        tenant.person(),
        tenant.cluster_key(),
        Person::new().unwrap(),
    );

    // Somebody joins, and leaves again.
    let colleague = Person::new().unwrap();
    policy(&tenant, &[you, old, &colleague], &[]).unwrap();
    rotate_quietly(&stage, &tenant).unwrap();
    policy(&tenant, &[you, old], &[&colleague]).unwrap();
    rotate_quietly(&stage, &tenant).unwrap();

    // The new key is held before any file needs it, and the old one until none does.
    let both = [("cluster.agekey", old), ("next.agekey", &new)];
    hold(tenant.kubectl(), "turning-age", &both).unwrap();
    let team = ["team", "turning"];
    until(tenant.kubectl(), &team, |team| {
        team["status"]["recipients"]
            .to_string()
            .contains(new.recipient())
    })
    .unwrap();
    policy(&tenant, &[you, &new], &[old]).unwrap();
    rotate_quietly(&stage, &tenant).unwrap();
    hold(
        tenant.kubectl(),
        "turning-next-age",
        &[("next.agekey", &new)],
    )
    .unwrap();
    let keys = json!({"keys": [{"secretRef": {"name": "turning-next-age"}}]});
    patch_team(&tenant, &keys).unwrap();
    until(tenant.kubectl(), &team, |team| {
        let old_is = |secret| published(team, secret).contains(&(old.recipient(), "Retired"));
        published(team, "turning-next-age") == [(new.recipient(), "Held")] && old_is("turning-age")
    })
    .unwrap();

    // The new key alone does all of it.
    tenant.lockstep(&["decrypt", "-i", "deploy"]).unwrap();
    let changed = secret("db", &[("password", "changes")]);
    tenant
        .checkout()
        .write("deploy/db-secret.yaml", &changed)
        .unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.publish("another value").unwrap();
    tenant.wait_applied(&commit).unwrap();
    let value = tenant.secret_value("db", "password").unwrap();
    assert_eq!(value, Some(stored("changes")));
}
