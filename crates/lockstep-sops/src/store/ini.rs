//! INI as sops reads it: sections of keys and strings, comments behind `;` and `#`, values in quotes.
//! Metadata is the section `sops`.
//!
//! What sops reads in a way that loses something is refused: a key that stands twice in a section,
//! keys in quotes, lines that go on behind a backslash, and text behind a closing quote or a
//! section's name.

use super::flat::{self, Entry, add, at, string};
use super::ini_value;
use crate::cipher::Sealed;
use crate::survey::METADATA_KEY;
use lockstep_yaml::{
    Assembly, CollectionStyle, Comment, Document, NodeId, NodeKind, Stream, YamlError,
    YamlErrorKind,
};
use std::collections::HashMap;
use std::ops::Range;

/// The section of the keys before any header.
const DEFAULT: &str = "DEFAULT";

/// Reads the sections of a file.
pub(crate) fn read(text: &str) -> Result<Stream, YamlError> {
    let mut reader = Reader {
        text,
        at: text.len() - text.trim_start_matches('\u{feff}').len(),
        line: 0,
        assembly: Assembly::new(),
        sections: Vec::new(),
        section: Section::new(DEFAULT, 1, 0..0),
        metadata: false,
        comment: None,
    };
    while reader.at < text.len() {
        reader.next_line()?;
    }
    reader.end_section()?;
    let Reader {
        mut assembly,
        sections,
        ..
    } = reader;
    let kind = NodeKind::Mapping(CollectionStyle::Block, sections);
    let root = add(&mut assembly, 1, 0..text.len(), kind)?;
    Ok(assembly.finish(Document {
        line: 1,
        span: 0..text.len(),
        root,
    }))
}

/// The section that is being read.
struct Section {
    name: String,
    line: usize,
    header: Range<usize>,
    entries: Vec<(NodeId, NodeId)>,
    metadata: Vec<Entry>,
    /// The keys so far, with their lines.
    seen: HashMap<String, usize>,
}

impl Section {
    fn new(name: &str, line: usize, header: Range<usize>) -> Self {
        Self {
            name: name.to_owned(),
            line,
            header,
            entries: Vec::new(),
            metadata: Vec::new(),
            seen: HashMap::new(),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    assembly: Assembly,
    sections: Vec<(NodeId, NodeId)>,
    section: Section,
    /// Whether the metadata was read.
    metadata: bool,
    /// Comment lines without anything between them: they are one comment.
    comment: Option<Comment>,
}

impl Reader<'_> {
    fn wrong(&self, rule: &str) -> YamlError {
        at(self.line, YamlErrorKind::Syntax(rule.to_owned()))
    }

    fn next_line(&mut self) -> Result<(), YamlError> {
        let start = self.at;
        let end = line_end(self.text, start);
        self.at = (end + 1).min(self.text.len());
        self.line += 1;
        let written = trimmed(self.text, start..end);
        match self.text[written.clone()].bytes().next() {
            None => self.end_comment(),
            Some(b'#' | b';') => self.comment_line(written),
            Some(b'[') => {
                self.end_comment();
                self.header(written)?;
            }
            Some(_) => {
                self.end_comment();
                self.entry(written, end)?;
            }
        }
        if self.at >= self.text.len() {
            self.end_comment();
        }
        Ok(())
    }

    fn comment_line(&mut self, written: Range<usize>) {
        let next = comment(self.text, self.line, written.clone(), false);
        let sealed = |comment: &Comment| {
            Sealed::looks_like(&self.text[comment.span.start + 1..comment.span.end])
        };
        // An encrypted comment has a line of its own.
        match &mut self.comment {
            Some(comment) if !sealed(comment) && !next.as_ref().is_some_and(sealed) => {
                comment.span.end = written.end;
            }
            _ => {
                self.end_comment();
                self.comment = next;
            }
        }
    }

    fn end_comment(&mut self) {
        if let Some(comment) = self.comment.take() {
            self.assembly.comment(comment);
        }
    }

    fn inline_comment(&mut self, written: Range<usize>) {
        if let Some(comment) = comment(self.text, self.line, written, true) {
            self.assembly.comment(comment);
        }
    }

    fn header(&mut self, written: Range<usize>) -> Result<(), YamlError> {
        let line = &self.text[written.clone()];
        let close = line
            .rfind(']')
            .ok_or_else(|| self.wrong("the section's name does not end"))?;
        let name = line[1..close].to_owned();
        if name.is_empty() {
            return Err(self.wrong("the section has no name"));
        }
        // The bracket that ends ciphertext would be the last one.
        if close + 1 < line.len() {
            return Err(self.wrong("something follows the section's name"));
        }
        self.end_section()?;
        self.section = Section::new(&name, self.line, written);
        Ok(())
    }

    fn end_section(&mut self) -> Result<(), YamlError> {
        let section = std::mem::replace(&mut self.section, Section::new(DEFAULT, 1, 0..0));
        let (line, header) = (section.line, section.header);
        if section.name == METADATA_KEY {
            if self.metadata {
                let rule = "the section `sops` is there twice";
                return Err(at(line, YamlErrorKind::Syntax(rule.to_owned())));
            }
            self.metadata = true;
            let entry = flat::entry(section.metadata, &mut self.assembly)?;
            let rule = "the section `sops` is reserved for metadata";
            let entry = entry.ok_or_else(|| at(line, YamlErrorKind::Syntax(rule.to_owned())))?;
            self.sections.push(entry);
            return Ok(());
        }
        // A section that was never written.
        if header.is_empty() && section.entries.is_empty() {
            return Ok(());
        }
        let key = add(
            &mut self.assembly,
            line,
            header.clone(),
            string(section.name),
        )?;
        let kind = NodeKind::Mapping(CollectionStyle::Block, section.entries);
        let value = add(&mut self.assembly, line, header, kind)?;
        self.sections.push((key, value));
        Ok(())
    }

    fn entry(&mut self, written: Range<usize>, end: usize) -> Result<(), YamlError> {
        let line = self.line;
        let text = self.text;
        if text[written.clone()].starts_with(['"', '`']) {
            return Err(self.wrong("keys in quotes are not supported"));
        }
        let equals = text[written.clone()].find(['=', ':']);
        let equals = equals.ok_or_else(|| self.wrong("there is no `=` in this line"))?;
        let key = trimmed(text, written.start..written.start + equals);
        let name = text[key.clone()].to_owned();
        if name.is_empty() || name == "-" {
            return Err(self.wrong("the key has no name"));
        }
        if let Some(first) = self.section.seen.insert(name.clone(), line) {
            return Err(at(line, YamlErrorKind::DuplicateKey { key: name, first }));
        }
        let value = ini_value::read(text, written.start + equals + 1..end)
            .map_err(|rule| self.wrong(rule))?;
        self.line += text[key.start..value.span.end].matches('\n').count();
        self.at = self
            .at
            .max((line_end(text, value.span.end) + 1).min(text.len()));
        if self.section.name == METADATA_KEY {
            self.section.metadata.push(Entry {
                name,
                value: value.content.replace("\\n", "\n"),
                line,
                span: value.span,
            });
            return Ok(());
        }
        let key = add(&mut self.assembly, line, key, string(name))?;
        let content = string(value.content.to_string());
        let node = add(&mut self.assembly, line, value.span, content)?;
        self.section.entries.push((key, node));
        if let Some(comment) = value.comment {
            self.inline_comment(comment);
        }
        Ok(())
    }
}

/// A comment whose text starts behind its marks, as sops takes them off; none if nothing does. It
/// covers the last byte before the text.
fn comment(text: &str, line: usize, written: Range<usize>, inline: bool) -> Option<Comment> {
    let marks: &[char] = match text[written.clone()].starts_with(';') {
        true => &[';', ' '],
        false => &['#', ' '],
    };
    let inner = text[written.clone()].trim_start_matches(marks);
    if inner.is_empty() {
        return None;
    }
    Some(Comment {
        line,
        column: 0,
        span: written.end - inner.len() - 1..written.end,
        inline,
    })
}

/// The end of the line that `at` is on, without its line feed.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline)
}

/// A range without the blanks at both ends.
pub(crate) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let written = &text[range.clone()];
    let start = range.end - written.trim_start().len();
    start..start + text[start..range.end].trim_end().len()
}
