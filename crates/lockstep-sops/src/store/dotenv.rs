//! dotenv: a line is `KEY=value`, or a comment if it begins with `#`. Nothing is quoted or trimmed; a
//! backslash and an `n` in a value are a line break. Metadata are the lines whose keys begin with
//! `sops_`.

use super::flat::{self, Entry, add, at, string};
use crate::metadata_write::Block;
use crate::survey::METADATA_KEY;
use crate::tree::{OpenedKind, OpenedScalar};
use base64::{Engine as _, engine::general_purpose::STANDARD};
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
    let text = opened.text.expose();
    match opened.kind {
        OpenedKind::Str | OpenedKind::Time | OpenedKind::Int => {
            Zeroizing::new(text.replace('\n', "\\n"))
        }
        OpenedKind::Bool => Zeroizing::new(text.to_ascii_lowercase()),
        OpenedKind::Float => Zeroizing::new(float(text)),
        // A text file has no bytes: as with sops in JSON, what is not UTF-8 is lost.
        OpenedKind::Binary => {
            let bytes = Zeroizing::new(STANDARD.decode(text).unwrap_or_default());
            let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
            Zeroizing::new(text.replace('\n', "\\n"))
        }
    }
}

/// Go's `'G'` with the shortest digits, and a decimal where it could be taken for an integer.
fn float(text: &str) -> String {
    let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite()) else {
        return text.to_owned();
    };
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return match text.contains('.') {
            true => text.to_owned(),
            false => format!("{text}.0"),
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}E{sign}{:02}", exponent.abs())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_sops_does() {
        for (text, expected) in [
            ("5", "5.0"),
            ("0.25", "0.25"),
            ("0.0001", "0.0001"),
            ("0.00001", "1E-05"),
            ("123456", "123456.0"),
            ("1234567", "1.234567E+06"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(float(text), expected);
        }
    }
}
