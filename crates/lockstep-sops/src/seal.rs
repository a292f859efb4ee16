//! The seal: a keyed hash over everything a file says, in a metadata field of our own.
//!
//! SOPS's MAC hashes bare values. The seal also holds together what that leaves open: names, types,
//! boundaries, nulls, empty lists and mappings, encrypted comments, the selector, the MAC's scope, who
//! can open the file, and the team it is for. sops ignores the field, and drops it when it writes.
//!
//! Whoever has the data key can make a seal. It says that nobody else changed the file; it does not
//! say who wrote it.

mod again;
mod field;
mod finish;

pub use again::ResealError;
pub(crate) use again::again;
pub(crate) use field::{Blank, FIELD, Field};
pub(crate) use finish::{Unfinished, finish};

use crate::metadata::Metadata;
use crate::open::Comment;
use crate::resolve;
use crate::selector::MacScope;
use crate::survey::{KeyForm, Leaf, Outlined, Shape, Survey};
use crate::typed::Typed;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lockstep_secret::DataKey;
use lockstep_yaml::{Node, NodeKind, ScalarStyle};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What the key of the seal is derived with, so that it is a key for nothing else.
const DOMAIN: &[u8] = b"lockstep seal v1";

/// Added to the kind of a value that the file holds encrypted.
const ENCRYPTED: u8 = 16;

/// Whether a file is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It has a seal, and says what was sealed.
    Verified {
        /// The team it was sealed for, if its policy named one.
        team: Option<String>,
    },
    /// It has none: sops wrote it, or somebody took the seal away.
    Missing,
}

/// A running seal.
pub(crate) struct Hasher(Hmac<Sha256>);

impl Hasher {
    /// Starts with all but the values. `team` is what the file claims, or is to claim.
    pub(crate) fn start(
        key: &DataKey,
        team: Option<&str>,
        metadata: &Metadata,
        survey: &Survey,
    ) -> Self {
        let mut derived = keyed(key.expose());
        derived.update(DOMAIN);
        let mut bytes = derived.finalize().into_bytes();
        let derived = Zeroizing::new(<[u8; 32]>::from(bytes));
        bytes.fill(0);
        let mut hasher = Self(keyed(&derived));
        hasher.byte(u8::from(team.is_some()));
        hasher.text(team.unwrap_or_default());
        hasher.text(metadata.selector.field());
        hasher.text(metadata.selector.text());
        hasher.byte(match metadata.mac_scope {
            MacScope::AllValues => 0,
            MacScope::EncryptedOnly => 1,
        });
        hasher.bytes(&metadata.keys);
        hasher.outline(survey);
        hasher.number(survey.leaves.len());
        hasher
    }

    fn outline(&mut self, survey: &Survey) {
        self.number(survey.outline().count());
        for node in survey.outline() {
            let shape = match node {
                Outlined::Root(shape) => {
                    self.byte(0);
                    shape
                }
                Outlined::Entry(parent, key, form, shape) => {
                    self.byte(match form {
                        KeyForm::Text => 1,
                        KeyForm::Word => 2,
                    });
                    self.number(parent);
                    self.text(key);
                    shape
                }
                Outlined::Element(parent, shape) => {
                    self.byte(3);
                    self.number(parent);
                    shape
                }
            };
            self.byte(match shape {
                Shape::Scalar => 0,
                Shape::Mapping => 1,
                Shape::Sequence => 2,
            });
        }
    }

    /// Adds a value that the file holds in clear: as it is written, for not everybody reads it as sops.
    pub(crate) fn clear(&mut self, leaf: &Leaf, node: &Node, value: &Typed) {
        self.number(Survey::number(leaf.path));
        let tag = node.tag.as_deref();
        match (&node.kind, value) {
            (NodeKind::Scalar(scalar), Typed::Str(bytes)) => {
                let word = scalar.style == ScalarStyle::Plain
                    && tag.is_none()
                    && !resolve::is_safe_plain(&scalar.text);
                self.byte(if word { 7 } else { kind(value) });
                self.bytes(bytes);
            }
            (NodeKind::Scalar(scalar), value) if *value != Typed::Null => {
                self.byte(kind(value));
                self.text(&scalar.text);
            }
            _ => {
                self.byte(kind(value));
                self.bytes(&value.bytes());
            }
        }
        self.text(tag.unwrap_or_default());
    }

    /// Adds a value that was decrypted.
    pub(crate) fn opened(&mut self, leaf: &Leaf, value: &Typed) {
        self.number(Survey::number(leaf.path));
        self.byte(ENCRYPTED + kind(value));
        self.bytes(&value.bytes());
    }

    /// Adds a comment that SOPS keeps as a list element.
    pub(crate) fn list_comment(&mut self, leaf: &Leaf, text: &str) {
        self.number(Survey::number(leaf.path));
        self.byte(ENCRYPTED + 6);
        self.text(text);
    }

    /// Adds the comments that were decrypted, each with what stands before it.
    pub(crate) fn comments(&mut self, survey: &Survey, comments: &[Comment]) {
        self.number(comments.len());
        for comment in comments {
            let at = comment.span.start;
            self.number(survey.slots.partition_point(|slot| slot.start < at));
            self.text(comment.text.expose());
        }
    }

    /// Whether this is the seal that the file has.
    pub(crate) fn is(self, field: &Field) -> bool {
        self.0.verify_slice(&field.hash).is_ok()
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    fn byte(&mut self, byte: u8) {
        self.0.update(&[byte]);
    }

    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("this holds because HMAC takes keys of every length")
}

fn kind(value: &Typed) -> u8 {
    match value {
        Typed::Null => 0,
        Typed::Str(_) => 1,
        Typed::Int(_) => 2,
        Typed::Float(_) => 3,
        Typed::Bool(_) => 4,
        Typed::Time(_) => 5,
    }
}
