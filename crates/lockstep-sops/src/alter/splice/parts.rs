//! Adds parts to a collection and takes them out, by whole lines where it has lines.

use super::Editor;
use crate::alter::NewValue;
use crate::alter::spell::one_line;
use crate::restore;
use crate::seam::{line_break_of, line_end, line_start};
use lockstep_yaml::write::{self, Context};
use lockstep_yaml::{CollectionStyle, Node, NodeId, NodeKind, ScalarStyle};

impl<'t> Editor<'t> {
    pub(super) fn add_entry(
        &mut self,
        style: CollectionStyle,
        last: (NodeId, NodeId),
        key: &str,
        value: &NewValue,
    ) -> Option<()> {
        let (last_key, last_value) = (self.stream.node(last.0), self.stream.node(last.1));
        let end = last_value.span.end.max(last_key.span.end);
        if style == CollectionStyle::Flow {
            let quoted = matches!(&last_key.kind, NodeKind::Scalar(scalar) if scalar.style == ScalarStyle::DoubleQuoted);
            let key = if quoted {
                write::double_quoted(key)
            } else {
                restore::unquoted(key, Context::Flow)
            };
            let value = match value {
                NewValue::Text(text) if quoted => write::double_quoted(text.expose()),
                value => one_line(value, Context::Flow),
            };
            let before = self.blanks_before(last_key);
            let written = format!(",{before}{}: {}", *key, *value);
            self.splices.replace(end..end, written);
            return Some(());
        }
        let column = last_key.block_indent;
        let value = self.lines().after_key(value, column);
        let key = restore::unquoted(key, Context::Block);
        self.add_lines(end, column, &format!("{}:{}", *key, *value));
        Some(())
    }

    pub(super) fn add_item(
        &mut self,
        style: CollectionStyle,
        last: NodeId,
        value: &NewValue,
    ) -> Option<()> {
        let last = self.stream.node(last);
        if style == CollectionStyle::Flow {
            let quoted = matches!(&last.kind, NodeKind::Scalar(scalar) if scalar.style == ScalarStyle::DoubleQuoted);
            let value = match value {
                NewValue::Text(text) if quoted => write::double_quoted(text.expose()),
                value => one_line(value, Context::Flow),
            };
            let before = self.blanks_before(last);
            let end = last.span.end;
            self.splices
                .replace(end..end, format!(",{before}{}", *value));
            return Some(());
        }
        if last.span.is_empty() {
            return None;
        }
        let column = last.block_indent;
        let value = self.lines().after_dash(value, column);
        self.add_lines(last.span.end, column, &format!("-{}", *value));
        Some(())
    }

    /// Adds lines behind the one that `end` is on.
    fn add_lines(&mut self, end: usize, column: usize, lines: &str) {
        let line_break = line_break_of(self.text);
        let start = line_start(self.text, end.saturating_sub(1));
        let at = line_end(self.text, end, start);
        let before = if self.text[..at].ends_with('\n') {
            ""
        } else {
            line_break
        };
        let indent = " ".repeat(column);
        self.splices
            .replace(at..at, format!("{before}{indent}{lines}{line_break}"));
    }

    /// Takes out one of several parts of a collection, each given by its first and last node.
    pub(super) fn remove(
        &mut self,
        style: CollectionStyle,
        parts: &[(NodeId, NodeId)],
        id: NodeId,
    ) -> Option<()> {
        let index = parts.iter().position(|(_, value)| *value == id)?;
        let span = |index: usize| -> Option<(usize, usize)> {
            let (first, last) = *parts.get(index)?;
            let (first_node, last) = (self.stream.node(first), self.stream.node(last));
            let start = if style == CollectionStyle::Block && parts[index].0 == parts[index].1 {
                self.dash(first_node)?
            } else {
                first_node.start
            };
            Some((start, last.span.end.max(first_node.span.end)))
        };
        let (start, end) = span(index)?;
        if style == CollectionStyle::Flow {
            let range = match index.checked_sub(1) {
                Some(before) => span(before)?.1..end,
                None => start..span(index + 1)?.0,
            };
            self.splices.replace(range, String::new());
            return Some(());
        }
        let line = line_start(self.text, start);
        let before = self.text[line..start].trim_start_matches('\u{feff}');
        if before.trim().is_empty() {
            self.splices.replace(
                start - before.len()..line_end(self.text, end, start),
                String::new(),
            );
        } else {
            // It shares its line with a dash.
            self.splices
                .replace(start..span(index + 1)?.0, String::new());
        }
        Some(())
    }

    /// The dash of a block list's element.
    pub(super) fn dash(&self, item: &Node) -> Option<usize> {
        (!item.span.is_empty())
            .then(|| self.text[..item.start].rfind('-'))
            .flatten()
    }

    /// The end of what a node covers, without the line break that ends its last line.
    pub(super) fn content_end(&self, node: &Node) -> usize {
        let bytes = &self.text[..node.span.end];
        let bytes = bytes.strip_suffix('\n').unwrap_or(bytes);
        let bytes = bytes.strip_suffix('\r').unwrap_or(bytes);
        bytes.len().max(node.start)
    }

    /// The blanks and line breaks before a part of a collection in braces or brackets.
    fn blanks_before(&self, node: &Node) -> &'t str {
        let before = &self.text[..node.start];
        let blanks = &before[before.trim_end().len()..];
        if blanks.is_empty() { " " } else { blanks }
    }
}
