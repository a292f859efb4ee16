//! Builds the trees that are rendered from the nodes and the decrypted values.

use crate::survey::METADATA_KEY;
use crate::tree::{ClearScalar, Key, OpenedScalar, Tree, Value, ValueKind};
use lockstep_yaml::{Document, NodeId, NodeKind, Scalar, Stream};

/// What opening made of one leaf.
pub(crate) enum Outcome {
    /// It stands in clear.
    Clear,
    /// It was decrypted.
    Value(OpenedScalar),
    /// It is a comment that SOPS keeps as a list element.
    Comment,
}

/// Builds one tree per document. `outcomes` are those of the survey's leaves, in its order; without
/// any, every leaf is clear.
pub(crate) fn build(stream: &Stream, outcomes: Vec<Outcome>) -> Vec<Tree> {
    let mut builder = Builder {
        stream,
        outcomes: outcomes.into_iter(),
    };
    stream
        .documents()
        .iter()
        .map(|document| builder.tree(document))
        .collect()
}

struct Builder<'a> {
    stream: &'a Stream,
    outcomes: std::vec::IntoIter<Outcome>,
}

impl Builder<'_> {
    fn tree(&mut self, document: &Document) -> Tree {
        let root = self.top(document.root);
        Tree {
            line: document.line,
            root,
        }
    }

    /// The top of a document, without its metadata.
    fn top(&mut self, id: NodeId) -> Value {
        let node = self.stream.node(id);
        let NodeKind::Mapping(_, entries) = &node.kind else {
            return self.value(id).unwrap_or_else(|| null(node.line));
        };
        let entries = self.entries(
            entries
                .iter()
                .filter(|(key, _)| {
                    !matches!(&self.stream.node(*key).kind,
                NodeKind::Scalar(scalar) if scalar.text.as_str() == METADATA_KEY)
                })
                .copied()
                .collect(),
        );
        Value {
            line: node.line,
            kind: ValueKind::Mapping(entries),
        }
    }

    fn value(&mut self, id: NodeId) -> Option<Value> {
        let node = self.stream.node(id);
        let kind = match &node.kind {
            NodeKind::Alias(target) => {
                let value = self.value(*target)?;
                return Some(Value {
                    line: node.line,
                    ..value
                });
            }
            NodeKind::Scalar(scalar) => match self.outcomes.next() {
                None | Some(Outcome::Clear) => ValueKind::Clear(clear(scalar, node.tag.as_deref())),
                Some(Outcome::Value(opened)) => ValueKind::Opened(opened),
                Some(Outcome::Comment) => return None,
            },
            NodeKind::Mapping(_, entries) => ValueKind::Mapping(self.entries(entries.clone())),
            NodeKind::Sequence(_, items) => {
                ValueKind::Sequence(items.iter().filter_map(|item| self.value(*item)).collect())
            }
        };
        Some(Value {
            line: node.line,
            kind,
        })
    }

    fn entries(&mut self, entries: Vec<(NodeId, NodeId)>) -> Vec<(Key, Value)> {
        let mut built = Vec::with_capacity(entries.len());
        for (key_id, value) in entries {
            let node = self.stream.node(key_id);
            let NodeKind::Scalar(scalar) = &node.kind else {
                continue;
            };
            let key = Key {
                text: scalar.text.to_string(),
                line: node.line,
                style: scalar.style,
                tag: node.tag.clone(),
            };
            let value = self.value(value).unwrap_or_else(|| null(node.line));
            built.push((key, value));
        }
        built
    }
}

fn clear(scalar: &Scalar, tag: Option<&str>) -> ClearScalar {
    ClearScalar {
        text: scalar.text.to_string(),
        style: scalar.style,
        tag: tag.map(ToOwned::to_owned),
    }
}

/// What stands where nothing is written.
fn null(line: usize) -> Value {
    let scalar = ClearScalar {
        text: String::new(),
        style: lockstep_yaml::ScalarStyle::Plain,
        tag: None,
    };
    Value {
        line,
        kind: ValueKind::Clear(scalar),
    }
}
