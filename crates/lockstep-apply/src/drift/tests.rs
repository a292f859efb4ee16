//! Each way an object can change, as the API server records it.

use super::*;
use serde_json::{Value, json};

fn manager() -> FieldManager {
    FieldManager::of(&"team-a".parse().unwrap(), &"app".parse().unwrap())
}

fn ours(fields: Value) -> Value {
    json!({"manager": "lockstep/team-a/app", "operation": "Apply",
           "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
}

fn theirs(manager: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": "Update",
           "time": "2026-01-01T00:00:09Z", "fieldsV1": fields})
}

fn both() -> Value {
    json!({"f:data": {"f:password": {}, "f:user": {}}})
}

fn seen(version: &str, entries: &[Value]) -> Seen {
    serde_json::from_value(json!({
        "name": "db", "namespace": "team-a", "uid": "u1", "resourceVersion": version,
        "managedFields": entries,
    }))
    .unwrap()
}

fn recorded() -> Recorded {
    Recorded::of(&seen("10", &[ours(both())]), &manager())
}

fn judge(now: &Seen) -> Verdict {
    recorded().judge(now, &manager(), &[])
}

#[test]
fn the_echo_of_our_own_write_is_unchanged() {
    assert_eq!(judge(&seen("10", &[ours(both())])), Verdict::Unchanged);
}

#[test]
fn an_event_from_before_the_apply_is_unchanged() {
    let taken = [theirs("kubectl-edit", both())];
    assert_eq!(judge(&seen("9", &taken)), Verdict::Unchanged);
    assert!(matches!(judge(&seen("11", &taken)), Verdict::Drifted(_)));
    assert!(matches!(judge(&seen("100", &taken)), Verdict::Drifted(_)));
}

#[test]
fn a_changed_field_names_its_new_manager_and_time() {
    let now = seen(
        "11",
        &[
            ours(json!({"f:data": {"f:user": {}}})),
            theirs("kubectl-edit", json!({"f:data": {"f:password": {}}})),
        ],
    );
    assert_eq!(
        judge(&now),
        Verdict::Drifted(vec![DriftedField {
            path: ".data.password".into(),
            manager: Some("kubectl-edit".into()),
            time: Some("2026-01-01T00:00:09Z".into()),
        }])
    );
}

#[test]
fn a_removed_field_has_no_manager() {
    let now = seen("11", &[ours(json!({"f:data": {"f:user": {}}}))]);
    assert_eq!(
        judge(&now),
        Verdict::Drifted(vec![DriftedField {
            path: ".data.password".into(),
            manager: None,
            time: None
        }])
    );
}

#[test]
fn cleared_managed_fields_are_drift_in_every_field() {
    let Verdict::Drifted(fields) = judge(&seen("11", &[])) else {
        panic!("cleared ownership went unnoticed");
    };
    assert_eq!(fields.len(), 2);
}

#[test]
fn a_foreign_label_is_no_business_of_ours() {
    let now = seen(
        "11",
        &[
            ours(both()),
            theirs(
                "kubectl-label",
                json!({"f:metadata": {"f:labels": {"f:x": {}}}}),
            ),
        ],
    );
    assert_eq!(judge(&now), Verdict::Foreign);
}

#[test]
fn a_writer_under_our_name_is_suspect() {
    let mut entry = ours(both());
    entry["time"] = "2026-01-01T00:00:05Z".into();
    assert_eq!(
        judge(&seen("11", &[entry])),
        Verdict::Suspect(Suspicion::WrittenAsUs)
    );
    let more = ours(json!({"f:data": {"f:password": {}, "f:user": {}, "f:extra": {}}}));
    assert_eq!(
        judge(&seen("11", &[more])),
        Verdict::Suspect(Suspicion::WrittenAsUs)
    );
}

#[test]
fn our_name_without_apply_is_a_stranger() {
    let now = seen(
        "11",
        &[
            ours(json!({"f:data": {"f:user": {}}})),
            theirs("lockstep/team-a/app", json!({"f:data": {"f:password": {}}})),
        ],
    );
    let Verdict::Drifted(fields) = judge(&now) else {
        panic!("not seen as drift")
    };
    assert_eq!(fields[0].manager.as_deref(), Some("lockstep/team-a/app"));
}

#[test]
fn a_new_co_owner_is_suspect_once() {
    let now = seen(
        "11",
        &[
            ours(both()),
            theirs("other", json!({"f:data": {"f:password": {}}})),
        ],
    );
    assert_eq!(judge(&now), Verdict::Suspect(Suspicion::NewCoOwner));
    let again = Recorded::of(&now, &manager());
    let mut later = now.clone();
    later.resource_version = "12".into();
    later.entries[1].time = Some("2026-01-01T00:00:10Z".into());
    assert_eq!(again.judge(&later, &manager(), &[]), Verdict::Foreign);
}

#[test]
fn a_write_that_left_no_trace_is_suspect() {
    assert_eq!(
        judge(&seen("11", &[ours(both())])),
        Verdict::Suspect(Suspicion::Unexplained)
    );
}

#[test]
fn a_status_write_within_the_same_second_is_not() {
    let with_generation = |version: &str, generation| {
        let mut seen = seen(version, &[ours(both())]);
        seen.generation = Some(generation);
        seen
    };
    let recorded = Recorded::of(&with_generation("10", 1), &manager());
    assert_eq!(
        recorded.judge(&with_generation("11", 1), &manager(), &[]),
        Verdict::Foreign
    );
    assert_eq!(
        recorded.judge(&with_generation("11", 2), &manager(), &[]),
        Verdict::Suspect(Suspicion::Unexplained)
    );
}

#[test]
fn another_uid_is_another_object() {
    let mut now = seen("11", &[ours(both())]);
    now.uid = "u2".into();
    assert_eq!(judge(&now), Verdict::Recreated);
}

#[test]
fn resource_versions_compare_as_numbers() {
    assert!(is_older("9", "10"));
    assert!(!is_older("10", "10"));
    assert!(!is_older("11", "10"));
    assert!(!is_older("", "10"));
    assert!(!is_older("a", "10"));
    assert!(is_older("18446744073709551616", "18446744073709551617"));
}
