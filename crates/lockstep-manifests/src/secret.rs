//! Secrets: `stringData` becomes `data`, and what the API server would refuse is refused here, where
//! the message can be kept free of values. The API server's own would quote the whole object.

use crate::error::{RenderError, RenderErrorKind};
use crate::json::{Json, Members, Node, Origin, Text};
use crate::scalar::is_ciphertext;
use crate::tree::Walk;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The limit of the API server, over all values as bytes.
const LARGEST: usize = 1024 * 1024;

/// Standard base64 as Go reads it: padded, whatever the unused bits of the last digit say.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// Checks the values of a Secret and leaves them all under `data`, in canonical base64.
///
/// Of a key under both, `stringData` wins, as in the API server. The fields that are owned after an
/// apply are then those of `data`, which is what shows a change by others.
pub(crate) fn normalize(object: &mut Members<'_>, walk: &Walk) -> Result<(), RenderError> {
    let mut data = BTreeMap::new();
    let mut size = 0;
    for field in ["data", "stringData"] {
        let Some(node) = object.remove(field) else {
            continue;
        };
        let members = match node.json {
            Json::Object(members) => members,
            Json::Null => continue,
            _ => {
                let kind = RenderErrorKind::NotA("a mapping");
                return Err(walk.error_at(&[field], node.line, kind));
            }
        };
        for (key, node) in members {
            let fail = |kind| walk.error_at(&[field, &key], node.line, kind);
            if !is_key(&key) {
                return Err(fail(RenderErrorKind::SecretKey));
            }
            let Json::Text(text) = &node.json else {
                return Err(fail(RenderErrorKind::SecretValueNotText(node.json.kind())));
            };
            let bytes = match field {
                "data" => decode(text.expose())
                    .ok_or_else(|| fail(RenderErrorKind::SecretValueNotBase64))?,
                _ => Zeroizing::new(text.expose().as_bytes().to_vec()),
            };
            if is_ciphertext(&bytes) {
                return Err(fail(RenderErrorKind::StillEncrypted));
            }
            let json = Json::Text(Text::Owned(Zeroizing::new(BASE64.encode(&*bytes))));
            size += bytes.len();
            data.insert(
                key,
                Node {
                    line: node.line,
                    origin: node.origin,
                    json,
                },
            );
            if size > LARGEST {
                return Err(walk.error_at(&[field], node.line, RenderErrorKind::SecretTooLarge));
            }
        }
    }
    if let Some(line) = data.values().map(|node| node.line).min() {
        object.insert(
            "data".to_owned(),
            Node {
                line,
                origin: Origin::Clear,
                json: Json::Object(data),
            },
        );
    }
    Ok(())
}

/// Go leaves line breaks out, so block scalars work.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut packed = Zeroizing::new(String::with_capacity(text.len()));
    packed.extend(text.chars().filter(|c| !matches!(c, '\n' | '\r')));
    BASE64.decode(packed.as_bytes()).ok().map(Zeroizing::new)
}

fn is_key(key: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=253).contains(&key.len()) && key.bytes().all(fits) && key != "." && !key.starts_with("..")
}
