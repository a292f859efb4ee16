//! `lockstep-operator crds`: prints the definitions of the API kinds.

use super::Failure;
use std::io::Write;

/// Prints the definitions as YAML.
///
/// # Errors
/// When standard output cannot be written.
pub(crate) fn print() -> Result<(), Failure> {
    let text = lockstep_api::to_yaml(&lockstep_api::crds())?;
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
