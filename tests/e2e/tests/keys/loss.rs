//! Keys that are missing, damaged or wrong: files stay as they were applied.

use lockstep_e2e::keys::{hold, push_secret, wait_team};
use lockstep_e2e::{Stage, stored};
use lockstep_testbed::{Person, condition};
use serde_json::json;

#[test]
fn whatever_becomes_of_a_key_nothing_is_deleted_and_good_entries_count() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("careless").unwrap();
    let (kubectl, own) = (tenant.kubectl(), tenant.cluster_key());
    let good = own.identity_text().unwrap();
    let half = &good[..good.len() - 20];
    let wrong = Person::new().unwrap().identity_text().unwrap();
    let first = push_secret(&tenant, "first", &[own.recipient()]).unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&first).unwrap();

    for (entries, reason) in [
        (&[("cluster.agekey", half)][..], "KeyInvalid"),
        (&[("cluster.agekey", "")], "KeyInvalid"),
        (&[("cluster.txt", good.as_str())], "KeyMissing"),
        (&[], "KeyMissing"),
        (&[("cluster.agekey", wrong.as_str())], "Succeeded"),
    ] {
        hold(kubectl, "careless-age", entries).unwrap();
        wait_team(&tenant, reason, "").unwrap();
        let sync = tenant
            .wait("the key is missed", |sync| {
                condition(sync, "Ready")["reason"] == "KeyMissing"
            })
            .unwrap();
        assert!(!sync["status"].to_string().contains("AGE-SECRET-KEY"));
        let value = tenant.secret_value("db", "password").unwrap();
        assert_eq!(value, Some(stored("first")), "{reason}");
    }

    let entries = [
        ("a.agekey", half),
        ("b.agekey", good.as_str()),
        ("c.agekey", wrong.as_str()),
    ];
    hold(kubectl, "careless-age", &entries).unwrap();
    tenant.wait_applied(&first).unwrap();
    wait_team(&tenant, "KeyInvalid", "a.agekey").unwrap();
    let second = push_secret(&tenant, "second", &[own.recipient()]).unwrap();
    tenant.trigger().unwrap();
    tenant.wait_applied(&second).unwrap();
    let value = tenant.secret_value("db", "password").unwrap();
    assert_eq!(value, Some(stored("second")));
}
