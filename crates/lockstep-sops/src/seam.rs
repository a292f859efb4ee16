//! Where the metadata meets the rest of a document: appends the block, and takes it out again.

use crate::metadata_write::Block;
use crate::survey::METADATA_KEY;
use lockstep_yaml::{
    CollectionStyle, Document, Node, NodeId, NodeKind, ScalarStyle, Splices, Stream,
};
use std::ops::Range;

/// Appends the metadata to `document`, at the column of its keys.
pub(crate) fn append(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    let root = stream.node(document.root);
    if let NodeKind::Mapping(CollectionStyle::Flow, entries) = &root.kind {
        let close = root.span.end - 1;
        let separator = if entries.is_empty() || ends_with_comma(text, stream, entries, close) {
            ""
        } else {
            ", "
        };
        splices.replace(close..close, format!("{separator}{}", block.to_flow()));
        return;
    }
    let line_break = line_break_of(text);
    let column = match &root.kind {
        NodeKind::Mapping(..) => {
            let before = &text[line_start(text, root.span.start)..root.span.start];
            before.trim_start_matches('\u{feff}').len()
        }
        _ => 0,
    };
    if !root.span.is_empty() && !matches!(root.kind, NodeKind::Mapping(..)) {
        // A written null gives way to a mapping with nothing but metadata.
        splices.replace(root.start..root.span.end, String::new());
    }
    let end = document.span.end;
    let mut written = String::new();
    if !text[..end].is_empty() && !text[..end].ends_with('\n') {
        written.push_str(line_break);
    }
    written.push_str(&block.to_lines(column, line_break));
    splices.replace(end..end, written);
}

/// Writes the metadata where it stands, or appends it to a document that has none.
pub(crate) fn replace(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    let root = stream.node(document.root);
    let Some((key, value)) = metadata_entry(stream, root) else {
        append(splices, text, stream, document, block);
        return;
    };
    if matches!(root.kind, NodeKind::Mapping(CollectionStyle::Flow, _)) {
        splices.replace(key.start..value.span.end, block.to_flow());
        return;
    }
    let (range, column) = block_entry(text, key, value);
    let lines = block.to_lines(column, line_break_of(text));
    splices.replace(range, lines);
}

/// The key and the value of the metadata in a document's top node.
pub(crate) fn metadata_entry<'s>(
    stream: &'s Stream,
    root: &'s Node,
) -> Option<(&'s Node, &'s Node)> {
    let NodeKind::Mapping(_, entries) = &root.kind else {
        return None;
    };
    let found = entries
        .iter()
        .find(|(key, _)| is_metadata_key(stream, *key))?;
    Some((stream.node(found.0), stream.node(found.1)))
}

/// The `sops` entry of a document: the line of its key, and its value.
pub(crate) fn metadata_of(stream: &Stream, document: usize) -> Option<(usize, NodeId)> {
    let root = stream.node(stream.documents()[document].root);
    let NodeKind::Mapping(_, entries) = &root.kind else {
        return None;
    };
    let found = entries
        .iter()
        .find(|(key, _)| is_metadata_key(stream, *key))?;
    Some((stream.node(found.0).line, found.1))
}

/// Removes the metadata of `document`, if it has any.
pub(crate) fn remove(splices: &mut Splices, text: &str, stream: &Stream, document: &Document) {
    let root = stream.node(document.root);
    let NodeKind::Mapping(style, entries) = &root.kind else {
        return;
    };
    let Some(index) = entries
        .iter()
        .position(|(key, _)| is_metadata_key(stream, *key))
    else {
        return;
    };
    let (key, value) = (stream.node(entries[index].0), stream.node(entries[index].1));
    if *style == CollectionStyle::Flow {
        splices.replace(
            flow_entry(text, stream, entries, index, root),
            String::new(),
        );
        return;
    }
    let (range, _) = block_entry(text, key, value);
    // sops writes a document without values as nothing but metadata. Without `---`, nothing at all
    // would be no document.
    let alone = entries.len() == 1 && !text[..document.span.start].ends_with("---");
    splices.replace(range, if alone { "{}\n" } else { "" }.to_owned());
}

/// The bytes of an entry of a document's top mapping, by its index, and the column of its key.
pub(crate) fn entry(
    text: &str,
    stream: &Stream,
    document: &Document,
    index: usize,
) -> Option<(Range<usize>, usize)> {
    let root = stream.node(document.root);
    let NodeKind::Mapping(style, entries) = &root.kind else {
        return None;
    };
    let (key, value) = (stream.node(entries[index].0), stream.node(entries[index].1));
    Some(match style {
        CollectionStyle::Flow => (flow_entry(text, stream, entries, index, root), key.column),
        CollectionStyle::Block => block_entry(text, key, value),
    })
}

/// Writes a field of the metadata of `document`, and nothing else of it. `value` is one word. Nothing
/// where the metadata has no place for it; `Some(false)` where there is no metadata.
pub(crate) fn set_field(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    (name, value): (&str, &str),
) -> Option<bool> {
    let NodeKind::Mapping(_, root) = &stream.node(document.root).kind else {
        return Some(false);
    };
    let Some((_, block)) = root.iter().find(|(key, _)| is_metadata_key(stream, *key)) else {
        return Some(false);
    };
    let NodeKind::Mapping(style, entries) = &stream.node(*block).kind else {
        return None;
    };
    let named = |key: &NodeId| match &stream.node(*key).kind {
        NodeKind::Scalar(scalar) => scalar.text.as_str().to_ascii_lowercase(),
        _ => String::new(),
    };
    if let Some((_, old)) = entries.iter().find(|(key, _)| named(key) == name) {
        let old = stream.node(*old);
        let plain = matches!(&old.kind, NodeKind::Scalar(scalar)
            if scalar.style == ScalarStyle::Plain && !old.in_flow);
        let quote = if plain { "" } else { "\"" };
        let space = if old.span.is_empty() { " " } else { "" };
        let spelled = format!("{space}{quote}{value}{quote}");
        splices.replace(old.start..old.span.end, spelled);
        return matches!(&old.kind, NodeKind::Scalar(scalar) if scalar.block.is_none())
            .then_some(true);
    }
    let behind = entries.iter().find(|(key, _)| named(key).as_str() > name);
    let key = stream.node(behind.or(entries.first())?.0);
    let start = line_start(text, key.start);
    let indent = &text[start..key.start];
    let alone = indent.chars().all(|c| matches!(c, ' ' | '\t'));
    let line_break = line_break_of(text);
    if *style == CollectionStyle::Flow {
        let behind = match alone {
            true => format!("{line_break}{indent}"),
            false => " ".to_owned(),
        };
        let written = format!("\"{name}\": \"{value}\",{behind}");
        splices.replace(key.start..key.start, written);
        return Some(true);
    }
    if !alone {
        return None;
    }
    splices.replace(start..start, format!("{indent}{name}: {value}{line_break}"));
    Some(true)
}

/// The lines of a block entry, and the column of its key.
fn block_entry(text: &str, key: &Node, value: &Node) -> (Range<usize>, usize) {
    let start = line_start(text, key.start);
    let end = line_end(text, value.span.end.max(key.span.end), start);
    (
        start..end,
        text[start..key.start].trim_start_matches('\u{feff}').len(),
    )
}

/// The bytes of a flow entry with one comma.
fn flow_entry(
    text: &str,
    stream: &Stream,
    entries: &[(NodeId, NodeId)],
    index: usize,
    root: &Node,
) -> Range<usize> {
    let (key, value) = entries[index];
    let (start, end) = (stream.node(key).start, stream.node(value).span.end);
    match index
        .checked_sub(1)
        .map(|before| stream.node(entries[before].1).span.end)
    {
        Some(before) => before..end,
        None => {
            let next = entries
                .get(index + 1)
                .map(|(key, _)| stream.node(*key).start);
            start..next.unwrap_or_else(|| {
                let close = root.span.end - 1;
                end + text[end..close].find(',').map_or(0, |comma| comma + 1)
            })
        }
    }
}

pub(crate) fn is_metadata_key(stream: &Stream, id: NodeId) -> bool {
    matches!(&stream.node(id).kind, NodeKind::Scalar(scalar) if scalar.text.as_str() == METADATA_KEY)
}

fn ends_with_comma(
    text: &str,
    stream: &Stream,
    entries: &[(NodeId, NodeId)],
    close: usize,
) -> bool {
    let last = entries.last().map_or(close, |(key, value)| {
        stream.node(*value).span.end.max(stream.node(*key).span.end)
    });
    text[last..close].trim_start().starts_with(',')
}

/// The line break a file uses: that of its first line.
pub(crate) fn line_break_of(text: &str) -> &'static str {
    match text.find('\n') {
        Some(newline) if text[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the last line that an entry covers; `at` may already be the start of the next line.
pub(crate) fn line_end(text: &str, at: usize, start: usize) -> usize {
    if at > start && text[..at].ends_with('\n') {
        return at;
    }
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline + 1)
}
