//! Seals a file that is there already: the one field is written, and no other byte.

use super::{Blank, FIELD, Unfinished, finish};
use crate::document::{Document, Encrypted};
use crate::error::OpenError;
use crate::store;
use lockstep_secret::DataKey;
use lockstep_yaml::Splices;

/// Why a document was not sealed again.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The metadata is written in a way that has no place for the seal.
    #[error("the metadata is written in a form that has no place for a seal")]
    NoPlace,
    /// The result cannot be read; it was thrown away.
    #[error("the sealed file cannot be read, so it is not written")]
    NotReadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub(crate) fn again(
    document: &Document<Encrypted>,
    key: &DataKey,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<String, ResealError> {
    let (text, stream) = (document.text.expose(), &document.stream);
    let blank = Blank::new(document.state.team.as_deref(), random);
    let mut splices = Splices::default();
    let value = blank.value();
    for part in stream.documents() {
        let field = (FIELD, value.as_str());
        store::set_field(document.format, &mut splices, text, (stream, part), field)
            .ok_or(ResealError::NoPlace)?;
    }
    let written = std::mem::take(&mut *splices.apply(text));
    match finish(written, document.format, &blank, key) {
        Ok((sealed, _)) => Ok(sealed),
        Err(Unfinished::Open(error)) => Err(error.into()),
        Err(error) => Err(ResealError::NotReadable(Box::new(error))),
    }
}
