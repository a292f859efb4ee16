//! Who can open a file, in the form that is sealed: every key entry with all its fields.
//!
//! Entries hold names and wrapped keys. Both are sealed: a name that is added by hand would be wrapped
//! for at the next rotation by sops, and a wrapped key that is broken locks a colleague out.

use super::{Block, OTHER_KINDS};
use crate::error::MetadataError;
use lockstep_yaml::{NodeId, NodeKind};
use std::collections::BTreeMap;

/// What aliases may stand for in the metadata, in nodes, and how deep.
const MOST_NODES: usize = 100_000;
const DEEPEST: usize = 32;

/// Writes all key entries one behind the other, framed by kind and length. Fields are sorted by name,
/// blanks around texts do not count, and what is absent, empty or null is left out.
pub(super) fn of(block: &Block<'_>) -> Result<Vec<u8>, MetadataError> {
    let mut keys = Keys {
        block,
        bytes: Vec::new(),
        left: MOST_NODES,
    };
    for name in ["age", "key_groups", "shamir_threshold"]
        .into_iter()
        .chain(OTHER_KINDS)
    {
        let Some(id) = block.field_id(name).filter(|id| !keys.is_absent(*id)) else {
            continue;
        };
        keys.text(name);
        keys.node(id, 0)
            .ok_or_else(|| block.wrong(name, "short enough to be read"))?;
    }
    Ok(keys.bytes)
}

struct Keys<'a> {
    block: &'a Block<'a>,
    bytes: Vec<u8>,
    left: usize,
}

impl Keys<'_> {
    /// Null and an empty list say as much as nothing: releases of sops differ in what they write.
    fn is_absent(&self, id: NodeId) -> bool {
        let empty = matches!(&self.block.stream.node(id).kind,
            NodeKind::Sequence(_, items) if items.is_empty());
        empty || self.block.is_null(id)
    }

    /// Nothing when there is too much of it.
    fn node(&mut self, id: NodeId, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1).filter(|_| depth < DEEPEST)?;
        let stream = self.block.stream;
        match &stream.node(self.block.resolve(id)).kind {
            NodeKind::Scalar(scalar) => {
                self.bytes.push(b's');
                self.text(scalar.text.trim());
            }
            NodeKind::Sequence(_, items) => {
                self.bytes.push(b'l');
                self.number(items.len());
                for item in items {
                    self.node(*item, depth + 1)?;
                }
            }
            NodeKind::Mapping(_, entries) => {
                let mut sorted = BTreeMap::new();
                for (key, value) in entries {
                    if let NodeKind::Scalar(key) = &stream.node(*key).kind
                        && !self.is_absent(self.block.resolve(*value))
                    {
                        sorted.insert(key.text.to_ascii_lowercase(), *value);
                    }
                }
                self.bytes.push(b'm');
                self.number(sorted.len());
                for (key, value) in sorted {
                    self.text(&key);
                    self.node(value, depth + 1)?;
                }
            }
            NodeKind::Alias(_) => return None,
        }
        Some(())
    }

    fn number(&mut self, number: usize) {
        self.bytes.extend((number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend(text.as_bytes());
    }
}
