//! Other recipients for an encrypted file under the same data key: of the metadata, the age entries are
//! written anew. All other bytes stay, the MAC and the time among them.

use crate::document::{Document, Encrypted};
use crate::metadata::AgeEntry;
use crate::metadata_write;
use crate::seam::{line_break_of, line_end, line_start};
use crate::store::{self, Format};
use lockstep_yaml::{CollectionStyle, NodeKind, Splices};

/// The file with `wrapped` as its age entries; `None` if it has none to replace, or is not YAML.
pub(crate) fn rewrap(document: &Document<Encrypted>, wrapped: &[AgeEntry]) -> Option<String> {
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
        let is_age = |key| matches!(&stream.node(key).kind, NodeKind::Scalar(name) if name.text.eq_ignore_ascii_case("age"));
        let (key, value) = *entries.iter().find(|(key, _)| is_age(*key))?;
        let (key, value) = (stream.node(key), stream.node(value));
        if *style == CollectionStyle::Flow {
            let end = value.span.end.max(key.span.end);
            splices.replace(key.start..end, metadata_write::age_in_flow(wrapped));
            continue;
        }
        let start = line_start(text, key.start);
        let end = line_end(text, value.span.end.max(key.span.end), start);
        let lines = metadata_write::age_lines(wrapped, key.start - start, line_break_of(text));
        splices.replace(start..end, lines);
    }
    Some(std::mem::take(&mut *splices.apply(text)))
}
