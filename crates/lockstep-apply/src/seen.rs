//! What the API server says about an object: its metadata, and never its annotations.
//!
//! `kubectl apply` leaves a whole copy of a Secret in an annotation, so annotations are skipped while
//! the answer is read and no type here could hold them.

use crate::fields::Entry;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An object's metadata at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its namespace; nothing for a cluster-scoped object.
    pub namespace: Option<String>,
    /// Tells it from an earlier or later object of the same name.
    #[serde(default)]
    pub uid: String,
    /// Moves with every write.
    #[serde(default)]
    pub resource_version: String,
    /// Moves with every write of the specification; kinds without one, such as Secret, have none.
    pub generation: Option<i64>,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Since when it is being deleted (RFC 3339).
    pub deletion_timestamp: Option<String>,
    /// Who owns which of its fields.
    #[serde(default, rename = "managedFields")]
    pub entries: Vec<Entry>,
}

impl Seen {
    /// Reads the answer to a request about one object.
    ///
    /// # Errors
    /// The answer is not an object with metadata.
    pub(crate) fn from_answer(body: &[u8]) -> Result<Self, NotAnObject> {
        #[derive(Deserialize)]
        struct Answer {
            metadata: Seen,
        }
        let answer: Answer = serde_json::from_slice(body).map_err(|_| NotAnObject)?;
        if answer.metadata.uid.is_empty() {
            Err(NotAnObject)
        } else {
            Ok(answer.metadata)
        }
    }
}

/// An answer could not be read. Why is not said: the reason could quote the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not an object with metadata")]
pub(crate) struct NotAnObject;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_without_its_annotations() {
        let seen = Seen::from_answer(
            br#"{"kind":"PartialObjectMetadata","metadata":{"name":"db","namespace":"team-a",
            "uid":"u1","resourceVersion":"7","labels":{"a":"b"},
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter2"},
            "managedFields":[{"manager":"m","operation":"Apply","fieldsV1":{"f:type":{}}}]}}"#,
        )
        .unwrap();
        assert_eq!(seen.uid, "u1");
        assert_eq!(seen.entries[0].manager, "m");
        assert!(!format!("{seen:?}").contains("hunter2"));
    }

    #[test]
    fn an_answer_without_an_object_is_refused() {
        for body in [
            "",
            "{}",
            r#"{"metadata":{}}"#,
            r#"{"kind":"Status","metadata":{}}"#,
            "hunter2",
        ] {
            assert_eq!(Seen::from_answer(body.as_bytes()), Err(NotAnObject));
        }
    }
}
