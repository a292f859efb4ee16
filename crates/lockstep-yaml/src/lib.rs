//! YAML as text that can be edited: nodes with byte spans, comments, and splices.
//!
//! [`Stream::parse`] reads a file into nodes that know where they stand; [`Splices`] replaces byte
//! ranges and leaves every other byte as it was; [`mod@write`] spells scalars. Nothing here gives a
//! scalar a type: sops types like go-yaml, Kubernetes like YAML 1.1, and both sit above.
//!
//! Limits: YAML 1.2, without directives; mapping keys must be scalars and unique by their text;
//! nesting and node count are capped. Scalar texts are wiped on drop, and no error shows any.

mod assembly;
mod build;
mod error;
mod node;
mod raw;
mod splice;
mod stream;
pub mod write;

pub use assembly::Assembly;
pub use error::{YamlError, YamlErrorKind};
pub use node::{BlockScalar, CollectionStyle, Node, NodeId, NodeKind, Scalar, ScalarStyle};
pub use splice::Splices;
pub use stream::{Comment, Document, Stream};
