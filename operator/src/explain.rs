//! Errors as text for a status: what happened, why, and what would help.

use std::error::Error;

/// An error, its causes and a hint, in one line.
pub(crate) fn explain(error: &dyn Error, hint: Option<String>) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if let Some(hint) = hint {
        text.push_str("; ");
        text.push_str(&hint);
    }
    text
}
