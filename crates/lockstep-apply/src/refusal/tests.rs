//! Answers as kube-apiserver 1.36 gives them, with a canary where it quotes the object.

use super::*;
use serde_json::{Value, json};

fn error(code: u16, status: &Value) -> ApiError {
    read(code, status.to_string().as_bytes(), None).error
}

#[test]
fn a_conflict_names_fields_and_managers() {
    let status = json!({"kind": "Status", "reason": "Conflict", "code": 409,
        "message": "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.password",
        "details": {"causes": [{"reason": "FieldManagerConflict", "field": ".data.password",
            "message": "conflict with \"kubectl-edit\" using v1"}]}});
    assert_eq!(
        error(409, &status),
        ApiError::Conflict {
            fields: vec![ConflictingField {
                path: ".data.password".into(),
                manager: "kubectl-edit".into()
            }]
        }
    );
}

#[test]
fn a_conflict_without_managers_is_a_lost_race() {
    let status = json!({"reason": "Conflict", "details": {"kind": "secrets"},
        "message": "the object has been modified"});
    assert_eq!(error(409, &status), ApiError::Changed);
    assert!(error(409, &status).is_transient());
}

#[test]
fn an_invalid_object_is_reported_by_field_and_code_only() {
    let status = json!({"reason": "Invalid",
        "message": "Secret \"db\" is invalid: data[a b]: Invalid value: \"hunter2\"",
        "details": {"causes": [{"reason": "FieldValueInvalid", "field": "data[a b]",
            "message": "Invalid value: \"hunter2\": a valid config key must consist of …"}]}});
    let error = error(422, &status);
    assert_eq!(
        error.to_string(),
        "the object is not valid at data[a b] (FieldValueInvalid)"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn keys_of_list_elements_are_not_quoted() {
    let message = "failed to create typed patch object (team-a/web; /v1, Kind=Service): \
        .spec.ports[port=\"hunter2\",protocol=\"a \\\"hunter3\\\"\"].port: expected numeric, got &{hunter2}";
    let error = error(500, &json!({"message": message, "code": 500}));
    assert_eq!(
        error.to_string(),
        "the API server could not read the object at .spec.ports[port=…,protocol=…].port (FieldTypeInvalid)"
    );
}

#[test]
fn an_object_not_of_its_kind_is_reported_by_field_only() {
    let of = |why: &str| {
        let message =
            format!("failed to create typed patch object (team-a/db; /v1, Kind=Secret): .{why}");
        error(
            500,
            &json!({"kind": "Status", "message": message, "code": 500}),
        )
    };
    let field = |path: &str, reason: &str| ApiError::Malformed {
        fields: vec![InvalidField {
            path: path.into(),
            reason: reason.into(),
        }],
    };
    assert_eq!(
        of("data: expected map, got &{hunter2}"),
        field(".data", "FieldTypeInvalid")
    );
    assert_eq!(
        of("daat: field not declared in schema"),
        field(".daat", "FieldUnknown")
    );
    assert_eq!(
        of("odd hunter2: hunter2"),
        ApiError::Malformed { fields: vec![] }
    );
}

#[test]
fn a_value_that_is_not_base64_is_no_fault_of_the_server() {
    let status = json!({"kind": "Status", "code": 500, "message":
        "failed to convert new object (a/db; /v1, Kind=Secret) to proper version: unable to convert \
         unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data"});
    assert!(!error(500, &status).is_transient());
    let webhook = json!({"kind": "Status", "code": 500, "message":
        "failed to convert new object (a/x; x.io/v1, Kind=X) to proper version: conversion webhook \
         for x.io/v2, Kind=X failed: connection refused"});
    assert!(error(500, &webhook).is_transient());
}

#[test]
fn forbidden_has_four_meanings() {
    let forbidden = |message: &str| error(403, &json!({"reason": "Forbidden", "message": message}));
    assert_eq!(
        forbidden("secrets is forbidden: User \"x\" cannot patch …"),
        ApiError::Forbidden
    );
    assert_eq!(
        forbidden("serviceaccounts \"deployer\" is forbidden: User \"op\" cannot impersonate …"),
        ApiError::ImpersonationForbidden
    );
    assert_eq!(
        forbidden("exceeded quota: q, requested: secrets=1"),
        ApiError::Quota
    );
    assert_eq!(
        forbidden("admission webhook \"no.example.com\" denied the request: hunter2"),
        ApiError::Denied {
            by: Some("no.example.com".into())
        }
    );
    let terminating = json!({"reason": "Forbidden", "message": "unable to create new content",
        "details": {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}});
    assert_eq!(error(403, &terminating), ApiError::Terminating);
}

#[test]
fn a_policy_is_named() {
    let status = json!({"reason": "Invalid", "message":
        "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'strict' with binding 'b' denied request: hunter2"});
    assert_eq!(
        error(422, &status),
        ApiError::Denied {
            by: Some("strict".into())
        }
    );
}

#[test]
fn not_found_has_three_meanings() {
    let of = |details: Value| error(404, &json!({"reason": "NotFound", "details": details}));
    assert_eq!(of(json!({})), ApiError::KindUnknown);
    assert_eq!(
        of(json!({"kind": "namespaces", "name": "x"})),
        ApiError::NamespaceNotFound
    );
    assert_eq!(
        of(json!({"kind": "secrets", "name": "x"})),
        ApiError::NotFound
    );
}

#[test]
fn a_busy_server_says_how_long_to_wait() {
    let status = json!({"details": {"retryAfterSeconds": 3}}).to_string();
    let refusal = read(429, status.as_bytes(), None);
    assert_eq!(refusal.error, ApiError::Throttled);
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(3)));
    let header = Some(Duration::from_secs(1));
    assert_eq!(read(429, b"slow down", header).retry_after, header);
}

#[test]
fn a_proxys_page_is_classified_by_its_status() {
    assert_eq!(
        read(502, b"<html>hunter2", None).error,
        ApiError::Unavailable { status: 502 }
    );
    assert_eq!(
        read(418, b"hunter2", None).error,
        ApiError::Unreadable { status: 418 }
    );
}

#[test]
fn names_from_the_server_are_short_and_printable() {
    assert_eq!(printable("a\u{1b}[31mb"), "a\u{fffd}[31mb");
    assert_eq!(printable(&"x".repeat(3000)).chars().count(), 1001);
    let path = format!(".data.{}", "x".repeat(253));
    assert_eq!(printable(&path), path, "a path that is compared is whole");
    assert_eq!(code("not one word"), "Invalid");
}
