//! The top-level values of a document as variables of an environment.

use crate::document::{Document, Opened};
use crate::place::{KeyPath, Step};
use crate::resolve;
use crate::tree::{Key, OpenedKind, OpenedScalar, Value, ValueKind};
use crate::typed::Typed;
use lockstep_secret::{SecretBytes, SecretString};
use lockstep_yaml::{Scalar, ScalarStyle};
use zeroize::Zeroizing;

/// Names and values; or the first place that cannot be one.
pub(crate) fn of(document: &Document<Opened>) -> Result<Vec<(String, SecretString)>, KeyPath> {
    let Some(tree) = document.state.trees.first() else {
        return Ok(Vec::new());
    };
    let ValueKind::Mapping(entries) = &tree.root.kind else {
        return Ok(Vec::new());
    };
    entries.iter().map(variable).collect()
}

fn variable((key, value): &(Key, Value)) -> Result<(String, SecretString), KeyPath> {
    let place = || KeyPath(vec![Step::Key(key.text.clone())]);
    let unfit = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    let text = match &value.kind {
        ValueKind::Opened(value) => opened(value),
        ValueKind::Clear(value) => clear(&value.text, value.style, value.tag.as_deref()),
        ValueKind::Mapping(_) | ValueKind::Sequence(_) => None,
    };
    match text {
        Some(text) if !unfit(&key.text) && !text.expose().contains('\0') => {
            Ok((key.text.clone(), text))
        }
        _ => Err(place()),
    }
}

fn opened(value: &OpenedScalar) -> Option<SecretString> {
    let text = value.text.expose();
    match value.kind {
        OpenedKind::Binary => None,
        OpenedKind::Bool => Some(SecretString::new(text.to_ascii_lowercase())),
        _ => Some(SecretString::new(text.to_owned())),
    }
}

/// A value in clear, typed as sops types it.
fn clear(text: &str, style: ScalarStyle, tag: Option<&str>) -> Option<SecretString> {
    let scalar = Scalar {
        style,
        text: Zeroizing::new(text.to_owned()),
        block: None,
    };
    let typed = resolve::resolve(&scalar, tag).ok()?;
    let mut bytes = match typed {
        Typed::Null => return None,
        Typed::Bool(value) => return Some(SecretString::new(value.to_string())),
        typed => typed.bytes(),
    };
    SecretBytes::new(std::mem::take(&mut *bytes))
        .into_string()
        .ok()
}
