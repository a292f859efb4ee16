//! What every object has: which one it is, and metadata that belongs to the API server.

use crate::error::{RenderError, RenderErrorKind};
use crate::json::{Json, Members, Node, Origin};
use crate::tree::Walk;
use lockstep_names::{NamespaceName, ObjectKey};
use std::collections::BTreeMap;

/// A copy of the whole manifest that kubectl keeps, Secrets included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields of `metadata` that the API server writes; they come along when an object is copied out of
/// a cluster.
const SERVER_OWNED: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Reads which object this is, and leaves it as it is to be applied: without the namespace, which its
/// address says, and without what only the API server may write.
pub(crate) fn prepare(
    line: usize,
    object: &mut Members<'_>,
    labels: &BTreeMap<String, String>,
    walk: &Walk,
) -> Result<ObjectKey, RenderError> {
    let (group, version) = api_version(line, object, walk)?;
    let kind = text(line, object, &["kind"], walk)?;
    check(&kind, is_kind).map_err(|line| bad_name(walk, &["kind"], line, "kind"))?;
    let kind = kind.1.to_owned();
    object.remove("status");
    let Some(metadata) = object.get_mut("metadata") else {
        return Err(walk.error(line, RenderErrorKind::Missing("metadata")));
    };
    let line = metadata.line;
    let Json::Object(metadata) = &mut metadata.json else {
        let kind = RenderErrorKind::NotA("a mapping");
        return Err(walk.error_at(&["metadata"], line, kind));
    };
    if let Some(node) = metadata.get("generateName") {
        let path = ["metadata", "generateName"];
        return Err(walk.error_at(&path, node.line, RenderErrorKind::GenerateName));
    }
    let name = text(line, metadata, &["metadata", "name"], walk)?;
    check(&name, is_name).map_err(|line| bad_name(walk, &["metadata", "name"], line, "name"))?;
    let name = name.1.to_owned();
    let namespace = namespace(line, metadata, walk)?;
    for field in SERVER_OWNED {
        metadata.remove(field);
    }
    drop_last_applied(metadata);
    set_labels(line, metadata, labels, walk)?;
    Ok(ObjectKey {
        group,
        version,
        kind,
        namespace,
        name,
    })
}

/// Reads `apiVersion` as group and version.
pub(crate) fn api_version(
    line: usize,
    object: &Members<'_>,
    walk: &Walk,
) -> Result<(String, String), RenderError> {
    let found = text(line, object, &["apiVersion"], walk)?;
    let (group, version) = found.1.split_once('/').unwrap_or(("", found.1));
    let whole = found.1.is_empty() || found.1.starts_with('/');
    if whole || !is_version(version) || !group.is_empty() && !is_group(group) {
        return Err(bad_name(walk, &["apiVersion"], found.0, "apiVersion"));
    }
    Ok((group.to_owned(), version.to_owned()))
}

fn namespace(
    line: usize,
    metadata: &Members<'_>,
    walk: &Walk,
) -> Result<Option<String>, RenderError> {
    let path = ["metadata", "namespace"];
    match metadata.get("namespace").map(|node| &node.json) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Text(text)) if text.expose().is_empty() => return Ok(None),
        Some(_) => {}
    }
    let (line, namespace) = text(line, metadata, &path, walk)?;
    match namespace.parse::<NamespaceName>() {
        Ok(namespace) => Ok(Some(namespace.to_string())),
        Err(_) => Err(bad_name(walk, &path, line, "namespace")),
    }
}

fn drop_last_applied(metadata: &mut Members<'_>) {
    if let Some(Node {
        json: Json::Object(annotations),
        ..
    }) = metadata.get_mut("annotations")
    {
        annotations.remove(LAST_APPLIED);
    }
}

/// Adds our labels; they win, so that no manifest can claim to be another's.
fn set_labels(
    line: usize,
    metadata: &mut Members<'_>,
    labels: &BTreeMap<String, String>,
    walk: &Walk,
) -> Result<(), RenderError> {
    let empty = || Node {
        line,
        origin: Origin::Clear,
        json: Json::Object(BTreeMap::new()),
    };
    let node = metadata.entry("labels".to_owned()).or_insert_with(empty);
    if matches!(node.json, Json::Null) {
        *node = empty();
    }
    let line = node.line;
    let Json::Object(found) = &mut node.json else {
        let kind = RenderErrorKind::NotA("a mapping");
        return Err(walk.error_at(&["metadata", "labels"], line, kind));
    };
    for (name, value) in labels {
        found.insert(
            name.clone(),
            Node {
                line,
                origin: Origin::Clear,
                json: Json::owned(value.clone()),
            },
        );
    }
    Ok(())
}

/// The text at the last step of `path`, with its line.
fn text<'m>(
    line: usize,
    object: &'m Members<'_>,
    path: &[&'static str],
    walk: &Walk,
) -> Result<(usize, &'m str), RenderError> {
    let name = path.last().copied().unwrap_or_default();
    match object.get(name) {
        None
        | Some(Node {
            json: Json::Null, ..
        }) => {
            let parents = &path[..path.len().saturating_sub(1)];
            Err(walk.error_at(parents, line, RenderErrorKind::Missing(name)))
        }
        Some(Node {
            line,
            json: Json::Text(text),
            ..
        }) => Ok((*line, text.expose())),
        Some(node) => Err(walk.error_at(path, node.line, RenderErrorKind::NotA("text"))),
    }
}

fn check((line, text): &(usize, &str), fits: fn(&str) -> bool) -> Result<(), usize> {
    if fits(text) { Ok(()) } else { Err(*line) }
}

fn bad_name(walk: &Walk, path: &[&str], line: usize, what: &'static str) -> RenderError {
    walk.error_at(path, line, RenderErrorKind::Name(what))
}

fn is_kind(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_version(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len()) && text.bytes().all(fits)
}

fn is_group(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    text.len() <= 253 && text.bytes().all(fits) && !text.starts_with('.') && !text.contains("..")
}

/// Names stand in addresses, so the API server refuses the same.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '%' | '?' | '#' | '\\');
    (1..=253).contains(&text.len()) && text.chars().all(fits) && text != "." && text != ".."
}
