//! From the document's tree to JSON: keys become text, `<<` is merged.

use crate::error::{RenderError, RenderErrorKind};
use crate::json::{Json, Members, Node};
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
    Ok(Node {
        line: value.line,
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
        if own.insert(name, node).is_some() {
            return Err(walk.error(key.line, RenderErrorKind::DuplicateKey));
        }
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

/// A key as JSON has it: text, or the spelling of a bool or whole number.
///
/// kubectl also spells out floats, rounded to 32 bits; nobody means that, so they are refused.
fn name(key: &Key) -> Result<String, RenderErrorKind> {
    let scalar = ClearScalar {
        text: key.text.clone(),
        style: key.style,
        tag: key.tag.clone(),
    };
    match scalar::clear(&scalar)? {
        Json::Text(text) => Ok(text.expose().to_owned()),
        Json::Bool(value) => Ok(value.to_string()),
        Json::Number(number) if scalar::is_int(&key.text) && number.parse::<i64>().is_ok() => {
            Ok(number.to_string())
        }
        _ => Err(RenderErrorKind::KeyNotText),
    }
}
