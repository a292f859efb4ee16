//! From opened documents to Kubernetes objects, in the order they are applied.
//!
//! Every `*.yaml` and `*.yml` file is a manifest or a stream of manifests; `List`s are taken apart.
//! Plain scalars have the types kubectl gives them (YAML 1.1 with a few of its own), so `yes` is a
//! bool and `0777` an octal number here, while SOPS reads both otherwise. A manifest becomes canonical
//! JSON: the same content gives the same bytes, whatever its layout.
//!
//! # Limits
//! The place of an object is its namespace's URL, so the body says none; what the manifest wrote is in
//! the key, for the caller to judge. Whether a kind is cluster-scoped is not known here.
//!
//! What a policy may have something to say about, such as a Secret of a type that carries power elsewhere,
//! or a decrypted value outside a Secret, is noted with the object and judged by the caller.
//!
//! Plaintext is borrowed from the opened document or held in zeroizing memory, and ends in a
//! [`lockstep_secret::SecretBytes`]. No error holds a value.

mod error;
mod file;
mod findings;
mod json;
mod manifest;
mod object;
mod power;
mod render;
mod scalar;
mod secret;
mod tree;

pub use error::{RenderError, RenderErrorKind};
pub use file::{FileRole, role_of};
pub use findings::{Encryption, Findings};
pub use manifest::{Manifest, Stage, stage};
pub use power::{Mark, Power, matches};
pub use render::render;
