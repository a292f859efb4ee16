//! Other recipients for an encrypted file under the same data key: of the metadata, the keys are written
//! anew. All other bytes stay, the MAC and the time among them.

use crate::document::{Document, Encrypted};
use crate::metadata::Wrapped;
use crate::metadata_write;
use crate::seam::{line_break_of, line_end, line_start};
use crate::store::{self, Format};
use lockstep_yaml::{CollectionStyle, Node, NodeId, NodeKind, Splices, Stream};

/// The fields that say who can open a file.
const FIELDS: [&str; 3] = ["age", "key_groups", "shamir_threshold"];

/// The file with `wrapped` as its keys; `None` if it has none to replace in place, or is not YAML.
pub(crate) fn rewrap(document: &Document<Encrypted>, wrapped: Wrapped<'_>) -> Option<String> {
    if document.format != Format::Yaml {
        return None;
    }
    let (text, stream) = (document.text.expose(), &document.stream);
    let mut splices = Splices::default();
    for index in 0..stream.documents().len() {
        // Later documents need not have metadata.
        let Some((_, metadata)) = store::metadata_of(stream, index) else {
            continue;
        };
        let NodeKind::Mapping(style, entries) = &stream.node(metadata).kind else {
            return None;
        };
        let fields = entries.iter().filter(|(key, _)| is_key_field(stream, *key));
        let fields = fields.map(|(key, value)| (stream.node(*key), stream.node(*value)));
        let fields: Vec<(&Node, &Node)> = fields.collect();
        let (first, others) = fields.split_first()?;
        if *style == CollectionStyle::Flow {
            if !others.is_empty() {
                return None;
            }
            let end = first.1.span.end.max(first.0.span.end);
            splices.replace(first.0.start..end, metadata_write::keys_in_flow(wrapped));
            continue;
        }
        let line_break = line_break_of(text);
        let column = first.0.start - line_start(text, first.0.start);
        let lines = metadata_write::key_lines(wrapped, column, line_break);
        replace_lines(&mut splices, text, *first, lines);
        for field in others {
            replace_lines(&mut splices, text, *field, String::new());
        }
    }
    Some(std::mem::take(&mut *splices.apply(text)))
}

fn is_key_field(stream: &Stream, key: NodeId) -> bool {
    let NodeKind::Scalar(name) = &stream.node(key).kind else {
        return false;
    };
    FIELDS
        .iter()
        .any(|field| name.text.eq_ignore_ascii_case(field))
}

fn replace_lines(splices: &mut Splices, text: &str, (key, value): (&Node, &Node), lines: String) {
    let start = line_start(text, key.start);
    let end = line_end(text, value.span.end.max(key.span.end), start);
    splices.replace(start..end, lines);
}
