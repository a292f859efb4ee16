//! An identity that two Teams hold.

use lockstep_e2e::keys::{hold, patch_team, push_secret, wait_team};
use lockstep_e2e::{Stage, ready};
use lockstep_testbed::condition;
use serde_json::json;

#[test]
fn an_identity_of_two_teams_opens_nothing_until_both_say_it_is_shared() {
    let stage = Stage::shared().unwrap();
    let (one, other) = (
        stage.tenant("sharer").unwrap(),
        stage.tenant("partner").unwrap(),
    );
    let own = one.cluster_key();
    let commit = push_secret(&one, "first", &[own.recipient()]).unwrap();
    one.sync(&json!({"path": "deploy"})).unwrap();
    one.wait_applied(&commit).unwrap();

    let platform = own.identity_text().unwrap();
    let theirs = other.cluster_key().identity_text().unwrap();
    let both = [
        ("own.agekey", theirs.as_str()),
        ("platform.agekey", &platform),
    ];
    hold(other.kubectl(), "partner-age", &both).unwrap();
    wait_team(&one, "KeyShared", "held by: partner").unwrap();
    wait_team(&other, "KeyShared", "held by: sharer").unwrap();
    let sync = one.wait("the key is missed", |sync| ready(sync) == "KeyMissing");
    let sync = sync.unwrap();
    let told = condition(&sync, "Decrypted")["message"].as_str().unwrap();
    assert!(told.contains("so does another Team"), "{told}");
    assert!(
        !sync["status"].to_string().contains("partner"),
        "{}",
        sync["status"]
    );
    // What only one Team holds still works.
    let theirs = push_secret(&other, "own", &[other.cluster_key().recipient()]).unwrap();
    other.sync(&json!({"path": "deploy"})).unwrap();
    other.wait_applied(&theirs).unwrap();

    let key = |secret: &str, with: &[&str]| json!({"keys": [{"secretRef": {"name": secret}, "sharedWith": with}]});
    patch_team(&one, &key("sharer-age", &["partner"])).unwrap();
    wait_team(&one, "KeyShared", "").unwrap();
    patch_team(&other, &key("partner-age", &["sharer"])).unwrap();
    wait_team(&one, "Succeeded", "").unwrap();
    wait_team(&other, "Succeeded", "").unwrap();
    one.wait_applied(&commit).unwrap();
}
