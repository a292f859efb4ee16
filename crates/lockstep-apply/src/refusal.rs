//! Reads a refusal: the API server's `Status` object to an [`ApiError`].
//!
//! The server's message is looked at, to tell apart what it has no code for, and then dropped.

use crate::error::{ApiError, ConflictingField, InvalidField};
use serde::Deserialize;
use std::time::Duration;

/// A refusal: what it was, and how long the server asked to wait before another try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ApiError,
    pub(crate) retry_after: Option<Duration>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
    details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    kind: String,
    causes: Vec<Cause>,
    retry_after_seconds: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
    field: String,
}

/// Reads the answer to a request that failed with the HTTP status `code`. Proxies answer in other
/// forms, so the body need not be a `Status`.
pub(crate) fn read(code: u16, body: &[u8], retry_after: Option<Duration>) -> Refusal {
    let status: Status = serde_json::from_slice(body).unwrap_or_default();
    let asked = (status.details.retry_after_seconds > 0)
        .then(|| Duration::from_secs(status.details.retry_after_seconds.into()));
    Refusal {
        error: classify(code, &status),
        retry_after: retry_after.or(asked),
    }
}

fn classify(code: u16, status: &Status) -> ApiError {
    match (code, status.reason.as_str()) {
        (400, _) => ApiError::Malformed {
            fields: invalid_fields(status),
        },
        (401, _) => ApiError::Unauthorized,
        (403, _) => forbidden(status),
        (404, _) => not_found(status),
        (409, _) => conflict(status),
        (410, _) => ApiError::Expired,
        (413, _) => ApiError::TooLarge,
        (422, _) => denied(status).unwrap_or_else(|| ApiError::Invalid {
            fields: invalid_fields(status),
        }),
        (429, _) => ApiError::Throttled,
        // An object that cannot be read is reported like a fault of the server, only without a reason.
        (500, "") if is_unreadable(&status.message) => ApiError::Malformed {
            fields: mismatch(&status.message).into_iter().collect(),
        },
        (500, _) if status.message.contains("request is too large") => ApiError::TooLarge,
        (504, "Timeout") => ApiError::Timeout,
        (500.., _) => denied(status).unwrap_or(ApiError::Unavailable { status: code }),
        _ => denied(status).unwrap_or(ApiError::Unreadable { status: code }),
    }
}

fn forbidden(status: &Status) -> ApiError {
    if status
        .details
        .causes
        .iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
    {
        ApiError::Terminating
    } else if let Some(denied) = denied(status) {
        denied
    } else if status.message.contains("cannot impersonate") {
        ApiError::ImpersonationForbidden
    } else if status.message.contains("exceeded quota") {
        ApiError::Quota
    } else {
        ApiError::Forbidden
    }
}

fn not_found(status: &Status) -> ApiError {
    match status.details.kind.as_str() {
        "" => ApiError::KindUnknown,
        "namespaces" => ApiError::NamespaceNotFound,
        _ => ApiError::NotFound,
    }
}

fn conflict(status: &Status) -> ApiError {
    let fields: Vec<_> = status
        .details
        .causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| ConflictingField {
            path: printable(&cause.field),
            manager: quoted(&cause.message, "conflict with ").unwrap_or_default(),
        })
        .collect();
    if fields.is_empty() {
        ApiError::Changed
    } else {
        ApiError::Conflict { fields }
    }
}

fn denied(status: &Status) -> Option<ApiError> {
    let message = &status.message;
    if message.contains("admission webhook \"") {
        return Some(ApiError::Denied {
            by: quoted(message, "admission webhook "),
        });
    }
    let policy = message.split_once("ValidatingAdmissionPolicy '")?.1;
    let name = policy.split_once('\'').map(|(name, _)| printable(name));
    Some(ApiError::Denied { by: name })
}

fn invalid_fields(status: &Status) -> Vec<InvalidField> {
    status
        .details
        .causes
        .iter()
        .map(|cause| InvalidField {
            path: field_path(&cause.field),
            reason: if is_immutable(&cause.message) {
                IMMUTABLE.to_owned()
            } else {
                code(&cause.reason)
            },
        })
        .collect()
}

/// Our own code for a field that may not change; the API server has only its text for that.
pub(crate) const IMMUTABLE: &str = "FieldImmutable";

/// After the value, kube-apiserver says `field is immutable`, with or without a reason.
fn is_immutable(message: &str) -> bool {
    [
        "field is immutable",
        "field is immutable when `immutable` is set",
    ]
    .iter()
    .any(|text| message.ends_with(text))
}

/// What kube-apiserver says when an applied object does not fit its kind.
const NOT_OF_ITS_KIND: &str = "failed to create typed patch object";

fn is_unreadable(message: &str) -> bool {
    message.starts_with(NOT_OF_ITS_KIND)
        || message.contains("unable to convert unstructured object")
}

/// The field in `failed to create typed patch object (NAME; VERSION, Kind=KIND): .FIELD: WHY`. Of the
/// reason only its kind is kept: it quotes the value.
fn mismatch(message: &str) -> Option<InvalidField> {
    let (_, rest) = message.strip_prefix(NOT_OF_ITS_KIND)?.split_once("): .")?;
    let (path, why) = rest.split_once(": ")?;
    let reason = if why.starts_with("field not declared in schema") {
        "FieldUnknown"
    } else if why.starts_with("expected ") {
        "FieldTypeInvalid"
    } else {
        return None;
    };
    Some(InvalidField {
        path: field_path(&format!(".{path}")),
        reason: reason.to_owned(),
    })
}

/// The text in double quotes right after `prefix`.
fn quoted(message: &str, prefix: &str) -> Option<String> {
    let rest = message.split_once(prefix)?.1.strip_prefix('"')?;
    rest.split_once('"').map(|(name, _)| printable(name))
}

/// A path without what it says in double quotes. An element of a list is found by the values of its
/// keys, which are as wrong as the rest: `.spec.ports[port="hunter2"].port`.
fn field_path(path: &str) -> String {
    let (mut kept, mut inside, mut escaped) = (String::new(), false, false);
    for c in path.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => {
                if !inside {
                    kept.push('…');
                }
                inside = !inside;
            }
            _ if inside => {}
            c => kept.push(c),
        }
    }
    printable(&kept)
}

/// A name or path for people: short, and without anything a terminal would obey.
fn printable(text: &str) -> String {
    // Longer than the path of any label, annotation or key of a Secret: paths are compared, too.
    const LONGEST: usize = 1000;
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// A reason code: one word, or it is not one.
fn code(reason: &str) -> String {
    let is_word = !reason.is_empty()
        && reason.len() <= 60
        && reason.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_word {
        reason.to_owned()
    } else {
        "Invalid".to_owned()
    }
}

#[cfg(test)]
mod tests;
