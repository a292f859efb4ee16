//! The metadata of a JSON file, in the file's own layout: the last entry of the object, indented as the
//! entries before it.

use crate::json_text::quoted;
use crate::metadata_write::{Block, Field};
use crate::seam;
use lockstep_yaml::{Document, Node, NodeKind, Splices, Stream};
use std::ops::Range;

/// Appends the metadata behind the last entry, on lines of its own if that entry has one.
pub(crate) fn append(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    let root = stream.node(document.root);
    let NodeKind::Mapping(_, entries) = &root.kind else {
        return;
    };
    let Some((key, value)) = entries.last() else {
        return seam::append(splices, text, stream, document, block);
    };
    let end = stream.node(*value).span.end;
    let lead = lead_of(text, root, stream.node(*key));
    let written = match lead {
        Some(lead) => format!(",{}{}", &text[lead.clone()], lines(block, text, lead)),
        None => format!(", {}", block.to_flow()),
    };
    splices.replace(end..end, written);
}

/// Writes the metadata where it stands, on lines of its own if it has them.
pub(crate) fn replace(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    let root = stream.node(document.root);
    let Some((key, value)) = seam::metadata_entry(stream, root) else {
        return append(splices, text, stream, document, block);
    };
    let span = key.start..value.span.end;
    let written = match lead_of(text, root, key).filter(|_| text[span.clone()].contains('\n')) {
        Some(lead) => lines(block, text, lead),
        None => block.to_flow(),
    };
    splices.replace(span, written);
}

/// The line break and the indentation before a key, if nothing else is before it on its line.
fn lead_of(text: &str, root: &Node, key: &Node) -> Option<Range<usize>> {
    let before = &text[root.span.start + 1..key.start];
    let blanks = before.len() - before.trim_end_matches([' ', '\t', '\r', '\n']).len();
    let lead = key.start - blanks..key.start;
    let newline = text[lead.clone()].rfind('\n')?;
    let from = lead.start + newline;
    let carriage = usize::from(text[lead.start..from].ends_with('\r'));
    Some(from - carriage..key.start)
}

/// The metadata as an entry on lines of its own, which stands behind `lead`.
fn lines(block: &Block<'_>, text: &str, lead: Range<usize>) -> String {
    let lead = &text[lead];
    let (line_break, indent) = lead.split_at(lead.find('\n').map_or(0, |newline| newline + 1));
    let layout = Layout {
        line_break,
        // The object's own closing brace stands at the left.
        step: indent,
    };
    let mut out = "\"sops\": ".to_owned();
    layout.write(&Field::Mapping(block.fields()), 1, &mut out);
    out
}

struct Layout<'a> {
    line_break: &'a str,
    step: &'a str,
}

impl Layout<'_> {
    fn write(&self, field: &Field, depth: usize, out: &mut String) {
        match field {
            Field::Text(text) => out.push_str(&quoted(text)),
            Field::Word(word) => out.push_str(word),
            Field::List(items) if items.is_empty() => out.push_str("[]"),
            Field::Mapping(entries) if entries.is_empty() => out.push_str("{}"),
            Field::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.start(index, depth + 1, out);
                    self.write(item, depth + 1, out);
                }
                self.start(0, depth, out);
                out.push(']');
            }
            Field::Mapping(entries) => {
                out.push('{');
                for (index, (name, value)) in entries.iter().enumerate() {
                    self.start(index, depth + 1, out);
                    out.push_str(&quoted(name));
                    out.push_str(": ");
                    self.write(value, depth + 1, out);
                }
                self.start(0, depth, out);
                out.push('}');
            }
        }
    }

    fn start(&self, index: usize, depth: usize, out: &mut String) {
        out.push_str(if index == 0 { "" } else { "," });
        out.push_str(self.line_break);
        for _ in 0..depth {
            out.push_str(self.step);
        }
    }
}
