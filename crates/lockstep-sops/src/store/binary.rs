//! Binary: the file as a whole is the value `data` of a JSON object, beside the metadata.

use crate::survey::METADATA_KEY;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_yaml::{
    Assembly, CollectionStyle, Document, Node, NodeId, NodeKind, Scalar, ScalarStyle, Stream,
};
use std::ops::Range;
use zeroize::Zeroizing;

/// The key of the only value.
const DATA_KEY: &str = "data";

/// The object that the file becomes: the value is put where the empty string is.
pub(crate) const ENVELOPE: &str = "{\n\t\"data\": \"\"\n}\n";

/// The nodes of [`ENVELOPE`] with `content` for its value.
pub(crate) fn envelope(content: &[u8]) -> Stream {
    let key_at = ENVELOPE.find('"').unwrap_or_default();
    let key = key_at..key_at + DATA_KEY.len() + 2;
    let value = key.end + 2..key.end + 4;
    let root = 0..ENVELOPE.len() - 1;
    let mut assembly = Assembly::new();
    let mut add = |line, span: Range<usize>, tag, kind| -> NodeId {
        let node = Node {
            line,
            column: 0,
            start: span.start,
            span,
            anchor: None,
            tag,
            block_indent: 0,
            in_flow: true,
            kind,
        };
        let added = assembly.add(node);
        added.expect("this holds because three nodes are never too many")
    };
    let key = add(2, key, None, string(DATA_KEY.to_owned()));
    // Not always UTF-8, which a node's text must be.
    let tag = Some("tag:yaml.org,2002:binary".to_owned());
    let value = add(2, value, tag, string(STANDARD.encode(content)));
    let entries = vec![(key, value)];
    let kind = NodeKind::Mapping(CollectionStyle::Flow, entries);
    let root = add(1, root, None, kind);
    assembly.finish(Document {
        line: 1,
        span: 0..ENVELOPE.len(),
        root,
    })
}

fn string(text: String) -> NodeKind {
    NodeKind::Scalar(Scalar {
        style: ScalarStyle::DoubleQuoted,
        text: Zeroizing::new(text),
        block: None,
    })
}

/// Whether an object is what [`envelope`] becomes: metadata, and one string.
pub(crate) fn is_envelope(stream: &Stream) -> bool {
    let Some(document) = stream.documents().first() else {
        return false;
    };
    let NodeKind::Mapping(_, entries) = &stream.node(document.root).kind else {
        return false;
    };
    let is_expected = |(key, value): &(NodeId, NodeId)| {
        let NodeKind::Scalar(key) = &stream.node(*key).kind else {
            return false;
        };
        match key.text.as_str() {
            METADATA_KEY => true,
            DATA_KEY => matches!(&stream.node(*value).kind,
                NodeKind::Scalar(value) if value.style == ScalarStyle::DoubleQuoted),
            _ => false,
        }
    };
    entries.len() == 2 && entries.iter().all(is_expected)
}
