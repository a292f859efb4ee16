//! The last step of every verb that writes a file: open what was written, and seal it.

use super::Blank;
use crate::document::{Document, Opened, Parsed, parse_as};
use crate::error::{OpenError, ParseError};
use crate::open;
use crate::store::Format;
use lockstep_secret::{DataKey, SecretBytes};

/// Why what was written is thrown away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the metadata is not found")]
    NotEncrypted,
}

/// Opens a file that was just written with `blank` in the place of its seal: its plaintext may exist
/// nowhere else in a moment. Gives it sealed, and as it opened.
pub(crate) fn finish(
    written: String,
    format: Format,
    blank: &Blank,
    key: &DataKey,
) -> Result<(String, Document<Opened>), Unfinished> {
    let Parsed::Encrypted(document) = parse_as(SecretBytes::new(written.into_bytes()), format)?
    else {
        return Err(Unfinished::NotEncrypted);
    };
    let (opened, hasher) = open::open_unsealed(document, key)?;
    let sealed = blank.fill(opened.text.expose(), &hasher.finish());
    Ok((sealed, opened))
}
