//! From the document's tree to JSON: keys become text, `<<` is merged.

use crate::error::{RenderError, RenderErrorKind};
use crate::json::{Json, Members, Node, Origin};
use crate::scalar;
use lockstep_sops::{ClearScalar, Key, KeyPath, Place, ScalarStyle, Step, Value, ValueKind};
use std::collections::BTreeMap;

/// Where a walk through a document stands, for messages.
pub(crate) struct Walk {
    pub(crate) document: usize,
    pub(crate) steps: Vec<Step>,
}

impl Walk {
    pub(crate) fn error(&self, line: usize, kind: RenderErrorKind) -> RenderError {
        let path = KeyPath(self.steps.clone());
        RenderError {
            place: Place {
                document: self.document,
                line,
                path,
            },
            kind,
        }
    }

    /// The error of something further down than the walk.
    pub(crate) fn error_at(
        &self,
        below: &[&str],
        line: usize,
        kind: RenderErrorKind,
    ) -> RenderError {
        let mut error = self.error(line, kind);
        error
            .place
            .path
            .0
            .extend(below.iter().map(|key| Step::Key((*key).to_owned())));
        error
    }

    pub(crate) fn within<T>(&mut self, step: Step, work: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let done = work(self);
        self.steps.pop();
        done
    }
}

/// Types `value` and everything below.
pub(crate) fn node<'a>(value: &'a Value, walk: &mut Walk) -> Result<Node<'a>, RenderError> {
    let json = match &value.kind {
        ValueKind::Mapping(entries) => Json::Object(members(entries, walk)?),
        ValueKind::Sequence(values) => {
            let typed = |(index, value)| walk.within(Step::Index(index), |walk| node(value, walk));
            Json::List(
                values
                    .iter()
                    .enumerate()
                    .map(typed)
                    .collect::<Result<_, _>>()?,
            )
        }
        ValueKind::Clear(scalar) => {
            scalar::clear(scalar).map_err(|kind| walk.error(value.line, kind))?
        }
        ValueKind::Opened(scalar) => {
            scalar::opened(scalar).map_err(|kind| walk.error(value.line, kind))?
        }
    };
    let origin = match &value.kind {
        ValueKind::Opened(_) => Origin::Encrypted,
        ValueKind::Mapping(_) | ValueKind::Sequence(_) | ValueKind::Clear(_) => Origin::Clear,
    };
    Ok(Node {
        line: value.line,
        origin,
        json,
    })
}

fn members<'a>(entries: &'a [(Key, Value)], walk: &mut Walk) -> Result<Members<'a>, RenderError> {
    let mut own = BTreeMap::new();
    let mut merged = BTreeMap::new();
    for (key, value) in entries {
        let step = Step::Key(key.text.clone());
        if is_merge(key) {
            merged = walk.within(step, |walk| merge(value, walk))?;
            if merged.keys().any(|key| own.contains_key(key)) {
                return Err(walk.error(key.line, RenderErrorKind::MergeOrder));
            }
            continue;
        }
        let name = name(key).map_err(|kind| walk.error(key.line, kind))?;
        let node = walk.within(step, |walk| node(value, walk))?;
        own.insert(name, node);
    }
    for (key, node) in merged {
        own.entry(key).or_insert(node);
    }
    Ok(own)
}

fn is_merge(key: &Key) -> bool {
    let tag = key.tag.as_deref();
    key.text == "<<"
        && (tag == Some("tag:yaml.org,2002:merge")
            || tag.is_none() && key.style == ScalarStyle::Plain)
}

/// The members `<<` brings in; of a list, earlier mappings win.
fn merge<'a>(value: &'a Value, walk: &mut Walk) -> Result<Members<'a>, RenderError> {
    match &value.kind {
        ValueKind::Mapping(entries) => members(entries, walk),
        ValueKind::Sequence(values) => {
            let mut merged = BTreeMap::new();
            for value in values {
                let ValueKind::Mapping(entries) = &value.kind else {
                    return Err(walk.error(value.line, RenderErrorKind::Merge));
                };
                for (key, node) in members(entries, walk)? {
                    merged.entry(key).or_insert(node);
                }
            }
            Ok(merged)
        }
        _ => Err(walk.error(value.line, RenderErrorKind::Merge)),
    }
}

/// A key as JSON has it: as it is written.
///
/// kubectl makes `true` of a plain `on` and `16` of `0x10`, where SOPS and other tools keep the text.
/// What they do not agree on is refused.
fn name(key: &Key) -> Result<String, RenderErrorKind> {
    let scalar = ClearScalar {
        text: key.text.clone(),
        style: key.style,
        tag: key.tag.clone(),
    };
    let agreed = match scalar::clear(&scalar)? {
        Json::Text(text) => text.expose() == key.text,
        Json::Bool(value) => value.to_string() == key.text,
        Json::Number(number) => *number == key.text,
        _ => false,
    };
    if agreed {
        Ok(key.text.clone())
    } else {
        Err(RenderErrorKind::KeyNotText)
    }
}
