//! Whose entries are joined with ours, and what of them.

use super::*;
use lockstep_secret::SecretBytes;

fn manager() -> FieldManager {
    FieldManager::of(&"team-a".parse().unwrap(), &"app".parse().unwrap())
}

fn entry(manager: &str, operation: &str, fields: Value) -> Map<String, Value> {
    let entry = json!({"manager": manager, "operation": operation, "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": fields});
    entry.as_object().unwrap().clone()
}

fn ours() -> Map<String, Value> {
    entry(
        "lockstep/team-a/app",
        "Apply",
        json!({"f:data": {"f:a": {}}}),
    )
}

fn joined(others: &[Map<String, Value>], ignored: &[IgnoredField]) -> Option<Vec<(String, Value)>> {
    let entries = others.iter().cloned().chain([ours()]).collect();
    let joined = join(entries, &manager(), &Previous::Tools, ignored)?;
    let entries = joined.entries.into_iter().map(|mut entry| {
        let fields = Value::Object(taken_out(&mut entry));
        (text(&entry, "manager").to_owned(), fields)
    });
    Some(entries.collect())
}

#[test]
fn what_kubectl_and_flux_own_becomes_ours_and_what_others_own_stays() {
    let fields = json!({"f:data": {".": {}, "f:b": {}}});
    let hpa = entry(
        "horizontal-pod-autoscaler",
        "Update",
        json!({"f:data": {"f:c": {}}}),
    );
    let result = joined(
        &[
            entry("kubectl-client-side-apply", "Update", fields),
            hpa.clone(),
            entry("kustomize-controller", "Apply", json!({"f:type": {}})),
        ],
        &[],
    );
    let united = json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:type": {}});
    assert_eq!(
        result.unwrap(),
        [
            (
                "horizontal-pod-autoscaler".to_owned(),
                hpa["fieldsV1"].clone()
            ),
            ("lockstep/team-a/app".to_owned(), united)
        ]
    );
    assert_eq!(joined(&[hpa], &[]), None, "nothing to take");
}

#[test]
fn status_and_other_versions_stay_where_they_are() {
    let mut status = entry("kubectl", "Update", json!({"f:status": {}}));
    status.insert("subresource".into(), "status".into());
    let mut beta = entry("kubectl", "Update", json!({"f:spec": {}}));
    beta.insert("apiVersion".into(), "v1beta1".into());
    assert_eq!(joined(&[status, beta], &[]), None);
}

#[test]
fn ignored_fields_stay_with_whoever_has_them() {
    let body = SecretBytes::new(br#"{"spec":{"replicas":3}}"#.to_vec());
    let ignored = IgnoredField::of(&body, ["/spec/replicas"].into_iter());
    let kubectl = entry(
        "kubectl-client-side-apply",
        "Update",
        json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}),
    );
    let result = joined(&[kubectl], &ignored).unwrap();
    assert_eq!(result[0].1, json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(
        result[1].1,
        json!({"f:data": {"f:a": {}}, "f:spec": {"f:paused": {}}})
    );
}

#[test]
fn a_field_that_is_also_a_parent_stays_a_field() {
    let mut fields = json!({"f:a": {}, "f:b": {"f:x": {}}})
        .as_object()
        .unwrap()
        .clone();
    let more = json!({"f:a": {"f:y": {}}, "f:b": {}})
        .as_object()
        .unwrap()
        .clone();
    unite(&mut fields, more);
    let expected = json!({"f:a": {".": {}, "f:y": {}}, "f:b": {".": {}, "f:x": {}}});
    assert_eq!(Value::Object(fields), expected);
}
