//! Keys that the operator makes.

use anyhow::Result;
use lockstep_e2e::keys::{drop_key, entry, patch_team, published, push_secret, wait_team};
use lockstep_e2e::{Stage, stored, until};
use lockstep_testbed::{OPERATOR_NAMESPACE, Tenant};
use serde_json::{Value, json};

#[test]
fn a_key_is_made_once_and_never_in_place_of_one_that_was_published() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("maker").unwrap();
    let (kubectl, old) = (tenant.kubectl(), tenant.cluster_key().recipient());
    let keys = json!([
        {"secretRef": {"name": "made-age"}, "generate": "Once"},
        {"secretRef": {"name": "maker-age"}},
    ]);
    patch_team(&tenant, &json!({"keys": keys})).unwrap();
    stage.installation.grant().unwrap();
    let team = wait_team(&tenant, "Succeeded", "2 recipients").unwrap();
    let [(made, "Held")] = published(&team, "made-age")[..] else {
        panic!("{}", team["status"]);
    };

    let secret = ["secret", "made-age", "-n", OPERATOR_NAMESPACE];
    let object = kubectl.json(&secret).unwrap();
    assert_eq!(object["type"], "Opaque");
    assert!(object["metadata"]["ownerReferences"].is_null());
    let text = entry(kubectl, "made-age", "key.agekey").unwrap();
    assert!(text.contains(&format!("# public key: {made}\n")));
    let private = text.lines().last().unwrap();
    assert!(private.starts_with("AGE-SECRET-KEY-1"));

    let commit = push_secret(&tenant, "first", &[old, made]).unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    let opened = json!([{"recipient": made, "files": 1, "paths": ["deploy/db-secret.yaml"]}]);
    assert_eq!(
        sync["status"]["recipients"]["opened"], opened,
        "the key that the Team lists first opens the file"
    );
    let everything = ["teams,syncs,repositories,events,configmaps", "-A"];
    let everything = kubectl.json(&everything).unwrap().to_string();
    assert!(everything.contains(made) && !everything.contains(private));
    assert!(!stage.operator.log().contains(private));

    gone_and_back(&tenant, made, &text).unwrap();
}

/// The key is taken away, forgotten by the Team, replaced by an empty Secret, and put back.
fn gone_and_back(tenant: &Tenant, made: &str, text: &str) -> Result<()> {
    let kubectl = tenant.kubectl();
    let secret = ["secret", "made-age", "-n", OPERATOR_NAMESPACE];
    drop_key(kubectl, "made-age")?;
    let team = wait_team(tenant, "KeyMissing", "none is made: it held")?;
    assert_eq!(published(&team, "made-age"), [(made, "Missing")]);
    // A Team that has lost its status is refused for what the Sync remembers.
    let wipe = json!({"status": {"recipients": null}}).to_string();
    let patch = [
        "patch",
        "team",
        "maker",
        "--subresource=status",
        "--type=merge",
        "-p",
        &wipe,
    ];
    kubectl.run(&patch)?;
    wait_team(tenant, "KeyMissing", "Sync maker/maker ha")?;
    assert!(!kubectl.exists(&secret)?, "another key was made");
    assert_eq!(
        tenant.secret_value("db", "password")?,
        Some(stored("first"))
    );

    let empty = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "made-age", "namespace": OPERATOR_NAMESPACE},
    });
    kubectl.apply(&empty.to_string())?;
    wait_team(tenant, "KeyMissing", "has no identity")?;
    let object = kubectl.json(&secret)?;
    assert!(
        object["data"].is_null(),
        "what somebody else made is left alone"
    );

    lockstep_e2e::keys::hold(kubectl, "made-age", &[("key.agekey", text)])?;
    let team = wait_team(tenant, "Succeeded", "2 recipients")?;
    assert_eq!(published(&team, "made-age"), [(made, "Held")]);
    Ok(())
}

#[test]
fn a_team_that_names_its_recipients_gets_no_other_key() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("pinned").unwrap();
    let recipient = tenant.cluster_key().recipient();
    let key = |secret: &str| json!({"secretRef": {"name": secret}, "generate": "Once", "recipients": [recipient]});
    patch_team(&tenant, &json!({"keys": [key("elsewhere-age")]})).unwrap();
    stage.installation.grant().unwrap();
    let team = wait_team(&tenant, "KeyMissing", "the Team says it held").unwrap();
    assert_eq!(published(&team, "elsewhere-age"), [(recipient, "Missing")]);
    assert_eq!(
        published(&team, "pinned-age"),
        [],
        "one recipient is told once"
    );

    patch_team(&tenant, &json!({"keys": [key("pinned-age")]})).unwrap();
    let is_held = |team: &Value| published(team, "pinned-age") == [(recipient, "Held")];
    until(tenant.kubectl(), &["team", "pinned"], is_held).unwrap();
    let absent = ["secret", "elsewhere-age", "-n", OPERATOR_NAMESPACE];
    assert!(!tenant.kubectl().exists(&absent).unwrap());
}
