//! The tree of a file without its values: what every node is, and where it hangs.

use super::{PathId, PathStep, Survey};
use crate::resolve;
use lockstep_yaml::{Node, NodeKind, ScalarStyle};

/// What stands at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar,
    Mapping,
    Sequence,
}

/// Whether all readers of YAML take a key for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// It is this text to everybody.
    Text,
    /// It is written plain, and means something else to some: `on`, `<<`.
    Word,
}

impl KeyForm {
    pub(super) fn of(key: &Node) -> Self {
        let NodeKind::Scalar(scalar) = &key.kind else {
            return Self::Text;
        };
        let text = scalar.text.as_str();
        match key.tag.as_deref() {
            Some("tag:yaml.org,2002:merge") => Self::Word,
            None if scalar.style == ScalarStyle::Plain
                && (text == "<<" || !resolve::is_safe_plain(text)) =>
            {
                Self::Word
            }
            _ => Self::Text,
        }
    }
}

/// A node of the tree.
pub(crate) enum Outlined<'a> {
    /// The top of a document.
    Root(Shape),
    /// The value of a key of node number `parent`.
    Entry(usize, &'a str, KeyForm, Shape),
    /// An element of the list that is node number `parent`.
    Element(usize, Shape),
}

impl Survey {
    /// Every node of every document, parents before children, in document order.
    pub(crate) fn outline(&self) -> impl Iterator<Item = Outlined<'_>> {
        self.paths
            .iter()
            .map(|entry| match (&entry.step, entry.parent) {
                (Some(PathStep::Key(key, form)), Some(parent)) => {
                    Outlined::Entry(parent.0, key, *form, entry.shape)
                }
                (Some(PathStep::Index(_)), Some(parent)) => {
                    Outlined::Element(parent.0, entry.shape)
                }
                _ => Outlined::Root(entry.shape),
            })
    }

    /// The number of a leaf's node in the outline.
    pub(crate) fn number(path: PathId) -> usize {
        path.0
    }
}
