//! Finds a place in a text and changes what stands there.

mod parts;

use super::NewValue;
use super::spell::{Lines, one_line};
use crate::carrier;
use crate::error::AlterError;
use crate::place::{KeyPath, Step};
use crate::restore::{self, BlockColumn};
use crate::seam::line_break_of;
use crate::tree::{OpenedKind, OpenedScalar};
use crate::typed::float_text;
use lockstep_secret::SecretString;
use lockstep_yaml::write::Context;
use lockstep_yaml::{
    CollectionStyle, Node, NodeId, NodeKind, Scalar, ScalarStyle, Splices, Stream,
};
use zeroize::Zeroizing;

/// A text that is being changed.
pub(super) struct Editor<'t> {
    text: &'t str,
    stream: &'t Stream,
    splices: Splices,
}

/// A node on the way to a place, and what holds it.
#[derive(Clone, Copy)]
struct At {
    id: NodeId,
    holder: Holder,
}

#[derive(Clone, Copy)]
enum Holder {
    /// It is the top of the document.
    Top,
    /// It is the value of this key.
    Key(NodeId),
    /// It is an element of a list.
    List,
}

impl<'t> Editor<'t> {
    pub(super) fn new(text: &'t str, stream: &'t Stream) -> Self {
        Self {
            text,
            stream,
            splices: Splices::default(),
        }
    }

    /// Positions behind the end of a list in `path` become those that the elements get.
    pub(super) fn set(mut self, path: &mut KeyPath, value: NewValue) -> Result<String, AlterError> {
        let way = self.walk(path)?;
        let at = *way
            .last()
            .expect("this holds because the top is always there");
        let missing = way.len() - 1;
        if missing == path.0.len() {
            self.replace(at, value).ok_or_else(|| shape(path))?;
            return Ok(self.apply());
        }
        let next = missing + 1;
        for step in &mut path.0[next..] {
            if let Step::Index(position) = step {
                *position = 0;
            }
        }
        let inner = wrapped(&path.0[next..], value);
        let done = match &self.stream.node(at.id).kind {
            NodeKind::Mapping(style, entries) if !entries.is_empty() => {
                let Step::Key(key) = &path.0[missing] else {
                    return Err(AlterError::WrongStep(path.clone()));
                };
                let last = *entries.last().expect("this holds because there are some");
                self.add_entry(*style, last, key, &inner)
            }
            NodeKind::Sequence(style, items) if !items.is_empty() => {
                let last = *items.last().expect("this holds because there are some");
                path.0[missing] = Step::Index(items.len());
                self.add_item(*style, last, &inner)
            }
            _ => {
                if let Step::Index(position) = &mut path.0[missing] {
                    *position = 0;
                }
                let whole = wrapped(&path.0[missing..next], inner);
                self.replace(at, whole)
            }
        };
        done.ok_or_else(|| shape(path))?;
        Ok(self.apply())
    }

    pub(super) fn unset(mut self, path: &KeyPath) -> Result<String, AlterError> {
        let way = self.walk(path)?;
        if way.len() != path.0.len() + 1 {
            return Err(AlterError::NotThere(path.clone()));
        }
        let (container, at) = (way[way.len() - 2], way[way.len() - 1]);
        let done = match &self.stream.node(container.id).kind {
            NodeKind::Mapping(_, entries) if entries.len() == 1 => {
                self.replace(container, NewValue::Map(Vec::new()))
            }
            NodeKind::Sequence(_, items) if items.len() == 1 => {
                self.replace(container, NewValue::List(Vec::new()))
            }
            NodeKind::Mapping(style, entries) => {
                let parts: Vec<_> = entries.iter().map(|(key, value)| (*key, *value)).collect();
                self.remove(*style, &parts, at.id)
            }
            NodeKind::Sequence(style, items) => {
                let parts: Vec<_> = items.iter().map(|item| (*item, *item)).collect();
                self.remove(*style, &parts, at.id)
            }
            _ => None,
        };
        done.ok_or_else(|| shape(path))?;
        Ok(self.apply())
    }

    fn apply(self) -> String {
        std::mem::take(&mut *self.splices.apply(self.text))
    }

    /// The nodes from the top along `path`, as far as they are there.
    fn walk(&self, path: &KeyPath) -> Result<Vec<At>, AlterError> {
        let documents = self.stream.documents();
        let mut at = At {
            id: documents.first().ok_or(AlterError::NoDocument)?.root,
            holder: Holder::Top,
        };
        let mut way = vec![at];
        for (depth, step) in path.0.iter().enumerate() {
            let here = || KeyPath(path.0[..depth].to_vec());
            at = match (&self.stream.node(at.id).kind, step) {
                (NodeKind::Alias(_), _) => return Err(AlterError::Alias(here())),
                (NodeKind::Mapping(_, entries), Step::Key(key)) => {
                    let named = |(one, _): &&(NodeId, NodeId)| self.is_named(*one, key);
                    let Some((key, id)) = entries.iter().find(named).copied() else {
                        break;
                    };
                    let holder = Holder::Key(key);
                    At { id, holder }
                }
                (NodeKind::Sequence(_, items), Step::Index(position)) => {
                    let Some(&id) = items.get(*position) else {
                        break;
                    };
                    let holder = Holder::List;
                    At { id, holder }
                }
                // An empty collection is as good as none.
                (NodeKind::Mapping(_, entries), Step::Index(_)) if entries.is_empty() => break,
                (NodeKind::Sequence(_, items), Step::Key(_)) if items.is_empty() => break,
                (NodeKind::Mapping(..) | NodeKind::Sequence(..), _) => {
                    return Err(AlterError::WrongStep(KeyPath(path.0[..=depth].to_vec())));
                }
                (NodeKind::Scalar(scalar), _) if is_null(scalar) => break,
                (NodeKind::Scalar(_), _) => return Err(AlterError::NoCollection(here())),
            };
            way.push(at);
        }
        Ok(way)
    }

    fn is_named(&self, key: NodeId, name: &str) -> bool {
        matches!(&self.stream.node(key).kind, NodeKind::Scalar(scalar) if scalar.text.as_str() == name)
    }

    fn lines(&self) -> Lines<'t> {
        Lines {
            step: self.step(),
            line_break: line_break_of(self.text),
        }
    }

    /// How far right of its key the text puts a mapping; four columns, as sops does, if it has none.
    fn step(&self) -> usize {
        let Some(document) = self.stream.documents().first() else {
            return 4;
        };
        let NodeKind::Mapping(CollectionStyle::Block, entries) =
            &self.stream.node(document.root).kind
        else {
            return 4;
        };
        let inner = entries.iter().find_map(|(key, value)| {
            let NodeKind::Mapping(CollectionStyle::Block, inner) = &self.stream.node(*value).kind
            else {
                return None;
            };
            let column = self.stream.node(inner.first()?.0).block_indent;
            column.checked_sub(self.stream.node(*key).block_indent)
        });
        inner.filter(|step| (1..=8).contains(step)).unwrap_or(4)
    }

    /// Puts a value where another stands; `None` where that cannot be done.
    fn replace(&mut self, at: At, value: NewValue) -> Option<()> {
        let node = self.stream.node(at.id);
        let value = match &node.kind {
            NodeKind::Scalar(scalar) if !node.span.is_empty() && at.is_held() => {
                match self.replace_scalar(node, scalar, value) {
                    None => return Some(()),
                    Some(value) => value,
                }
            }
            _ => value,
        };
        match at.holder {
            Holder::Top => self.replace_top(node, &value),
            Holder::Key(key) => self.replace_value(self.stream.node(key), node, &value),
            Holder::List if node.span.is_empty() => None,
            Holder::List if node.in_flow => {
                self.splices
                    .replace(node.start..node.span.end, one_line(&value, Context::Flow));
                Some(())
            }
            Holder::List => {
                let dash = self.dash(node)?;
                let written = self.lines().after_dash(&value, node.block_indent);
                self.splices
                    .replace(dash + 1..self.content_end(node), written);
                Some(())
            }
        }
    }

    /// Puts a scalar in the place of one, in its style; gives back what is no scalar.
    fn replace_scalar(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        value: NewValue,
    ) -> Option<NewValue> {
        let (kind, text) = match value {
            NewValue::Text(text) => (OpenedKind::Str, text),
            NewValue::Bool(value) => (OpenedKind::Bool, SecretString::new(value.to_string())),
            NewValue::Int(value) => (OpenedKind::Int, SecretString::new(value.to_string())),
            NewValue::Float(value) => (OpenedKind::Float, SecretString::new(float_text(value))),
            other => return Some(other),
        };
        carrier::drop_tag(&mut self.splices, self.text, node);
        if node.in_flow && scalar.style == ScalarStyle::Plain && kind == OpenedKind::Str {
            let written = restore::unquoted(text.expose(), Context::Flow);
            self.splices.replace(node.span.clone(), written);
            return None;
        }
        let opened = OpenedScalar { kind, text };
        restore::put(
            &mut self.splices,
            self.text,
            node,
            scalar,
            &opened,
            BlockColumn::NextOfFour,
        );
        None
    }

    fn replace_top(&mut self, root: &Node, value: &NewValue) -> Option<()> {
        let lines = self.lines();
        let written = match value {
            NewValue::Map(entries) if !entries.is_empty() => lines.top(entries),
            NewValue::Map(_) => Zeroizing::new("{}".to_owned()),
            _ => return None,
        };
        if root.span.is_empty() {
            let end = self.stream.documents().first()?.span.end;
            let before = if end > 0 && !self.text[..end].ends_with('\n') {
                lines.line_break
            } else {
                ""
            };
            let line = format!("{before}{}{}", *written, lines.line_break);
            self.splices.replace(end..end, line);
        } else {
            self.splices
                .replace(root.start..self.content_end(root), written);
        }
        Some(())
    }

    /// Puts another value behind a key.
    fn replace_value(&mut self, key: &Node, node: &Node, value: &NewValue) -> Option<()> {
        let behind = &self.text[key.span.end..];
        let blanks = behind.len() - behind.trim_start_matches(' ').len();
        let colon = behind[blanks..].starts_with(':');
        let from = key.span.end + blanks + usize::from(colon);
        if key.in_flow {
            let written = one_line(value, Context::Flow);
            if !node.span.is_empty() {
                self.splices.replace(node.start..node.span.end, written);
            } else {
                let colon = if colon { "" } else { ":" };
                let written = format!("{colon} {}", *written);
                self.splices.replace(from..from, written);
            }
            return Some(());
        }
        if !colon {
            return None;
        }
        let written = self.lines().after_key(value, key.block_indent);
        let to = if node.span.is_empty() {
            from
        } else {
            self.content_end(node)
        };
        self.splices.replace(from..to, written);
        Some(())
    }
}

impl At {
    fn is_held(self) -> bool {
        !matches!(self.holder, Holder::Top)
    }
}

fn is_null(scalar: &Scalar) -> bool {
    scalar.style == ScalarStyle::Plain
        && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
}

fn shape(path: &KeyPath) -> AlterError {
    AlterError::Shape(path.clone())
}

/// A value in the mappings and lists that the steps to it stand for.
fn wrapped(steps: &[Step], value: NewValue) -> NewValue {
    steps.iter().rev().fold(value, |value, step| match step {
        Step::Key(key) => NewValue::Map(vec![(key.clone(), value)]),
        Step::Index(_) => NewValue::List(vec![value]),
    })
}
