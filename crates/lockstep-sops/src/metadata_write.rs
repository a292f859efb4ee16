//! Writes the metadata as sops 3.13 does: keys sorted, and for YAML four columns per level and times
//! quoted. What is written is the same in every format; how it is spelled is not.

use crate::json_text::quoted;
use crate::metadata::{AgeEntry, Wrapped};
use crate::resolve;
use crate::seal::{Blank, FIELD as SEAL_FIELD};
use crate::selector::{EncryptionPolicy, MacScope};
use crate::store::Format;
use lockstep_yaml::write::{self, Context, Digit};

/// The release whose format is written; sops refuses files without a version.
pub(crate) const FORMAT_VERSION: &str = "3.13.3";

/// What goes into the metadata.
pub(crate) struct Block<'a> {
    pub(crate) wrapped: Wrapped<'a>,
    pub(crate) policy: &'a EncryptionPolicy,
    pub(crate) last_modified: &'a str,
    pub(crate) mac: &'a str,
    pub(crate) seal: &'a Blank,
    pub(crate) format: Format,
}

/// A value of the metadata.
pub(crate) enum Field {
    /// A string.
    Text(String),
    /// A number or a bool, as it is spelled everywhere.
    Word(String),
    List(Vec<Self>),
    /// Entries, sorted by name.
    Mapping(Vec<(String, Self)>),
}

impl Block<'_> {
    /// All fields, sorted by name.
    pub(crate) fn fields(&self) -> Vec<(String, Field)> {
        let text = |text: &str| Field::Text(text.to_owned());
        let mut fields = key_fields(self.wrapped);
        fields.extend([
            ("lastmodified", text(self.last_modified)),
            (SEAL_FIELD, Field::Text(self.seal.value())),
            ("mac", text(self.mac)),
            ("version", text(FORMAT_VERSION)),
        ]);
        // A binary file is one value, which no selector may leave in clear: sops writes none.
        if self.format != Format::Binary {
            let selector = &self.policy.selector;
            fields.push((selector.field(), text(selector.text())));
            if self.policy.mac_scope == MacScope::EncryptedOnly {
                fields.push(("mac_only_encrypted", Field::Word("true".to_owned())));
            }
        }
        fields.sort_unstable_by_key(|(name, _)| *name);
        let owned = |(name, field): (&str, Field)| (name.to_owned(), field);
        fields.into_iter().map(owned).collect()
    }

    /// The block as lines of YAML below `column`, the column of the document's keys.
    pub(crate) fn to_lines(&self, column: usize, line_break: &str) -> String {
        let mut out = Lines {
            text: String::new(),
            column,
            line_break,
        };
        out.line(0, "sops:");
        out.mapping(4, "", &self.fields());
        out.text
    }

    /// The block as an entry in braces, on one line; JSON and YAML alike.
    pub(crate) fn to_flow(&self) -> String {
        let mut out = "\"sops\": ".to_owned();
        flow(&Field::Mapping(self.fields()), &mut out);
        out
    }
}

/// The age entries.
fn age_field(entries: &[AgeEntry]) -> Field {
    let text = |text: &str| Field::Text(text.to_owned());
    let entry = |entry: &AgeEntry| {
        Field::Mapping(vec![
            ("enc".to_owned(), text(&entry.enc)),
            ("recipient".to_owned(), text(&entry.recipient)),
        ])
    };
    Field::List(entries.iter().map(entry).collect())
}

/// What says who can open the file, sorted by name.
fn key_fields(wrapped: Wrapped<'_>) -> Vec<(&'static str, Field)> {
    match wrapped {
        Wrapped::Whole(entries) => vec![("age", age_field(entries))],
        Wrapped::Split(split) => {
            // sops writes this list even where it has no keys of the kind.
            let group = |entries: &Vec<AgeEntry>| {
                let vault = ("hc_vault".to_owned(), Field::List(Vec::new()));
                Field::Mapping(vec![("age".to_owned(), age_field(entries)), vault])
            };
            let groups = split.groups.iter().map(group);
            vec![
                ("key_groups", Field::List(groups.collect())),
                ("shamir_threshold", Field::Word(split.threshold.to_string())),
            ]
        }
    }
}

/// The keys as lines of YAML, at `column`.
pub(crate) fn key_lines(wrapped: Wrapped<'_>, column: usize, line_break: &str) -> String {
    let mut out = Lines {
        text: String::new(),
        column,
        line_break,
    };
    let fields = key_fields(wrapped).into_iter();
    let fields: Vec<_> = fields
        .map(|(name, field)| (name.to_owned(), field))
        .collect();
    out.mapping(0, "", &fields);
    out.text
}

/// The keys as entries in braces.
pub(crate) fn keys_in_flow(wrapped: Wrapped<'_>) -> String {
    let mut out = String::new();
    for (index, (name, field)) in key_fields(wrapped).iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        out.push_str(&quoted(name));
        out.push_str(": ");
        flow(field, &mut out);
    }
    out
}

/// Writes a field on one line.
fn flow(field: &Field, out: &mut String) {
    match field {
        Field::Text(text) => out.push_str(&quoted(text)),
        Field::Word(word) => out.push_str(word),
        Field::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                flow(item, out);
            }
            out.push(']');
        }
        Field::Mapping(entries) => {
            out.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&quoted(name));
                out.push_str(": ");
                flow(value, out);
            }
            out.push('}');
        }
    }
}

struct Lines<'a> {
    text: String,
    column: usize,
    line_break: &'a str,
}

impl Lines<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        self.text
            .extend(std::iter::repeat_n(' ', self.column + indent));
        self.text.push_str(text);
        self.text.push_str(self.line_break);
    }

    /// The entries of a mapping at `indent`; `dash` stands before the first of them.
    fn mapping(&mut self, indent: usize, dash: &str, entries: &[(String, Field)]) {
        for (index, (name, value)) in entries.iter().enumerate() {
            let (at, dash) = match index {
                0 => (indent - dash.len(), dash),
                _ => (indent, ""),
            };
            self.field(at, indent, &format!("{dash}{}:", scalar(name)), value);
        }
    }

    /// A value behind `lead`, which stands at `at`; what goes on below stands right of `indent`.
    fn field(&mut self, at: usize, indent: usize, lead: &str, value: &Field) {
        let next = (indent / 4 + 1) * 4;
        match value {
            Field::Text(text) => {
                let (content, relative) = (self.column + next, next - indent);
                let digit = Digit::IfNeeded;
                match write::literal(text, content, relative, digit, self.line_break)
                    .filter(|_| text.contains('\n'))
                {
                    Some(block) => {
                        self.line(at, &format!("{lead} {}", block.header));
                        self.text.push_str(&block.content);
                    }
                    None => self.line(at, &format!("{lead} {}", scalar(text))),
                }
            }
            Field::Word(word) => self.line(at, &format!("{lead} {word}")),
            Field::List(items) if items.is_empty() => self.line(at, &format!("{lead} []")),
            Field::Mapping(entries) if entries.is_empty() => self.line(at, &format!("{lead} {{}}")),
            Field::Mapping(entries) => {
                self.line(at, lead);
                self.mapping(next, "", entries);
            }
            Field::List(items) => {
                self.line(at, lead);
                for item in items {
                    match item {
                        Field::Mapping(entries) if !entries.is_empty() => {
                            self.mapping(next + 2, "- ", entries);
                        }
                        item => self.field(next, next + 2, "-", item),
                    }
                }
            }
        }
    }
}

/// A string in the style that go-yaml would choose for it.
fn scalar(text: &str) -> String {
    if write::plain_fits(text, Context::Block) && resolve::is_safe_plain(text) {
        return text.to_owned();
    }
    let single = resolve::is_safe_plain(text)
        .then(|| write::single_quoted(text))
        .flatten();
    single
        .unwrap_or_else(|| write::double_quoted(text))
        .to_string()
}
