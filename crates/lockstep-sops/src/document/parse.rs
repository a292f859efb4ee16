//! From text to a document: clear, or encrypted.

use super::{Clear, Document, Encrypted};
use crate::error::ParseError;
use crate::metadata_read;
use crate::place::{KeyPath, Place};
use crate::store::{self, Format, binary};
use lockstep_secret::{SecretBytes, SecretString};
use lockstep_yaml::{NodeId, NodeKind, ScalarStyle, Stream};

/// What a file turned out to be.
#[derive(Debug)]
pub enum Parsed {
    /// It has no `sops` block.
    Clear(Document<Clear>),
    /// It has one.
    Encrypted(Document<Encrypted>),
}

/// Reads a YAML file of one or more documents, as [`parse_as`] does.
///
/// # Errors
/// [`ParseError`].
pub fn parse(text: SecretString) -> Result<Parsed, ParseError> {
    parse_text(text, Format::Yaml)
}

/// Reads a file of any format. The caller caps its size.
///
/// It is encrypted if its first document has a top-level mapping `sops`. A binary file is encrypted if
/// it is what encrypting a binary file gives.
///
/// # Errors
/// [`ParseError`].
pub fn parse_as(content: SecretBytes, format: Format) -> Result<Parsed, ParseError> {
    if format != Format::Binary {
        return parse_text(content.into_string()?, format);
    }
    let text = std::str::from_utf8(content.expose()).ok();
    let stream = text.and_then(|text| store::read(Format::Binary, text).ok());
    if stream.is_some_and(|stream| binary::is_envelope(&stream)) {
        return parse_text(content.into_string()?, format);
    }
    Ok(Parsed::Clear(Document {
        stream: binary::envelope(content.expose()),
        text: SecretString::new(binary::ENVELOPE.to_owned()),
        format,
        state: Clear {
            content: Some(content),
            team: None,
        },
    }))
}

fn parse_text(text: SecretString, format: Format) -> Result<Parsed, ParseError> {
    let stream = match store::read(format, text.expose()) {
        Ok(stream) => stream,
        Err(error) => return Err(conflict(text.expose()).unwrap_or(error)),
    };
    if stream.documents().is_empty() {
        return Err(ParseError::Empty);
    }
    for document in 0..stream.documents().len() {
        check_root(&stream, format, document)?;
    }
    let blocks: Vec<Option<(usize, NodeId)>> = (0..stream.documents().len())
        .map(|document| store::metadata_of(&stream, document))
        .collect();
    match blocks[0] {
        Some((line, id)) if matches!(stream.node(id).kind, NodeKind::Mapping(..)) => {
            let metadata = Box::new(metadata_read::read(&stream, id, line)?);
            let team = metadata.sealed_for();
            Ok(Parsed::Encrypted(Document {
                text,
                stream,
                format,
                state: Encrypted { metadata, team },
            }))
        }
        Some((line, _)) => Err(ParseError::ReservedKey { line }),
        None => match blocks.iter().flatten().next() {
            Some((line, _)) => Err(ParseError::ReservedKey { line: *line }),
            None => Ok(Parsed::Clear(Document {
                text,
                stream,
                format,
                state: Clear {
                    content: None,
                    team: None,
                },
            })),
        },
    }
}

/// How Git marks both sides of a conflict, and what they have in common.
const MARKERS: [&str; 3] = ["<<<<<<< ", ">>>>>>> ", "||||||| "];

/// The marker of an unresolved merge, which is never valid YAML at the start of a line.
fn conflict(text: &str) -> Option<ParseError> {
    let is_marker = |line: &str| MARKERS.iter().any(|marker| line.starts_with(marker));
    let marker = text.lines().position(is_marker)?;
    Some(ParseError::Conflict { line: marker + 1 })
}

fn check_root(stream: &Stream, format: Format, document: usize) -> Result<(), ParseError> {
    let node = stream.node(stream.documents()[document].root);
    let found = match &node.kind {
        NodeKind::Mapping(..) => return Ok(()),
        NodeKind::Scalar(scalar)
            if format == Format::Yaml
                && scalar.style == ScalarStyle::Plain
                && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL") =>
        {
            return Ok(());
        }
        NodeKind::Sequence(..) => "list",
        NodeKind::Scalar(_) | NodeKind::Alias(_) => "value",
    };
    let place = Place {
        document: document + 1,
        line: node.line,
        path: KeyPath::default(),
    };
    Err(ParseError::RootNotMapping { place, found })
}
