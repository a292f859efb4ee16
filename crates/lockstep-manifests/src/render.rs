//! One file: its documents to manifests.

use crate::error::{RenderError, RenderErrorKind};
use crate::json::{Json, Members, Node};
use crate::manifest::Manifest;
use crate::tree::{self, Walk};
use crate::{findings, object, secret};
use lockstep_names::RepoPath;
use lockstep_sops::{Document, Opened, ScalarStyle, Step, Value, ValueKind};
use std::collections::BTreeMap;

/// Renders every object of an opened file, in the file's order, with `labels` added to each.
///
/// Empty documents are passed over. `List`s, and other kinds that end in `List` and have `items`, are
/// replaced by their items.
///
/// # Errors
/// [`RenderError`], one for each document that gives no object. A file is rendered whole or not at
/// all, because its author meant it as one.
pub fn render(
    path: &RepoPath,
    document: &Document<Opened>,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<Manifest>, Vec<RenderError>> {
    let mut file = File {
        path,
        labels,
        manifests: Vec::new(),
    };
    let mut errors = Vec::new();
    for (index, tree) in document.trees().iter().enumerate() {
        if !is_empty(&tree.root) {
            let mut walk = Walk {
                document: index + 1,
                steps: Vec::new(),
            };
            let added =
                tree::node(&tree.root, &mut walk).and_then(|node| file.add(node, &mut walk));
            errors.extend(added.err());
        }
    }
    if errors.is_empty() {
        Ok(file.manifests)
    } else {
        Err(errors)
    }
}

struct File<'f> {
    path: &'f RepoPath,
    labels: &'f BTreeMap<String, String>,
    manifests: Vec<Manifest>,
}

impl File<'_> {
    fn add(&mut self, node: Node<'_>, walk: &mut Walk) -> Result<(), RenderError> {
        let line = node.line;
        let Json::Object(mut object) = node.json else {
            return Err(walk.error(line, RenderErrorKind::NotA("a mapping")));
        };
        if is_list(&object) {
            return self.add_items(&mut object, walk);
        }
        let (group, _) = object::api_version(line, &object, walk)?;
        if group == "kustomize.config.k8s.io" {
            return Err(walk.error(line, RenderErrorKind::Kustomize));
        }
        let findings = findings::of(&object, walk);
        let key = object::prepare(line, &mut object, self.labels, walk)?;
        if key.group.is_empty() && key.kind == "Secret" {
            secret::normalize(&mut object, walk)?;
        }
        let body = Json::Object(object).to_bytes();
        self.manifests.push(Manifest {
            key,
            body,
            findings,
            source: self.path.clone(),
            line,
        });
        Ok(())
    }

    fn add_items(&mut self, list: &mut Members<'_>, walk: &mut Walk) -> Result<(), RenderError> {
        let Some(Node {
            json: Json::List(items),
            ..
        }) = list.remove("items")
        else {
            return Ok(());
        };
        walk.within(Step::Key("items".to_owned()), |walk| {
            for (index, item) in items.into_iter().enumerate() {
                walk.within(Step::Index(index), |walk| self.add(item, walk))?;
            }
            Ok(())
        })
    }
}

fn is_list(object: &Members<'_>) -> bool {
    let kind = object.get("kind").map(|node| &node.json);
    let items = object.get("items").map(|node| &node.json);
    matches!(kind, Some(Json::Text(kind)) if kind.expose().ends_with("List"))
        && matches!(items, Some(Json::List(_)))
}

fn is_empty(root: &Value) -> bool {
    match &root.kind {
        ValueKind::Clear(scalar) => {
            scalar.text.is_empty() && scalar.style == ScalarStyle::Plain && scalar.tag.is_none()
        }
        _ => false,
    }
}
