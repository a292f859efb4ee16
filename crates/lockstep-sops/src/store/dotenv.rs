//! dotenv: a line is `KEY=value`, or a comment if it begins with `#`. Nothing is quoted or trimmed; a
//! backslash and an `n` in a value are a line break. Metadata are the lines whose keys begin with
//! `sops_`.

use super::flat::{self, Entry, add, at, string};
use crate::metadata_write::Block;
use crate::survey::METADATA_KEY;
use crate::tree::OpenedScalar;
use lockstep_yaml::{
    Assembly, CollectionStyle, Comment, Document, NodeId, NodeKind, Splices, Stream, YamlError,
    YamlErrorKind,
};
use std::ops::Range;
use zeroize::Zeroizing;

const PREFIX: &str = "sops_";

/// Reads the lines of a file: one mapping, with the metadata below the key `sops` as elsewhere.
pub(crate) fn read(text: &str) -> Result<Stream, YamlError> {
    let mut reader = Reader {
        text,
        assembly: Assembly::new(),
        entries: Vec::new(),
        metadata: Vec::new(),
    };
    for (line, span) in lines(text) {
        match text[span.clone()].bytes().next() {
            None => {}
            Some(b'#') => reader.assembly.comment(Comment {
                line,
                column: 0,
                span,
                inline: false,
            }),
            Some(_) => reader.entry(line, span)?,
        }
    }
    let Reader {
        mut assembly,
        mut entries,
        metadata,
        ..
    } = reader;
    if let Some(entry) = flat::entry(metadata, &mut assembly)? {
        entries.push(entry);
    }
    let kind = NodeKind::Mapping(CollectionStyle::Block, entries);
    let root = add(&mut assembly, 1, 0..text.len(), kind)?;
    Ok(assembly.finish(Document {
        line: 1,
        span: 0..text.len(),
        root,
    }))
}

struct Reader<'t> {
    text: &'t str,
    assembly: Assembly,
    entries: Vec<(NodeId, NodeId)>,
    metadata: Vec<Entry>,
}

impl Reader<'_> {
    fn entry(&mut self, line: usize, span: Range<usize>) -> Result<(), YamlError> {
        let wrong = |rule: &str| at(line, YamlErrorKind::Syntax(rule.to_owned()));
        let equals = self.text[span.clone()].find('=');
        let equals = span.start + equals.ok_or_else(|| wrong("there is no `=` in this line"))?;
        let (key, value) = (span.start..equals, equals + 1..span.end);
        let (name, content) = (&self.text[key.clone()], &self.text[value.clone()]);
        let content = content.replace("\\n", "\n");
        if let Some(name) = name.strip_prefix(PREFIX) {
            self.metadata.push(Entry {
                name: name.to_owned(),
                value: content,
                line,
                span: value,
            });
            return Ok(());
        }
        if name == METADATA_KEY {
            return Err(wrong("the key `sops` is reserved for metadata"));
        }
        let key = add(&mut self.assembly, line, key, string(name.to_owned()))?;
        let value = add(&mut self.assembly, line, value, string(content))?;
        self.entries.push((key, value));
        Ok(())
    }
}

/// The lines of a text with their numbers, without their line feeds. What else is blank stays.
fn lines(text: &str) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
    let mut start = 0;
    text.split('\n').enumerate().map(move |(index, line)| {
        let span = start..start + line.len();
        start = span.end + 1;
        (index + 1, span)
    })
}

/// A decrypted value, as sops writes it into a line.
pub(crate) fn value(opened: &OpenedScalar) -> Zeroizing<String> {
    Zeroizing::new(flat::text(opened).replace('\n', "\\n"))
}

/// Appends the metadata.
pub(crate) fn append(splices: &mut Splices, text: &str, block: &Block<'_>) {
    let line_break = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let written = format!("{line_break}{}", written(block));
    splices.replace(text.len()..text.len(), written);
}

/// Writes the metadata where it stands.
pub(crate) fn replace(splices: &mut Splices, text: &str, block: &Block<'_>) {
    let ranges = metadata_lines(text);
    let Some(first) = ranges.first() else {
        return append(splices, text, block);
    };
    splices.replace(first.clone(), written(block));
    for range in &ranges[1..] {
        splices.replace(range.clone(), String::new());
    }
}

/// Takes the metadata out.
pub(crate) fn remove(splices: &mut Splices, text: &str) {
    for range in metadata_lines(text) {
        splices.replace(range, String::new());
    }
}

/// The lines of the metadata, with their line feeds.
fn metadata_lines(text: &str) -> Vec<Range<usize>> {
    let whole = |(_, span): (usize, Range<usize>)| span.start..(span.end + 1).min(text.len());
    lines(text)
        .filter(|(_, span)| text[span.clone()].starts_with(PREFIX))
        .map(whole)
        .collect()
}

fn written(block: &Block<'_>) -> String {
    let mut out = String::new();
    for (name, value) in flat::flatten(&block.fields()) {
        let value = value.replace('\n', "\\n");
        out.push_str(&format!("{PREFIX}{name}={value}\n"));
    }
    out
}
