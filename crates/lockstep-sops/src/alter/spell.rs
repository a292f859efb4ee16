//! Writes new values out, in lines or on one line.

use super::{Below, NewValue, Same};
use crate::place::Step;
use crate::restore::{canonical, is_readable_block, unquoted};
use crate::tree::OpenedKind;
use crate::typed::{Typed, float_text};
use lockstep_yaml::write::{Context, Digit, literal};
use zeroize::Zeroizing;

/// How lines are written.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    /// How much further right what is inside stands.
    pub(super) step: usize,
    pub(super) line_break: &'a str,
}

impl Lines<'_> {
    /// What follows the colon of a key at `column`, without the last line break.
    pub(super) fn after_key(self, value: &NewValue, column: usize) -> Zeroizing<String> {
        match value {
            NewValue::Map(entries) if !entries.is_empty() => {
                let column = column + self.step;
                self.opened(&self.entries(entries, column), column)
            }
            NewValue::List(items) if !items.is_empty() => {
                let column = column + self.step;
                self.opened(&self.items(items, column), column)
            }
            other => self.inline(other, column, column + self.step),
        }
    }

    /// Entries at the top of a document, without the last line break.
    pub(super) fn top(self, entries: &[(String, NewValue)]) -> Zeroizing<String> {
        self.entries(entries, 0)
    }

    /// What follows the dash of an element at `column`.
    pub(super) fn after_dash(self, value: &NewValue, column: usize) -> Zeroizing<String> {
        let below = column + 2;
        let written = match value {
            NewValue::Map(entries) if !entries.is_empty() => self.entries(entries, below),
            NewValue::List(items) if !items.is_empty() => self.items(items, below),
            other => return self.inline(other, column, below),
        };
        Zeroizing::new(format!(" {}", *written))
    }

    /// Lines that begin on a line of their own.
    fn opened(self, lines: &str, column: usize) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{}{lines}", self.line_break, blanks(column)))
    }

    /// Entries at `column`, the first without its indentation.
    fn entries(self, entries: &[(String, NewValue)], column: usize) -> Zeroizing<String> {
        let entry = |(key, value): &(String, NewValue)| {
            let key = unquoted(key, Context::Block);
            let value = self.after_key(value, column);
            Zeroizing::new(format!("{}:{}", *key, *value))
        };
        self.joined(entries.iter().map(entry), column)
    }

    fn items(self, items: &[NewValue], column: usize) -> Zeroizing<String> {
        let item = |item| Zeroizing::new(format!("-{}", *self.after_dash(item, column)));
        self.joined(items.iter().map(item), column)
    }

    fn joined(
        self,
        parts: impl Iterator<Item = Zeroizing<String>>,
        column: usize,
    ) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::new());
        for (index, part) in parts.enumerate() {
            if index > 0 {
                out.push_str(self.line_break);
                out.push_str(&blanks(column));
            }
            out.push_str(&part);
        }
        out
    }

    /// A value behind a key or dash of a collection at `column`.
    fn inline(self, value: &NewValue, column: usize, below: usize) -> Zeroizing<String> {
        if let NewValue::Text(text) = value
            && is_readable_block(text.expose())
            && let Some(block) = literal(
                text.expose(),
                below,
                below - column,
                Digit::IfNeeded,
                self.line_break,
            )
            && !block.keeps()
        {
            let content = block.content.strip_suffix(self.line_break);
            let content = content.unwrap_or(&block.content);
            let header = &block.header;
            return Zeroizing::new(format!(" {header}{}{content}", self.line_break));
        }
        Zeroizing::new(format!(" {}", *one_line(value, Context::Block)))
    }
}

fn blanks(count: usize) -> String {
    " ".repeat(count)
}

/// A value on one line; a collection in braces or brackets.
pub(super) fn one_line(value: &NewValue, context: Context) -> Zeroizing<String> {
    let spelled = match value {
        NewValue::Null => "null".to_owned(),
        NewValue::Bool(value) => value.to_string(),
        NewValue::Int(value) => value.to_string(),
        NewValue::Float(value) => return canonical(OpenedKind::Float, &float_text(*value)),
        NewValue::Text(text) => return unquoted(text.expose(), context),
        NewValue::List(items) => {
            let items = items.iter().map(|item| one_line(item, Context::Flow));
            return enclosed('[', items, ']');
        }
        NewValue::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = unquoted(key, Context::Flow);
                Zeroizing::new(format!("{}: {}", *key, *one_line(value, Context::Flow)))
            });
            return enclosed('{', entries, '}');
        }
    };
    Zeroizing::new(spelled)
}

fn enclosed(
    open: char,
    parts: impl Iterator<Item = Zeroizing<String>>,
    close: char,
) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::from(open));
    for (index, part) in parts.enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        out.push_str(&part);
    }
    out.push(close);
    out
}

/// The values in `value`, each with the steps that lead to it.
pub(super) fn leaves(value: &NewValue) -> Vec<Below> {
    let mut found = Vec::new();
    collect(value, &mut Vec::new(), &mut found);
    found
}

fn collect(value: &NewValue, steps: &mut Vec<Step>, found: &mut Vec<Below>) {
    let typed = match value {
        NewValue::Null => Typed::Null,
        NewValue::Bool(value) => Typed::Bool(*value),
        NewValue::Int(value) => Typed::Int(*value),
        NewValue::Float(value) => Typed::Float(*value),
        NewValue::Text(text) => Typed::Str(Zeroizing::new(text.expose().as_bytes().to_vec())),
        NewValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                steps.push(Step::Index(index));
                collect(item, steps, found);
                steps.pop();
            }
            return;
        }
        NewValue::Map(entries) => {
            for (key, value) in entries {
                steps.push(Step::Key(key.clone()));
                collect(value, steps, found);
                steps.pop();
            }
            return;
        }
    };
    let (steps, value) = (steps.clone(), Same(typed));
    found.push(Below { steps, value });
}
