//! Writes out what an alias stands for, in braces and brackets, where the alias cannot stay because
//! ciphertext is bound to the place it stands in.

use lockstep_yaml::write::{self, Context};
use lockstep_yaml::{NodeId, NodeKind, ScalarStyle, Stream};
use zeroize::Zeroizing;

/// Writes `id` out. `leaves` gives the text for each scalar in order, or `None` to copy it.
pub(crate) fn in_flow(
    stream: &Stream,
    id: NodeId,
    leaves: &mut dyn Iterator<Item = Option<Zeroizing<String>>>,
) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    write_node(stream, id, leaves, &mut out);
    out
}

fn write_node(
    stream: &Stream,
    id: NodeId,
    leaves: &mut dyn Iterator<Item = Option<Zeroizing<String>>>,
    out: &mut Zeroizing<String>,
) {
    let node = stream.node(id);
    match &node.kind {
        NodeKind::Alias(target) => write_node(stream, *target, leaves, out),
        NodeKind::Scalar(_) => match leaves.next().flatten() {
            Some(text) => out.push_str(&text),
            None => out.push_str(&copy(stream, id)),
        },
        NodeKind::Sequence(_, items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_node(stream, *item, leaves, out);
            }
            out.push(']');
        }
        NodeKind::Mapping(_, entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&copy(stream, *key));
                out.push_str(": ");
                write_node(stream, *value, leaves, out);
            }
            out.push('}');
        }
    }
}

/// A scalar as it is, with its tag, in a style that fits on one line.
fn copy(stream: &Stream, id: NodeId) -> Zeroizing<String> {
    let node = stream.node(id);
    let NodeKind::Scalar(scalar) = &node.kind else {
        return Zeroizing::new(String::new());
    };
    let mut out = Zeroizing::new(match node.tag.as_deref() {
        None => String::new(),
        Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
            Some(kind) => format!("!!{kind} "),
            None if tag.starts_with('!') => format!("{tag} "),
            None => format!("!<{tag}> "),
        },
    });
    let plain = scalar.style == ScalarStyle::Plain;
    if plain && (scalar.text.is_empty() || write::plain_fits(&scalar.text, Context::Flow)) {
        out.push_str(if scalar.text.is_empty() {
            "null"
        } else {
            &scalar.text
        });
    } else {
        out.push_str(&write::double_quoted(&scalar.text));
    }
    out
}
