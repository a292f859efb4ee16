//! Why a document gives no object. No message holds a value.

use lockstep_sops::Place;

/// A document that gives no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct RenderError {
    /// Where.
    pub place: Place,
    /// Why.
    pub kind: RenderErrorKind,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderErrorKind {
    /// A field every object has is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is not of its type.
    #[error("not {0}")]
    NotA(&'static str),
    /// A name cannot stand in the address of an object.
    #[error("not a valid {0}")]
    Name(&'static str),
    /// The object is to be named by the API server.
    #[error("generateName cannot be kept in step: the object would be another one each time")]
    GenerateName,
    /// The document is for Kustomize.
    #[error("Kustomize is not supported yet")]
    Kustomize,
    /// A key is no text, or a plain one that tools read differently, such as `on`.
    #[error("the key is not text, or not to every tool")]
    KeyNotText,
    /// `<<` has nothing to merge.
    #[error("`<<` needs a mapping or a list of mappings")]
    Merge,
    /// kubectl would let `<<` overwrite an earlier key, other tools would not.
    #[error("`<<` would overwrite a key above it in some tools and not in others")]
    MergeOrder,
    /// Infinity or not-a-number.
    #[error("a number that JSON has no form for")]
    NotFinite,
    /// The text cannot be what the tag says.
    #[error("the value does not fit its tag")]
    Tag,
    /// The bytes are no text.
    #[error("the value is not UTF-8")]
    NotUtf8,
    /// A scalar is ciphertext, in a file that says it holds none there.
    #[error("the value is still encrypted")]
    StillEncrypted,
    /// A value of a Secret is a number, a bool, or nothing.
    #[error("a Secret's values are text, and this is {0}")]
    SecretValueNotText(&'static str),
    /// A value under `data` is not base64.
    #[error("a value under data must be base64")]
    SecretValueNotBase64,
    /// A key of a Secret has a character it may not have.
    #[error("a Secret's keys are letters, digits, '-', '_' and '.', at most 253 of them")]
    SecretKey,
    /// The Secret is larger than the API server takes.
    #[error("the Secret is larger than 1 MiB")]
    SecretTooLarge,
}

impl RenderError {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.kind {
            RenderErrorKind::Missing("apiVersion" | "kind") => {
                "every YAML file below the path of a Sync is a manifest: move other files elsewhere"
            }
            RenderErrorKind::GenerateName => "give the object a name",
            RenderErrorKind::KeyNotText | RenderErrorKind::SecretValueNotText(_) => "quote it",
            RenderErrorKind::MergeOrder => "put `<<` first",
            RenderErrorKind::NotFinite => "quote it, if it is meant as text",
            RenderErrorKind::SecretValueNotBase64 => {
                "put plain text under stringData, which needs no base64"
            }
            RenderErrorKind::NotUtf8 => "put base64 under the data of a Secret",
            RenderErrorKind::StillEncrypted => {
                "the file has lost its sops block: restore the last good version from Git"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
