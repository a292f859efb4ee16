//! The metadata of an INI file: its last section, behind an empty line.

use super::ini::{line_end, trimmed};
use super::{flat, ini_value};
use crate::metadata_write::Block;
use crate::seam;
use lockstep_yaml::{Document, Splices, Stream};
use std::ops::Range;

/// Appends the section.
pub(crate) fn append(splices: &mut Splices, text: &str, block: &Block<'_>) {
    let lead = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    splices.replace(text.len()..text.len(), format!("{lead}{}", written(block)));
}

/// Writes the section where it stands.
pub(crate) fn replace(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    match section(text, stream, document) {
        Some(range) => splices.replace(range, written(block)),
        None => append(splices, text, block),
    }
}

/// Takes the section out, and the empty line before it.
pub(crate) fn remove(splices: &mut Splices, text: &str, stream: &Stream, document: &Document) {
    if let Some(range) = section(text, stream, document) {
        let empty_line = text[..range.start].ends_with("\n\n");
        splices.replace(
            range.start - usize::from(empty_line)..range.end,
            String::new(),
        );
    }
}

/// The lines from the section's header to the next one.
fn section(text: &str, stream: &Stream, document: &Document) -> Option<Range<usize>> {
    let (key, _) = seam::metadata_entry(stream, stream.node(document.root))?;
    let starts = |range: Range<usize>, mark| text[trimmed(text, range)].starts_with(mark);
    let first = text[..key.span.start].rfind("[sops]")?;
    let start = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
    let mut end = (line_end(text, start) + 1).min(text.len());
    while end < text.len() {
        let line = end..line_end(text, end);
        if starts(line.clone(), '[') {
            break;
        }
        end = (line.end + 1).min(text.len());
    }
    Some(start..end)
}

fn written(block: &Block<'_>) -> String {
    let entries = flat::flatten(&block.fields());
    let width = entries
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let mut out = "[sops]\n".to_owned();
    for (name, value) in entries {
        let value = ini_value::spelled("", &value.replace('\n', "\\n"));
        out.push_str(&format!("{name:width$} = {}\n", *value));
    }
    out
}
