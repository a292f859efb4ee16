//! Who owns which field: `managedFields` as a set of paths per manager.
//!
//! The API server keeps ownership as nested JSON (`FieldsV1`) but names a conflicting field by its
//! path, such as `.data.password` or `.spec.containers[name="app"].image`. Paths are what people read
//! and what both can be compared in, so a set of fields is a set of paths here.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The fields of one owner, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(BTreeSet<String>);

impl FieldSet {
    /// Reads `FieldsV1`. Members it does not know are skipped, since they own nothing known.
    #[must_use]
    pub fn from_v1(fields: &Value) -> Self {
        let mut set = BTreeSet::new();
        collect(fields, "", &mut set);
        Self(set)
    }

    /// Whether the field at `path` is in the set.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    /// The paths, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for FieldSet {
    fn from_iter<I: IntoIterator<Item = String>>(paths: I) -> Self {
        Self(paths.into_iter().collect())
    }
}

/// How an owner came by its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The manager, in the writer's own word; it proves nothing.
    pub manager: String,
    /// How the fields were written.
    pub operation: Operation,
    /// The subresource that was written, such as `status`; empty for the object itself.
    pub subresource: String,
    /// When the entry last changed (RFC 3339, whole seconds), as the API server wrote it.
    pub time: Option<String>,
    /// What it owns.
    pub fields: FieldSet,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            #[serde(default)]
            manager: String,
            operation: Operation,
            #[serde(default)]
            subresource: String,
            time: Option<String>,
            #[serde(default)]
            fields_v1: Value,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            manager: wire.manager,
            operation: wire.operation,
            subresource: wire.subresource,
            time: wire.time,
            fields: FieldSet::from_v1(&wire.fields_v1),
        })
    }
}

/// Adds the paths below `node`. A node without members is a field itself, and so is one that holds
/// the member `.`.
fn collect(node: &Value, path: &str, set: &mut BTreeSet<String>) {
    let Some(members) = node.as_object() else {
        return;
    };
    if members.is_empty() && !path.is_empty() {
        set.insert(path.to_owned());
    }
    for (member, below) in members {
        if member == "." {
            set.insert(path.to_owned());
        } else if let Some(step) = step(member) {
            collect(below, &format!("{path}{step}"), set);
        }
    }
}

/// One member of `FieldsV1` as the path element that the API server would print for it.
pub(crate) fn step(member: &str) -> Option<String> {
    let (kind, rest) = member.split_once(':')?;
    match kind {
        "f" => Some(format!(".{rest}")),
        "i" => Some(format!("[{rest}]")),
        "v" => Some(format!("[={}]", scalar(&serde_json::from_str(rest).ok()?))),
        "k" => {
            let key: Value = serde_json::from_str(rest).ok()?;
            let parts: Vec<_> = key
                .as_object()?
                .iter()
                .map(|(name, value)| format!("{name}={}", scalar(value)))
                .collect();
            Some(format!("[{}]", parts.join(",")))
        }
        _ => None,
    }
}

/// A list key's value as Go's `%q` and `%v` print it.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() && (c as u32) < 0x80 => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\x{:02x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(fields: &Value) -> Vec<String> {
        FieldSet::from_v1(fields)
            .iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_secret_owns_its_data_keys() {
        let fields = json!({
            "f:data": {"f:password": {}, "f:tls.crt": {}},
            "f:metadata": {"f:labels": {"f:lockstep.dev/sync": {}}},
            "f:type": {}
        });
        assert_eq!(
            paths(&fields),
            [
                ".data.password",
                ".data.tls.crt",
                ".metadata.labels.lockstep.dev/sync",
                ".type"
            ]
        );
    }

    #[test]
    fn list_items_are_named_as_in_conflicts() {
        let fields = json!({"f:spec": {"f:ports": {
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}},
        }, "f:finalizers": {"v:\"a\\\"b\"": {}}, "f:args": {"i:0": {}}}});
        assert_eq!(
            paths(&fields),
            [
                ".spec.args[0]",
                ".spec.finalizers[=\"a\\\"b\"]",
                ".spec.ports[port=80,protocol=\"TCP\"]",
                ".spec.ports[port=80,protocol=\"TCP\"].name",
            ]
        );
    }

    #[test]
    fn a_dot_owns_the_parent_itself() {
        assert_eq!(
            paths(&json!({"f:data": {".": {}, "f:a": {}}})),
            [".data", ".data.a"]
        );
    }

    #[test]
    fn nothing_and_nonsense_own_nothing() {
        for fields in [
            json!({}),
            Value::Null,
            json!({"x:a": {}, "k:{": {}, "plain": {}}),
        ] {
            assert!(FieldSet::from_v1(&fields).is_empty(), "{fields}");
        }
    }

    #[test]
    fn an_entry_is_read_as_the_api_server_writes_it() {
        let entry: Entry = serde_json::from_value(json!({
            "manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1",
            "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}}
        }))
        .unwrap();
        assert_eq!(entry.manager, "kubectl-edit");
        assert_eq!(entry.operation, Operation::Update);
        assert_eq!(entry.subresource, "");
        assert_eq!(entry.time.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert!(entry.fields.contains(".data.a"));
    }
}
