//! The formats a file can have, and everything that differs between them: how text becomes nodes,
//! how ciphertext and plaintext are put into a span, and where the metadata stands.
//!
//! Every format is read into the nodes of a [`Stream`], with spans, so that walking, encrypting,
//! opening and the MAC know of no format.

pub(crate) mod binary;
mod dotenv;
mod flat;
mod ini;
mod ini_metadata;
mod ini_value;
pub(crate) mod json;
mod json_metadata;

use crate::error::ParseError;
use crate::json_text;
use crate::metadata_write::Block;
use crate::restore::{self, BlockColumn};
use crate::tree::OpenedScalar;
use crate::{carrier, seam};
use lockstep_yaml::{Document, Node, NodeId, Scalar, Splices, Stream, YamlError};
use std::fmt;

/// The format of a file: one of sops's stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// YAML, of one or more documents.
    #[default]
    Yaml,
    /// One JSON object.
    Json,
    /// Lines of `KEY=value`.
    Dotenv,
    /// Sections of `key = value`.
    Ini,
    /// Anything: the whole file is one value of a JSON object.
    Binary,
}

impl Format {
    /// The format that sops takes a file of this name for: by the end of the name, as it is spelled.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            Self::Yaml
        } else if name.ends_with(".json") {
            Self::Json
        } else if name.ends_with(".env") {
            Self::Dotenv
        } else if name.ends_with(".ini") {
            Self::Ini
        } else {
            Self::Binary
        }
    }

    /// The name that sops's options have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Dotenv => "dotenv",
            Self::Ini => "INI",
            Self::Binary => "a binary file of SOPS",
        })
    }
}

/// Reads a file's nodes.
pub(crate) fn read(format: Format, text: &str) -> Result<Stream, ParseError> {
    let read = match format {
        Format::Yaml => return Stream::parse(text).map_err(ParseError::Yaml),
        Format::Json | Format::Binary => json::read(text),
        Format::Dotenv => dotenv::read(text),
        Format::Ini => ini::read(text),
    };
    read.map_err(|source: YamlError| ParseError::Syntax { format, source })
}

/// Replaces the value at `node` by its ciphertext.
pub(crate) fn put_ciphertext(
    format: Format,
    splices: &mut Splices,
    text: &str,
    node: &Node,
    scalar: &Scalar,
    ciphertext: &str,
) {
    match format {
        Format::Yaml => carrier::put(splices, text, node, scalar, ciphertext),
        // Nothing in ciphertext needs an escape.
        Format::Json | Format::Binary => {
            splices.replace(node.span.clone(), format!("\"{ciphertext}\""));
        }
        Format::Dotenv => splices.replace(node.span.clone(), ciphertext.to_owned()),
        Format::Ini => {
            let written = ini_value::ciphertext(&text[node.span.clone()], ciphertext);
            splices.replace(node.span.clone(), written);
        }
    }
}

/// Leaves the value at a node in clear.
pub(crate) fn leave(format: Format, splices: &mut Splices, text: &str, scalar: &Scalar) {
    if format == Format::Yaml {
        carrier::leave(splices, text, scalar);
    }
}

/// Replaces the ciphertext at `node` by what it decrypted to.
pub(crate) fn put_value(
    format: Format,
    splices: &mut Splices,
    text: &str,
    node: &Node,
    scalar: &Scalar,
    (opened, column): (&OpenedScalar, BlockColumn),
) {
    match format {
        Format::Yaml => restore::put(splices, text, node, scalar, opened, column),
        Format::Json | Format::Binary => splices.replace(
            node.span.clone(),
            json_text::value(opened.kind, opened.text.expose()),
        ),
        Format::Dotenv => splices.replace(node.span.clone(), dotenv::value(opened)),
        Format::Ini => {
            let written = ini_value::spelled(&text[node.span.clone()], &flat::text(opened));
            splices.replace(node.span.clone(), written);
        }
    }
}

/// Appends the metadata to a document that has none.
pub(crate) fn append_metadata(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    match block.format {
        Format::Yaml => seam::append(splices, text, stream, document, block),
        Format::Json | Format::Binary => {
            json_metadata::append(splices, text, stream, document, block);
        }
        Format::Dotenv => dotenv::append(splices, text, block),
        Format::Ini => ini_metadata::append(splices, text, block),
    }
}

/// Writes the metadata where it stands.
pub(crate) fn replace_metadata(
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
    block: &Block<'_>,
) {
    match block.format {
        Format::Yaml => seam::replace(splices, text, stream, document, block),
        Format::Json | Format::Binary => {
            json_metadata::replace(splices, text, stream, document, block);
        }
        Format::Ini => ini_metadata::replace(splices, text, stream, document, block),
        Format::Dotenv => dotenv::replace(splices, text, block),
    }
}

/// Writes one field of the metadata, and nothing else of it. Nothing where it has no place for the
/// field; `Some(false)` where there is no metadata.
pub(crate) fn set_field(
    format: Format,
    splices: &mut Splices,
    text: &str,
    (stream, document): (&Stream, &Document),
    field: (&str, &str),
) -> Option<bool> {
    match format {
        Format::Yaml | Format::Json | Format::Binary => {
            seam::set_field(splices, text, stream, document, field)
        }
        Format::Dotenv => {
            let (_, block) = seam::metadata_of(stream, 0)?;
            flat::set_field(splices, text, stream, block, field, ("sops_", "="))
        }
        Format::Ini => {
            let (_, block) = seam::metadata_of(stream, 0)?;
            flat::set_field(splices, text, stream, block, field, ("", " = "))
        }
    }
}

/// Takes the metadata out.
pub(crate) fn remove_metadata(
    format: Format,
    splices: &mut Splices,
    text: &str,
    stream: &Stream,
    document: &Document,
) {
    match format {
        // In braces both are alike.
        Format::Yaml | Format::Json | Format::Binary => {
            seam::remove(splices, text, stream, document);
        }
        Format::Dotenv => dotenv::remove(splices, text),
        Format::Ini => ini_metadata::remove(splices, text, stream, document),
    }
}

/// The metadata of a document: the line where it starts, and the node it is read from.
pub(crate) fn metadata_of(stream: &Stream, document: usize) -> Option<(usize, NodeId)> {
    seam::metadata_of(stream, document)
}
