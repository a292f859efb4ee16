//! Metadata where a file has no nesting: names joined with `__map_` and `__list_`, one value each.

use crate::metadata_write::Field;
use crate::survey::METADATA_KEY;
use crate::tree::{OpenedKind, OpenedScalar};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_yaml::{
    Assembly, CollectionStyle, Node, NodeId, NodeKind, Scalar, ScalarStyle, Splices, Stream,
    YamlError, YamlErrorKind,
};
use std::collections::BTreeMap;
use std::ops::Range;
use zeroize::Zeroizing;

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Steps in one name. sops needs six.
const MAX_STEPS: usize = 16;

/// The names and values of metadata, in order.
pub(crate) fn flatten(fields: &[(String, Field)]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (name, field) in fields {
        flatten_field(name.clone(), field, &mut out);
    }
    out
}

fn flatten_field(name: String, field: &Field, out: &mut Vec<(String, String)>) {
    match field {
        Field::Text(text) | Field::Word(text) => out.push((name, text.clone())),
        Field::List(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten_field(format!("{name}{LIST}{index}"), item, out);
            }
        }
        Field::Mapping(entries) => {
            for (key, value) in entries {
                flatten_field(format!("{name}{MAP}{key}"), value, out);
            }
        }
    }
}

/// A name and its value, as a file has them.
pub(crate) struct Entry {
    /// Without what marks it as metadata.
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) line: usize,
    /// The bytes of the value.
    pub(crate) span: Range<usize>,
}

/// What names lead to.
enum Part {
    Value(Entry),
    Map(BTreeMap<String, Self>),
    List(BTreeMap<usize, Self>),
}

/// The entry `sops` that `entries` are the flat form of, if there are any.
pub(crate) fn entry(
    entries: Vec<Entry>,
    assembly: &mut Assembly,
) -> Result<Option<(NodeId, NodeId)>, YamlError> {
    let Some(first) = entries.first() else {
        return Ok(None);
    };
    let (line, start) = (first.line, first.span.start);
    let name = string(METADATA_KEY.to_owned());
    let key = add(assembly, line, start..start, name)?;
    Ok(Some((key, unflatten(entries, assembly)?)))
}

/// The mapping that `entries` are the flat form of.
fn unflatten(entries: Vec<Entry>, assembly: &mut Assembly) -> Result<NodeId, YamlError> {
    let mut root = Part::Map(BTreeMap::new());
    let first = entries
        .first()
        .map_or((1, 0), |entry| (entry.line, entry.span.start));
    for entry in entries {
        let line = entry.line;
        let wrong = |rule: &str| at(line, YamlErrorKind::Syntax(rule.to_owned()));
        let steps = steps(&entry.name).ok_or_else(|| wrong("this is no name of metadata"))?;
        let mut part = &mut root;
        for (index, step) in steps.iter().enumerate() {
            let last = index + 1 == steps.len();
            let empty = || match steps.get(index + 1) {
                Some(Step::Position(_)) => Part::List(BTreeMap::new()),
                _ => Part::Map(BTreeMap::new()),
            };
            part = match (part, step) {
                (Part::Map(map), Step::Key(key)) if last && map.contains_key(*key) => {
                    return Err(wrong("this metadata is there twice"));
                }
                (Part::Map(map), Step::Key(key)) => {
                    map.entry((*key).to_owned()).or_insert_with(empty)
                }
                (Part::List(list), Step::Position(at)) => list.entry(*at).or_insert_with(empty),
                _ => return Err(wrong("this metadata contradicts other metadata")),
            };
        }
        match part {
            Part::Map(map) if map.is_empty() => *part = Part::Value(entry),
            _ => return Err(wrong("this metadata is there twice")),
        }
    }
    build(root, first, assembly)
}

/// Writes one field of the metadata at `block`, on a line of its own where there is none yet.
pub(crate) fn set_field(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    block: NodeId,
    (name, value): (&str, &str),
    (prefix, separator): (&str, &str),
) -> Option<bool> {
    let NodeKind::Mapping(_, entries) = &stream.node(block).kind else {
        return None;
    };
    let fields = entries.iter().filter_map(|(key, value)| {
        match (&stream.node(*key).kind, &stream.node(*value).kind) {
            (NodeKind::Scalar(key), NodeKind::Scalar(_)) => {
                Some((key.text.as_str(), stream.node(*value).span.clone()))
            }
            _ => None,
        }
    });
    let mut behind = None;
    for (field, span) in fields {
        if field.eq_ignore_ascii_case(name) {
            splices.replace(span, value.to_owned());
            return Some(true);
        }
        if behind.is_none() && field > name {
            behind = Some(span);
        }
    }
    let line = text[..behind?.start].rfind('\n').map_or(0, |end| end + 1);
    splices.replace(line..line, format!("{prefix}{name}{separator}{value}\n"));
    Some(true)
}

enum Step<'t> {
    Key(&'t str),
    Position(usize),
}

/// The steps of a name.
fn steps(name: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = name;
    let mut separator = MAP;
    loop {
        let ends = [(rest.find(MAP), MAP), (rest.find(LIST), LIST)];
        let next = ends
            .into_iter()
            .filter_map(|(at, what)| Some((at?, what)))
            .min();
        let (step, behind) = match next {
            Some((at, what)) => (&rest[..at], Some((&rest[at + what.len()..], what))),
            None => (rest, None),
        };
        steps.push(match separator {
            LIST => Step::Position(step.parse().ok()?),
            _ => Step::Key(step),
        });
        if steps.len() > MAX_STEPS {
            return None;
        }
        match behind {
            Some((behind, what)) => (rest, separator) = (behind, what),
            None => return Some(steps),
        }
    }
}

fn build(part: Part, first: (usize, usize), assembly: &mut Assembly) -> Result<NodeId, YamlError> {
    let (line, start) = first;
    let kind = match part {
        Part::Value(entry) => return add(assembly, entry.line, entry.span, string(entry.value)),
        Part::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, part) in map {
                let key = add(assembly, line, start..start, string(key))?;
                entries.push((key, build(part, first, assembly)?));
            }
            NodeKind::Mapping(CollectionStyle::Block, entries)
        }
        Part::List(list) => {
            let mut items = Vec::with_capacity(list.len());
            for (expected, (position, part)) in list.into_iter().enumerate() {
                if position != expected {
                    let rule = "a list in the metadata has gaps";
                    return Err(at(line, YamlErrorKind::Syntax(rule.to_owned())));
                }
                items.push(build(part, first, assembly)?);
            }
            NodeKind::Sequence(CollectionStyle::Block, items)
        }
    };
    add(assembly, line, start..start, kind)
}

/// Adds a node of a file without nesting.
pub(crate) fn add(
    assembly: &mut Assembly,
    line: usize,
    span: Range<usize>,
    kind: NodeKind,
) -> Result<NodeId, YamlError> {
    let node = Node {
        line,
        column: 0,
        start: span.start,
        span,
        anchor: None,
        tag: None,
        block_indent: 0,
        in_flow: false,
        kind,
    };
    assembly.add(node).map_err(|kind| at(line, kind))
}

/// A scalar that is a string, whatever it looks like.
pub(crate) fn string(text: String) -> NodeKind {
    NodeKind::Scalar(Scalar {
        style: ScalarStyle::DoubleQuoted,
        text: Zeroizing::new(text),
        block: None,
    })
}

pub(crate) fn at(line: usize, kind: YamlErrorKind) -> YamlError {
    YamlError {
        line,
        column: 1,
        kind,
    }
}

/// A decrypted value as text, as sops writes it where all values are strings.
pub(crate) fn text(opened: &OpenedScalar) -> Zeroizing<String> {
    let text = opened.text.expose();
    Zeroizing::new(match opened.kind {
        OpenedKind::Str | OpenedKind::Time | OpenedKind::Int => text.to_owned(),
        OpenedKind::Bool => text.to_ascii_lowercase(),
        OpenedKind::Float => float(text),
        // A text file has no bytes: as with sops in JSON, what is not UTF-8 is lost.
        OpenedKind::Binary => {
            let bytes = Zeroizing::new(STANDARD.decode(text).unwrap_or_default());
            String::from_utf8_lossy(&bytes).into_owned()
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> Result<NodeId, String> {
        let entry = |(index, name): (usize, &&str)| Entry {
            name: (*name).to_owned(),
            value: "v".to_owned(),
            line: index + 1,
            span: 0..0,
        };
        let entries = names.iter().enumerate().map(entry).collect();
        unflatten(entries, &mut Assembly::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn names_that_do_not_fit_together_are_refused() {
        let good = [
            "mac",
            "age__list_0__map_enc",
            "age__list_1__map_enc",
            "age__list_0__map_recipient",
        ];
        assert!(read(&good).is_ok());
        let twice = "line 2, column 1: this metadata is there twice";
        let contradicts = "line 2, column 1: this metadata contradicts other metadata";
        for (names, expected) in [
            (vec!["mac", "mac"], twice),
            (vec!["age", "age__list_0__map_enc"], contradicts),
            (vec!["age__map_a", "age__list_0"], contradicts),
            (vec!["age__map_a", "age"], twice),
            (
                vec!["age__list_1__map_enc"],
                "line 1, column 1: a list in the metadata has gaps",
            ),
            (
                vec!["age__list_x"],
                "line 1, column 1: this is no name of metadata",
            ),
            (
                vec!["age__list_-1"],
                "line 1, column 1: this is no name of metadata",
            ),
        ] {
            assert_eq!(read(&names), Err(expected.to_owned()), "{names:?}");
        }
        let deep = format!("a{}", "__map_a".repeat(1_000_000));
        assert!(read(&[&deep]).is_err());
    }

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
