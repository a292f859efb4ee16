//! What a watch sees against what was applied.

use super::*;
use lockstep_apply::{DriftedField, Fingerprints};
use lockstep_secret::SecretBytes;
use serde_json::json;

fn owner() -> Owner {
    Owner {
        namespace: "team-a".parse().unwrap(),
        sync: "app".parse().unwrap(),
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        version: "v1".into(),
        kind: "Secret".into(),
        namespace: Some("team-a".into()),
        name: name.into(),
    }
}

/// The Secret `db` at a resource version, with `.data.password` owned by a manager.
fn seen(version: &str, manager: &str) -> Seen {
    let operation = if manager.starts_with("lockstep/") {
        "Apply"
    } else {
        "Update"
    };
    let entry = |manager: &str, operation: &str, fields| json!({"manager": manager, "operation": operation, "time": "2026-01-02T03:04:05Z", "fieldsV1": fields});
    let ours = entry("lockstep/team-a/app", "Apply", json!({"f:type": {}}));
    let password = entry(
        manager,
        operation,
        json!({"f:data": {"f:password": {}}, "f:type": {}}),
    );
    let entries = if operation == "Apply" {
        json!([password])
    } else {
        json!([ours, password])
    };
    serde_json::from_value(json!({
        "name": "db", "namespace": "team-a", "uid": "u1", "resourceVersion": version, "managedFields": entries,
    }))
    .unwrap()
}

fn fingerprint(body: &str) -> Fingerprint {
    Fingerprints::new(&mut |bytes| bytes.fill(1)).of(&SecretBytes::new(body.into()))
}

fn territory(kind: &str) -> Territory {
    Territory {
        group: String::new(),
        kind: kind.into(),
        namespace: Some("team-a".into()),
    }
}

fn applied() -> Ledger {
    let ledger = Ledger::default();
    let recorded = Recorded::of(&seen("10", "lockstep/team-a/app"), &owner().manager());
    ledger.record(&owner(), key("db"), fingerprint("v1"), recorded, Vec::new());
    ledger
}

fn there(version: &str, manager: &str) -> Sighting {
    Sighting::There(Box::new(seen(version, manager)))
}

#[test]
fn a_changed_field_is_drift_and_names_its_manager() {
    let ledger = applied();
    let moved = ledger
        .observe(&owner(), &key("db"), there("11", "kubectl-edit"))
        .unwrap();
    let Moved::Judged(Verdict::Drifted(fields)) = &moved else {
        panic!("{moved:?}")
    };
    let expected = DriftedField {
        path: ".data.password".into(),
        manager: Some("kubectl-edit".into()),
        time: Some("2026-01-02T03:04:05Z".into()),
    };
    assert_eq!(fields, &[expected]);
    assert_eq!(ledger.moved(&owner()).get(&key("db")), Some(&moved));
}

#[test]
fn applying_again_settles_it() {
    let ledger = applied();
    ledger.observe(&owner(), &key("db"), there("11", "kubectl-edit"));
    let recorded = Recorded::of(&seen("12", "lockstep/team-a/app"), &owner().manager());
    ledger.record(&owner(), key("db"), fingerprint("v1"), recorded, Vec::new());
    assert!(ledger.moved(&owner()).is_empty());
    assert!(
        ledger
            .observe(&owner(), &key("db"), there("12", "lockstep/team-a/app"))
            .is_none()
    );
}

#[test]
fn what_is_seen_while_writing_is_judged_afterwards() {
    let ledger = applied();
    ledger.begin(&owner());
    assert!(
        ledger
            .observe(&owner(), &key("db"), there("11", "kubectl-edit"))
            .is_none()
    );
    let recorded = Recorded::of(&seen("12", "lockstep/team-a/app"), &owner().manager());
    ledger.record(&owner(), key("db"), fingerprint("v1"), recorded, Vec::new());
    assert!(
        !ledger.end(&owner()),
        "the edit was overwritten by the apply that came after it"
    );
    ledger.begin(&owner());
    ledger.observe(&owner(), &key("db"), there("13", "kubectl-edit"));
    assert!(ledger.end(&owner()), "the edit came after the apply");
}

#[test]
fn a_deleted_object_is_drift_unless_it_is_an_older_one() {
    let ledger = applied();
    let gone = |uid: &str| Sighting::Gone { uid: uid.into() };
    assert_eq!(ledger.observe(&owner(), &key("db"), gone("u0")), None);
    assert_eq!(
        ledger.observe(&owner(), &key("db"), gone("u1")),
        Some(Moved::Gone)
    );
}

#[test]
fn a_new_list_finds_what_moved_in_the_gap() {
    let list = |version: &str| HashMap::from([(key("db"), seen(version, "lockstep/team-a/app"))]);
    let secrets = territory("Secret");
    let ledger = applied();
    assert!(!ledger.observe_all(&owner(), &secrets, list("10")));
    assert!(ledger.observe_all(&owner(), &secrets, list("14")));
    assert_eq!(
        ledger.moved(&owner()).get(&key("db")),
        Some(&Moved::Unwatched)
    );
    let ledger = applied();
    assert!(ledger.observe_all(&owner(), &secrets, HashMap::new()));
    assert_eq!(ledger.moved(&owner()).get(&key("db")), Some(&Moved::Gone));
    let ledger = applied();
    assert!(!ledger.observe_all(&owner(), &territory("ConfigMap"), HashMap::new()));
}

#[test]
fn other_syncs_and_unknown_objects_are_nothing_to_us() {
    let ledger = applied();
    let other = Owner {
        sync: "web".parse().unwrap(),
        ..owner()
    };
    assert!(
        ledger
            .observe(&other, &key("db"), there("11", "kubectl-edit"))
            .is_none()
    );
    assert!(
        ledger
            .observe(&owner(), &key("new"), there("11", "kubectl-edit"))
            .is_none()
    );
    assert!(ledger.is_applied(&owner(), &key("db"), &fingerprint("v1"), &[]));
    assert!(!ledger.is_applied(&owner(), &key("db"), &fingerprint("v2"), &[]));
}

#[test]
fn an_apply_that_finds_the_object_as_it_was_seen_has_put_nothing_back() {
    let ledger = applied();
    assert!(!ledger.has_seen(&owner(), &key("db"), "10"));
    let all = HashMap::from([(key("db"), seen("12", "lockstep/team-a/app"))]);
    assert!(ledger.observe_all(&owner(), &territory("Secret"), all));
    assert!(ledger.has_seen(&owner(), &key("db"), "12"));
    assert!(
        !ledger.has_seen(&owner(), &key("db"), "13"),
        "a write is one"
    );
    let recorded = Recorded::of(&seen("12", "lockstep/team-a/app"), &owner().manager());
    ledger.record(&owner(), key("db"), fingerprint("v1"), recorded, Vec::new());
    assert!(!ledger.has_seen(&owner(), &key("db"), "12"));
}

#[test]
fn a_list_that_comes_while_objects_are_written_waits() {
    let ledger = applied();
    ledger.begin(&owner());
    assert!(!ledger.observe_all(&owner(), &territory("Secret"), HashMap::new()));
    assert!(ledger.moved(&owner()).is_empty());
    assert!(ledger.end(&owner()));
    assert_eq!(ledger.moved(&owner()).get(&key("db")), Some(&Moved::Gone));
}

#[test]
fn a_list_from_before_the_last_write_moves_nothing() {
    let ledger = applied();
    let old = HashMap::from([(key("db"), seen("9", "lockstep/team-a/app"))]);
    assert!(!ledger.observe_all(&owner(), &territory("Secret"), old));
    assert!(ledger.moved(&owner()).is_empty());
}

#[test]
fn an_object_pulled_at_again_and_again_is_left_and_told_of_once() {
    let ledger = applied();
    let recorded = || Recorded::of(&seen("10", "lockstep/team-a/app"), &owner().manager());
    let pull = || ledger.observe(&owner(), &key("db"), there("11", "hpa"));
    for _ in 0..3 {
        assert!(pull().is_some());
        assert_eq!(ledger.due(&owner()).len(), 1);
        ledger.record(
            &owner(),
            key("db"),
            fingerprint("v1"),
            recorded(),
            Vec::new(),
        );
        ledger.put_back(&owner(), &key("db"));
    }
    assert!(pull().is_some(), "the first pull while it is left is told");
    assert!(pull().is_none(), "and no other");
    assert!(ledger.due(&owner()).is_empty());
    assert_eq!(ledger.moved(&owner()).len(), 1);
    assert_eq!(ledger.held(&owner())[&key("db")].times, 3);
    let rest = ledger.next_due(&owner()).unwrap();
    assert!(rest > Duration::ZERO && rest < Duration::from_secs(60));
    ledger.forget(&owner(), &key("db"));
    assert_eq!(ledger.next_due(&owner()), None);
}
