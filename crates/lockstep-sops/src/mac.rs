//! The MAC over a file's values: what SOPS hashes, and nothing more.
//!
//! Names, boundaries between values, nulls, comments and the metadata are not covered.

use crate::selector::MacScope;
use crate::typed::Typed;
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt::Write as _;

/// A running MAC.
pub(crate) struct Mac {
    hash: Sha512,
    scope: MacScope,
}

impl Mac {
    pub(crate) fn new(scope: MacScope) -> Self {
        let mut hash = Sha512::new();
        if scope == MacScope::EncryptedOnly {
            hash.update(Sha256::digest(b"sops"));
        }
        Self { hash, scope }
    }

    /// Adds a value; `selected` says whether it is one of the encrypted ones.
    pub(crate) fn add(&mut self, value: &Typed, selected: bool) {
        if !selected && self.scope == MacScope::EncryptedOnly {
            return;
        }
        match value {
            Typed::Str(bytes) => self.hash.update(&**bytes),
            other => self.hash.update(&*other.bytes()),
        }
    }

    /// The MAC in upper-case hexadecimal.
    pub(crate) fn finish(self) -> String {
        let mut text = String::with_capacity(128);
        for byte in self.hash.finalize() {
            write!(text, "{byte:02X}").expect("this holds because a String takes every write");
        }
        text
    }
}
