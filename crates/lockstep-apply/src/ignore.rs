//! Fields that are left to others: which a manifest declares, and the manifest without them.
//!
//! A field is left out of an apply only while it is not ours. While it is, leaving it out would delete
//! it; whoever wants it takes it by writing it.

use crate::fields::FieldSet;
use lockstep_secret::SecretBytes;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A field that a manifest declares and that is left to others, with what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredField {
    /// Its path, such as `.spec.replicas`.
    path: String,
    /// The values in it; itself if it is one.
    leaves: Vec<Leaf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaf {
    members: Vec<String>,
    path: String,
    is_list: bool,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

impl IgnoredField {
    /// Those of `pointers` (JSON pointers) that `manifest` declares.
    #[must_use]
    pub fn of<'a>(manifest: &SecretBytes, pointers: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let mut pointers = pointers.peekable();
        if pointers.peek().is_none() {
            return Vec::new();
        }
        let Ok(whole) = serde_json::from_slice::<&RawValue>(manifest.expose()) else {
            return Vec::new();
        };
        pointers
            .filter_map(|pointer| find(whole, pointer))
            .collect()
    }

    /// Whether the field at `path` is this one or part of it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let is_in = |leaf: &Leaf| {
            let rest = path.strip_prefix(&leaf.path);
            rest.is_some_and(|rest| rest.is_empty() || leaf.is_list && rest.starts_with('['))
        };
        path == self.path || self.leaves.iter().any(is_in)
    }
}

/// The manifest without those values of `ignored` that are not among our fields; nothing if none is.
pub(crate) fn without(
    manifest: &SecretBytes,
    ignored: &[IgnoredField],
    ours: &FieldSet,
) -> Option<SecretBytes> {
    let leaves = ignored.iter().flat_map(|field| &field.leaves);
    let left: Vec<_> = leaves.filter(|leaf| !is_owned(leaf, ours)).collect();
    if left.is_empty() {
        return None;
    }
    let whole = serde_json::from_slice(manifest.expose()).ok()?;
    // As large as it can become, so that it never moves and leaves a copy behind.
    let mut bytes = Vec::with_capacity(manifest.expose().len());
    let left: Vec<_> = left.iter().map(|leaf| leaf.members.as_slice()).collect();
    write(whole, &left, &mut bytes);
    Some(SecretBytes::new(bytes))
}

/// Is the value ours, by itself or as part of a map that is owned as a whole?
fn is_owned(leaf: &Leaf, ours: &FieldSet) -> bool {
    let mut path = String::new();
    let by_prefix = leaf.members.iter().any(|member| {
        path.push('.');
        path.push_str(member);
        ours.contains(&path)
    });
    by_prefix || leaf.is_list && ours.iter().any(|field| covers_item(leaf, field))
}

fn covers_item(leaf: &Leaf, field: &str) -> bool {
    let rest = field.strip_prefix(&leaf.path);
    rest.is_some_and(|rest| rest.starts_with('['))
}

fn find(whole: &RawValue, pointer: &str) -> Option<IgnoredField> {
    let steps = pointer.strip_prefix('/')?.split('/');
    let members: Vec<_> = steps
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut value = whole;
    for member in &members {
        value = members_of(value)?.remove(member.as_str())?;
    }
    let mut leaves = Vec::new();
    collect(value, &mut members.clone(), &mut leaves);
    Some(IgnoredField {
        path: dotted(&members),
        leaves,
    })
}

fn collect(value: &RawValue, members: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    let below = members_of(value).unwrap_or_default();
    if below.is_empty() {
        leaves.push(Leaf {
            path: dotted(members),
            members: members.clone(),
            is_list: value.get().starts_with('['),
        });
    }
    for (member, value) in below {
        members.push(member);
        collect(value, members, leaves);
        members.pop();
    }
}

fn dotted(members: &[String]) -> String {
    members.iter().flat_map(|member| [".", member]).collect()
}

fn members_of(value: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// Writes `value` without what `left` names, each by its members from here on.
fn write(value: &RawValue, left: &[&[String]], out: &mut Vec<u8>) {
    let members = if left.is_empty() {
        None
    } else {
        members_of(value)
    };
    let Some(members) = members else {
        out.extend_from_slice(value.get().as_bytes());
        return;
    };
    let mut separator = b'{';
    for (member, value) in members {
        let below: Vec<_> = left
            .iter()
            .filter_map(|path| path.split_first())
            .filter_map(|(first, rest)| (*first == member).then_some(rest))
            .collect();
        if below.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        out.push(separator);
        separator = b',';
        // A string always serializes.
        out.extend_from_slice(serde_json::Value::String(member).to_string().as_bytes());
        out.push(b':');
        write(value, &below, out);
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{"data":{"tls":"A","tls.crt":"B"},"metadata":{"annotations":{"a/b":"1","c":"2"},"name":"x"},"spec":{"args":["a"],"replicas":3}}"#;

    fn body() -> SecretBytes {
        SecretBytes::new(MANIFEST.into())
    }

    fn left(pointers: &[&str], ours: &[&str]) -> Option<String> {
        let ignored = IgnoredField::of(&body(), pointers.iter().copied());
        let ours: FieldSet = ours.iter().map(|path| (*path).to_owned()).collect();
        let rest = without(&body(), &ignored, &ours)?;
        Some(String::from_utf8(rest.expose().to_vec()).unwrap())
    }

    #[test]
    fn what_is_not_ours_is_left_out_and_nothing_else() {
        let without_it = MANIFEST.replace(r#","replicas":3"#, "");
        assert_eq!(left(&["/spec/replicas"], &[]), Some(without_it));
        assert_eq!(left(&["/spec/replicas"], &[".spec.replicas"]), None);
        assert_eq!(
            left(&["/spec/other", "/spec/args/0", "nonsense"], &[]),
            None
        );
        assert_eq!(
            left(&["/spec"], &[]),
            Some(MANIFEST.replace(r#""args":["a"],"replicas":3"#, ""))
        );
        assert_eq!(
            left(&["/spec"], &[".spec.args[=\"a\"]", ".spec.replicas"]),
            None
        );
    }

    #[test]
    fn of_a_map_only_what_others_took_is_left_out() {
        assert_eq!(
            left(&["/metadata/annotations"], &[".metadata.annotations.c"]),
            Some(MANIFEST.replace(r#""a/b":"1","#, ""))
        );
        assert_eq!(
            left(&["/metadata/annotations"], &[".metadata.annotations"]),
            None,
            "a map that is owned as a whole"
        );
        assert_eq!(
            left(&["/metadata/annotations/a~1b"], &[]),
            Some(MANIFEST.replace(r#""a/b":"1","#, ""))
        );
    }

    #[test]
    fn a_key_is_not_taken_for_one_that_begins_like_it() {
        let ignored = IgnoredField::of(&body(), ["/data/tls", "/spec/args"].into_iter());
        let covers = |path: &str| ignored.iter().any(|field| field.covers(path));
        assert!(covers(".data.tls") && !covers(".data.tls.crt"));
        assert!(covers(".spec.args[=\"a\"]") && !covers(".spec.argsx"));
    }
}
