//! Streams of files that are not YAML: another reader finds the nodes, and all that works on nodes
//! and spans works on them alike.

use crate::error::YamlErrorKind;
use crate::node::{Node, NodeId};
use crate::stream::{Comment, Document, MAX_NODES, Stream};

/// A stream that is being put together from nodes.
#[derive(Debug)]
pub struct Assembly {
    stream: Stream,
}

impl Assembly {
    /// Starts without any node.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stream: Stream {
                documents: Vec::new(),
                nodes: Vec::new(),
                comments: Vec::new(),
            },
        }
    }

    /// Adds a node. What it contains was added before.
    ///
    /// # Errors
    /// [`YamlErrorKind::TooManyNodes`].
    pub fn add(&mut self, node: Node) -> Result<NodeId, YamlErrorKind> {
        if self.stream.nodes.len() == MAX_NODES {
            return Err(YamlErrorKind::TooManyNodes(MAX_NODES));
        }
        self.stream.nodes.push(node);
        Ok(NodeId(self.stream.nodes.len() - 1))
    }

    /// Adds a comment behind those that were added before.
    pub fn comment(&mut self, comment: Comment) {
        self.stream.comments.push(comment);
    }

    /// The stream of one document.
    #[must_use]
    pub fn finish(mut self, document: Document) -> Stream {
        self.stream.documents.push(document);
        self.stream
    }
}

impl Default for Assembly {
    fn default() -> Self {
        Self::new()
    }
}
