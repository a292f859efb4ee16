//! The metadata of an edited file: as it was, byte for byte, but for the fields that a write renews.

use crate::expand;
use crate::seam;
use crate::survey::METADATA_KEY;
use lockstep_yaml::write::double_quoted;
use lockstep_yaml::{
    CollectionStyle, Document, Node, NodeId, NodeKind, Scalar, ScalarStyle, Splices, Stream,
};
use std::ops::Range;
use zeroize::Zeroizing;

/// The metadata of every document of a file.
pub(super) struct Blocks<'a> {
    text: &'a str,
    stream: &'a Stream,
    /// The fields that get new values.
    fields: &'a [(&'static str, String)],
}

/// The metadata of one document.
struct Block<'a> {
    style: CollectionStyle,
    /// The bytes of the whole entry.
    range: Range<usize>,
    /// The column of its key, where it stands by indentation.
    column: usize,
    value: NodeId,
    /// How many entries stand beside it.
    others: usize,
    /// What follows it in its document, if that holds nothing that an edit could change.
    behind: Option<&'a str>,
}

impl<'a> Blocks<'a> {
    pub(super) fn of(
        text: &'a str,
        stream: &'a Stream,
        fields: &'a [(&'static str, String)],
    ) -> Self {
        Self {
            text,
            stream,
            fields,
        }
    }

    /// Puts the metadata into every document of a text that has none.
    pub(super) fn put(&self, splices: &mut Splices, text: &str, stream: &Stream) {
        for (index, document) in stream.documents().iter().enumerate() {
            let own = self.stream.documents().get(index);
            let own = own.and_then(|own| self.block(own));
            let first = || self.block(&self.stream.documents()[0]);
            let Some(block) = own.or_else(first) else {
                continue;
            };
            let target = Target {
                text,
                document,
                root: stream.node(document.root),
            };
            match target.root.kind {
                NodeKind::Mapping(CollectionStyle::Flow, ref entries)
                    if !(entries.is_empty() && block.style == CollectionStyle::Block) =>
                {
                    self.put_flow(splices, &target, stream, entries, &block);
                }
                _ => self.put_lines(splices, &target, &block),
            }
        }
    }

    fn block(&self, document: &Document) -> Option<Block<'a>> {
        let NodeKind::Mapping(style, entries) = &self.stream.node(document.root).kind else {
            return None;
        };
        let index = entries
            .iter()
            .position(|(key, _)| seam::is_metadata_key(self.stream, *key))?;
        let value = entries[index].1;
        let (range, column) = seam::entry(self.text, self.stream, document, index)?;
        let behind = &self.text[range.end..document.span.end.max(range.end)];
        Some(Block {
            style: *style,
            range,
            column,
            value,
            others: entries.len() - 1,
            behind: (!behind.contains("ENC[")).then_some(behind),
        })
    }

    fn put_lines(&self, splices: &mut Splices, target: &Target<'_>, block: &Block<'_>) {
        let root = target.root;
        let column = target.column();
        if !root.span.is_empty() && !is_block_mapping(root) {
            // A written null or `{}` gives way to a mapping with nothing but metadata.
            splices.replace(
                root.start..seam::line_end(target.text, root.span.end, root.start),
                String::new(),
            );
        }
        let end = target.document.span.end;
        let before = &target.text[..end];
        let at = match block.behind {
            Some(behind)
                if block.style == CollectionStyle::Block
                    && before.ends_with(behind)
                    && end - behind.len() >= root.span.end =>
            {
                end - behind.len()
            }
            _ => end,
        };
        let line_break = seam::line_break_of(target.text);
        let mut written = String::new();
        if at > 0 && !target.text[..at].ends_with('\n') {
            written.push_str(line_break);
        }
        match block.style {
            CollectionStyle::Block => written.push_str(&shifted(
                &self.renewed(block),
                block.column,
                column.unwrap_or(block.column),
            )),
            CollectionStyle::Flow => {
                written.extend(std::iter::repeat_n(' ', column.unwrap_or(0)));
                let value = self.in_flow(block);
                written.push_str(&format!("{METADATA_KEY}: {}{line_break}", *value));
            }
        }
        splices.replace(at..at, written);
    }

    fn put_flow(
        &self,
        splices: &mut Splices,
        target: &Target<'_>,
        stream: &Stream,
        entries: &[(NodeId, NodeId)],
        block: &Block<'_>,
    ) {
        let end = target.document.span.end;
        let before = &target.text[..end];
        let last = entries.last();
        let last = last.map_or(target.root.span.start + 1, |(key, value)| {
            stream.node(*value).span.end.max(stream.node(*key).span.end)
        });
        if let Some(behind) = block.behind
            && block.style == CollectionStyle::Flow
            && before.ends_with(behind)
            && end - behind.len() >= last
            && (block.others == 0) == entries.is_empty()
        {
            let at = end - behind.len();
            splices.replace(at..at, self.renewed(block));
            return;
        }
        let close = target.root.span.end - 1;
        let separator = if entries.is_empty() || target.text[last..close].contains(',') {
            ""
        } else {
            ", "
        };
        let value = self.in_flow(block);
        splices.replace(
            close..close,
            format!("{separator}\"{METADATA_KEY}\": {}", *value),
        );
    }

    /// The bytes of the entry with the new fields in it.
    fn renewed(&self, block: &Block<'_>) -> String {
        let mut splices = Splices::default();
        let start = block.range.start;
        let inside = |range: &Range<usize>| range.start - start..range.end - start;
        for (value, text) in self.values(block.value) {
            let node = self.stream.node(value);
            let NodeKind::Scalar(Scalar {
                block: Some(lines), ..
            }) = &node.kind
            else {
                splices.replace(inside(&node.span), spelled(node, text));
                continue;
            };
            splices.replace(inside(&lines.header), double_quoted(text));
            splices.replace(inside(&lines.content), String::new());
        }
        std::mem::take(&mut *splices.apply(&self.text[block.range.clone()]))
    }

    /// The value of the entry in braces, on one line.
    fn in_flow(&self, block: &Block<'_>) -> Zeroizing<String> {
        let renewed: Vec<_> = self.values(block.value).collect();
        let mut scalars = Vec::new();
        self.scalars(block.value, &mut scalars);
        let mut texts = scalars.into_iter().map(|scalar| {
            let found = renewed.iter().find(|(value, _)| *value == scalar);
            found.map(|(_, text)| double_quoted(text))
        });
        expand::in_flow(self.stream, block.value, &mut texts)
    }

    /// The scalars that `expand` asks for, in its order.
    fn scalars(&self, id: NodeId, found: &mut Vec<NodeId>) {
        match &self.stream.node(id).kind {
            NodeKind::Scalar(_) => found.push(id),
            NodeKind::Alias(target) => self.scalars(*target, found),
            NodeKind::Sequence(_, items) => {
                for item in items {
                    self.scalars(*item, found);
                }
            }
            NodeKind::Mapping(_, entries) => {
                for (_, value) in entries {
                    self.scalars(*value, found);
                }
            }
        }
    }

    /// The values of the fields that are renewed, with their new texts.
    fn values(&self, metadata: NodeId) -> impl Iterator<Item = (NodeId, &'a str)> {
        let entries = match &self.stream.node(metadata).kind {
            NodeKind::Mapping(_, entries) => entries.as_slice(),
            _ => &[],
        };
        self.fields.iter().filter_map(move |(name, text)| {
            let mut named = entries
                .iter()
                .filter(|(key, _)| is_named(self.stream, *key, name));
            named.next().map(|(_, value)| (*value, text.as_str()))
        })
    }
}

/// Where metadata is to go.
struct Target<'t> {
    text: &'t str,
    document: &'t Document,
    root: &'t Node,
}

impl Target<'_> {
    /// The column of the document's keys; none where it has no keys.
    fn column(&self) -> Option<usize> {
        is_block_mapping(self.root).then(|| {
            let start = self.root.span.start;
            let line = self.text[..start]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            let before = &self.text[line..start];
            before.trim_start_matches('\u{feff}').len()
        })
    }
}

fn is_block_mapping(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Mapping(CollectionStyle::Block, _))
}

/// Field names are read in any case.
fn is_named(stream: &Stream, key: NodeId, name: &str) -> bool {
    matches!(&stream.node(key).kind, NodeKind::Scalar(scalar) if scalar.text.eq_ignore_ascii_case(name))
}

/// A field's new text in the style of the old one. A time must have quotes, or it would be read as
/// something else than text.
fn spelled(node: &Node, text: &str) -> Zeroizing<String> {
    let style = match &node.kind {
        NodeKind::Scalar(scalar) => scalar.style,
        _ => ScalarStyle::DoubleQuoted,
    };
    Zeroizing::new(match style {
        ScalarStyle::SingleQuoted => format!("'{text}'"),
        ScalarStyle::Plain if !node.in_flow && text.starts_with("ENC[") => text.to_owned(),
        _ => format!("\"{text}\""),
    })
}

/// Lines moved from one column to another.
fn shifted(lines: &str, from: usize, to: usize) -> String {
    let mut out = String::with_capacity(lines.len());
    for line in lines.split_inclusive('\n') {
        if line.trim().is_empty() || from == to {
            out.push_str(line);
        } else if to > from {
            out.extend(std::iter::repeat_n(' ', to - from));
            out.push_str(line);
        } else {
            let blanks = line.len() - line.trim_start_matches(' ').len();
            out.push_str(&line[blanks.min(from - to)..]);
        }
    }
    out
}
