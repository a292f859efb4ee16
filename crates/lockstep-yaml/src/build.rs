//! Builds the node tree from the parser's events.

use crate::error::{YamlError, YamlErrorKind};
use crate::node::{CollectionStyle, Node, NodeId, NodeKind, Scalar, ScalarStyle};
use crate::raw;
use crate::stream::{Comment, Document, MAX_NODES, Stream};
use granit_parser::{Event, Span, StructureStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use zeroize::Zeroizing;

/// A collection that is still open.
struct Open {
    id: NodeId,
    /// The column of a block collection in bytes.
    column: Option<usize>,
    /// The key that waits for its value.
    key: Option<NodeId>,
    /// Key texts so far, with their lines.
    seen: HashMap<String, usize>,
}

/// Takes events one by one.
pub(crate) struct Builder<'t> {
    text: &'t str,
    stream: Stream,
    open: Vec<Open>,
    /// What each anchor id of the parser stands for.
    anchors: HashMap<usize, NodeId>,
    /// The end of the last token, where the search for a block scalar's header starts.
    last_end: usize,
    /// The root of the current document, once it is there.
    root: Option<NodeId>,
    document: Option<(usize, usize)>,
}

impl<'t> Builder<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let stream = Stream {
            documents: Vec::new(),
            nodes: Vec::new(),
            comments: Vec::new(),
        };
        Self {
            text,
            stream,
            open: Vec::new(),
            anchors: HashMap::new(),
            last_end: 0,
            root: None,
            document: None,
        }
    }

    pub(crate) fn finish(mut self) -> Stream {
        // Comments between a block scalar's header and its text are reported behind it.
        self.stream
            .comments
            .sort_by_key(|comment| comment.span.start);
        self.stream
    }

    pub(crate) fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), YamlError> {
        let range = span
            .byte_range()
            .expect("this holds because the input is one string");
        match event {
            Event::DocumentStart(explicit, _) => self.start_document(explicit, span, range),
            Event::DocumentEnd => self.end_document(range),
            Event::Comment(..) => self.comment(span, range),
            Event::Anchor(id, name) => self.anchor(id, &name, span, range)?,
            Event::Alias(id) => self.alias(id, span, range)?,
            Event::UnresolvedAlias(_) => {
                return Err(at(span, YamlErrorKind::Syntax("unknown anchor".to_owned())));
            }
            Event::Scalar(text, style, _, tag) => self.scalar(text, style, tag, span, range)?,
            Event::SequenceStart(style, _, tag) => {
                let kind = NodeKind::Sequence(collection_style(style), Vec::new());
                self.start_collection(kind, tag, span, range)?;
            }
            Event::MappingStart(style, _, tag) => {
                let kind = NodeKind::Mapping(collection_style(style), Vec::new());
                self.start_collection(kind, tag, span, range)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end_collection(range),
            // The ends of the stream, and events that later parsers may add beside the nodes.
            _ => {}
        }
        Ok(())
    }

    fn start_document(&mut self, explicit: bool, span: &Span, range: Range<usize>) {
        if explicit {
            // The document before this one ends where this one's marker stands.
            if let Some(last) = self.stream.documents.last_mut()
                && last.span.end == self.text.len()
            {
                last.span.end = range.start;
            }
        }
        self.document = Some((span.start.line(), range.end));
        self.last_end = range.end;
        self.root = None;
        self.anchors.clear();
    }

    fn end_document(&mut self, range: Range<usize>) {
        let Some((line, start)) = self.document.take() else {
            return;
        };
        let Some(root) = self.root else { return };
        let explicit = self.text[range.clone()].starts_with("...");
        let end = if explicit {
            range.start
        } else {
            self.text.len()
        };
        self.stream.documents.push(Document {
            line,
            span: start..end,
            root,
        });
        self.last_end = range.end;
    }

    fn comment(&mut self, span: &Span, range: Range<usize>) {
        let start = raw::line_start(self.text, range.start);
        let before = &self.text[start..range.start];
        self.stream.comments.push(Comment {
            line: span.start.line(),
            column: before.len(),
            inline: !before.trim_start_matches('\u{feff}').trim().is_empty(),
            span: range,
        });
    }

    fn anchor(
        &mut self,
        id: usize,
        name: &str,
        span: &Span,
        range: Range<usize>,
    ) -> Result<(), YamlError> {
        // go-yaml takes no other names.
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        {
            let rule = "anchor names are ASCII letters, digits, `_` and `-`";
            return Err(at(span, YamlErrorKind::Syntax(rule.to_owned())));
        }
        let Some(last) = self.stream.nodes.len().checked_sub(1) else {
            return Ok(());
        };
        self.anchors.insert(id, NodeId(last));
        let node = &mut self.stream.nodes[last];
        node.start = node.start.min(range.start);
        node.anchor = Some(range);
        Ok(())
    }

    fn alias(&mut self, id: usize, span: &Span, range: Range<usize>) -> Result<(), YamlError> {
        let Some(&target) = self.anchors.get(&id) else {
            return Err(at(span, YamlErrorKind::Syntax("unknown anchor".to_owned())));
        };
        self.last_end = range.end;
        self.add(NodeKind::Alias(target), None, span, range)
            .map(drop)
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: granit_parser::ScalarStyle,
        tag: Option<Cow<'_, Tag>>,
        span: &Span,
        range: Range<usize>,
    ) -> Result<(), YamlError> {
        let style = scalar_style(style);
        // The parser spells an absent node `~`; nothing is written there.
        let absent = style == ScalarStyle::Plain && range.is_empty();
        let mut text = Zeroizing::new(if absent {
            String::new()
        } else {
            text.into_owned()
        });
        let mut block = None;
        let mut covered = range;
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            let tag_end = tag_range(span).map_or(0, |tag| tag.end);
            let from = self.last_end.max(tag_end);
            let least = self.block_indent() + usize::from(!self.open.is_empty());
            let mut found = raw::block_scalar(self.text, from, covered.clone(), span.indent, least)
                .ok_or_else(|| at(span, YamlErrorKind::Syntax("block scalar".to_owned())))?;
            raw::end_without_line_break(self.text, &mut found, &mut text);
            covered = found.header.start..found.content.end;
            block = Some(found);
        }
        self.last_end = self.last_end.max(covered.end);
        self.add(
            NodeKind::Scalar(Scalar { style, text, block }),
            tag,
            span,
            covered,
        )
        .map(drop)
    }

    fn start_collection(
        &mut self,
        kind: NodeKind,
        tag: Option<Cow<'_, Tag>>,
        span: &Span,
        range: Range<usize>,
    ) -> Result<(), YamlError> {
        let mut range = range;
        let is_value = self.open.last().is_some_and(|open| open.key.is_some());
        if is_value && matches!(kind, NodeKind::Sequence(CollectionStyle::Block, _)) {
            // A sequence at its key's own column is reported at its first element.
            range = raw::first_dash(self.text, self.last_end, range.start);
        }
        self.last_end = self.last_end.max(range.end);
        let id = self.add(kind, tag, span, range)?;
        let node = &self.stream.nodes[id.0];
        let column = match node.kind {
            NodeKind::Mapping(CollectionStyle::Block, _)
            | NodeKind::Sequence(CollectionStyle::Block, _) => {
                let line = raw::line_start(self.text, node.span.start);
                Some(
                    self.text[line..node.span.start]
                        .trim_start_matches('\u{feff}')
                        .len(),
                )
            }
            _ => None,
        };
        self.open.push(Open {
            id,
            column,
            key: None,
            seen: HashMap::new(),
        });
        Ok(())
    }

    fn end_collection(&mut self, range: Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        let flow = self.text[range.clone()].ends_with([']', '}']);
        let end = if flow { range.end } else { self.last_end };
        let node = &mut self.stream.nodes[open.id.0];
        node.span.end = end.max(node.span.start);
        if flow {
            self.last_end = range.end;
        }
    }

    /// Adds a node below the innermost open collection.
    fn add(
        &mut self,
        kind: NodeKind,
        tag: Option<Cow<'_, Tag>>,
        span: &Span,
        range: Range<usize>,
    ) -> Result<NodeId, YamlError> {
        if self.stream.nodes.len() == MAX_NODES {
            return Err(at(span, YamlErrorKind::TooManyNodes(MAX_NODES)));
        }
        let id = NodeId(self.stream.nodes.len());
        self.place(id, &kind, span)?;
        let start = tag_range(span).map_or(range.start, |tag| tag.start.min(range.start));
        self.stream.nodes.push(Node {
            line: span.start.line(),
            column: span.start.col(),
            start,
            span: range,
            anchor: None,
            tag: tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())),
            block_indent: self.block_indent(),
            in_flow: self.in_flow(),
            kind,
        });
        Ok(id)
    }

    fn place(&mut self, id: NodeId, kind: &NodeKind, span: &Span) -> Result<(), YamlError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(());
        };
        match &mut self.stream.nodes[open.id.0].kind {
            NodeKind::Sequence(_, items) => items.push(id),
            NodeKind::Mapping(_, entries) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => {
                    let NodeKind::Scalar(scalar) = kind else {
                        return Err(at(span, YamlErrorKind::KeyNotScalar));
                    };
                    let (key, line) = (scalar.text.to_string(), span.start.line());
                    if let Some(first) = open.seen.insert(key.clone(), line) {
                        return Err(at(span, YamlErrorKind::DuplicateKey { key, first }));
                    }
                    open.key = Some(id);
                }
            },
            NodeKind::Scalar(_) | NodeKind::Alias(_) => {}
        }
        Ok(())
    }

    fn in_flow(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| match &self.stream.nodes[open.id.0].kind {
                NodeKind::Mapping(style, _) | NodeKind::Sequence(style, _) => {
                    *style == CollectionStyle::Flow
                }
                NodeKind::Scalar(_) | NodeKind::Alias(_) => false,
            })
    }

    /// The column of the innermost open block collection.
    fn block_indent(&self) -> usize {
        self.open
            .iter()
            .rev()
            .find_map(|open| open.column)
            .unwrap_or(0)
    }
}

fn at(span: &Span, kind: YamlErrorKind) -> YamlError {
    YamlError {
        line: span.start.line(),
        column: span.start.col() + 1,
        kind,
    }
}

fn tag_range(span: &Span) -> Option<Range<usize>> {
    span.tag_span().and_then(|tag| tag.byte_range())
}

fn collection_style(style: StructureStyle) -> CollectionStyle {
    match style {
        StructureStyle::Block => CollectionStyle::Block,
        StructureStyle::Flow => CollectionStyle::Flow,
    }
}

fn scalar_style(style: granit_parser::ScalarStyle) -> ScalarStyle {
    use granit_parser::ScalarStyle as Granit;
    match style {
        Granit::Plain => ScalarStyle::Plain,
        Granit::SingleQuoted => ScalarStyle::SingleQuoted,
        Granit::DoubleQuoted => ScalarStyle::DoubleQuoted,
        Granit::Literal => ScalarStyle::Literal,
        Granit::Folded => ScalarStyle::Folded,
    }
}
