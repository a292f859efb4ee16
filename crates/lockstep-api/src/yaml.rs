//! Objects as YAML, for people to read before they apply them.

use serde::Serialize;

/// An object could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("an object cannot be printed as YAML")]
pub struct PrintError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Prints `objects` as one YAML stream, keys sorted, so that the same objects give the same text.
///
/// # Errors
/// [`PrintError`] for an object that YAML has no form for; those of this crate have one.
pub fn to_yaml<T: Serialize>(objects: &[T]) -> Result<String, PrintError> {
    let mut text = String::new();
    for object in objects {
        let value = serde_json::to_value(object).map_err(|error| PrintError(error.into()))?;
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&value).map_err(|error| PrintError(error.into()))?);
    }
    Ok(text)
}
