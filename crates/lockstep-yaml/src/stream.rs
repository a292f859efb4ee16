//! A whole YAML file: its documents, nodes and comments, in file order.

use crate::build::Builder;
use crate::error::YamlError;
use crate::node::{Node, NodeId};
use crate::raw;
use granit_parser::{Parser, options};
use std::ops::Range;

/// Collections nest at most this deep. Real manifests stay below 30; a walk over the nodes recurses.
pub(crate) const MAX_DEPTH: usize = 128;

/// At most this many nodes, at some 250 bytes each. A file of 5 MiB with short values has as many.
pub(crate) const MAX_NODES: usize = 400_000;

/// A YAML file, parsed.
#[derive(Debug)]
pub struct Stream {
    pub(crate) documents: Vec<Document>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) comments: Vec<Comment>,
}

/// One document of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The line it starts on, counted from 1: that of its `---`, or of its first content.
    pub line: usize,
    /// Its bytes: from behind its `---` to the `---` or `...` that ends it, or the end of the file.
    pub span: Range<usize>,
    /// Its top node; an empty plain scalar with an empty span when there is none.
    pub root: NodeId,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The line it stands on, counted from 1.
    pub line: usize,
    /// The column of its `#` in bytes, counted from 0.
    pub column: usize,
    /// Its bytes: from the `#` to the end of the line, without the line break.
    pub span: Range<usize>,
    /// Whether something stands before it on its line.
    pub inline: bool,
}

impl Stream {
    /// Parses `text`. Spans are offsets into exactly this text.
    ///
    /// # Errors
    /// [`YamlError`], for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        raw::check_characters(text)?;
        let options = options! {
            // A bracket that closes at its key's column is not YAML 1.2, but common, and go-yaml
            // (sops, kubectl) reads it.
            strict_indentation: false,
            // go-yaml, and so sops, refuses `%YAML 1.2`; no directive is worth a file it cannot read.
            disallow_directives: true,
            emit_anchor_events: true,
            // These two would otherwise refuse long comment blocks and JSON with long strings.
            max_buffered_comment_events: text.len(),
            simple_key_max_lookahead: text.len(),
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut builder = Builder::new(text);
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|error| YamlError::from_scan(&error, MAX_DEPTH))?;
            builder.take(event, &span)?;
        }
        Ok(builder.finish())
    }

    /// The documents, in order. A file of only comments and blanks has none.
    #[must_use]
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// A node of this stream.
    ///
    /// # Panics
    /// When `id` comes from another stream.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// All comments, in file order.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }
}
