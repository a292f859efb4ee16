//! The `sops` block of a file: who can open it, what is encrypted, and the sealed MAC.
//!
//! sops authenticates nothing of it except through the MAC's own additional data (`lastmodified`). The
//! seal holds the keys, the selector and the MAC's scope.

use crate::seal::Field;
use crate::selector::{MacScope, Selector};

/// The data key wrapped for one age recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeEntry {
    /// The recipient as written, such as `age1…`.
    pub recipient: String,
    /// An armored age file that holds the data key.
    pub enc: String,
}

/// A key entry of a kind this program does not open: kept, counted, named in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherKeys {
    /// The field's name: `pgp`, `kms`, `gcp_kms`, `hckms`, `azure_kv`, `hc_vault`.
    pub kind: String,
    /// How many entries it has.
    pub count: usize,
}

/// The metadata of one encrypted file.
#[derive(Clone, Debug)]
pub struct Metadata {
    pub(crate) age: Vec<AgeEntry>,
    pub(crate) others: Vec<OtherKeys>,
    /// How many of the age entries each group has, in order.
    pub(crate) groups: Vec<usize>,
    pub(crate) threshold: usize,
    pub(crate) selector: Selector,
    pub(crate) mac_scope: MacScope,
    pub(crate) last_modified: String,
    pub(crate) mac: String,
    pub(crate) version: String,
    /// The seal as written.
    pub(crate) seal: Option<String>,
    /// Everything about who can open the file, in the form that is sealed.
    pub(crate) keys: Vec<u8>,
}

impl Metadata {
    /// The age entries, in file order. With more than one key group each wraps only a share.
    #[must_use]
    pub fn age(&self) -> &[AgeEntry] {
        &self.age
    }

    /// Key entries of other kinds.
    #[must_use]
    pub fn other_keys(&self) -> &[OtherKeys] {
        &self.others
    }

    /// How many key groups share the data key; 1 when it is not split.
    #[must_use]
    pub fn key_groups(&self) -> usize {
        self.groups.len()
    }

    /// The age entries of each key group. Each wraps the group's share of the data key, or the whole of
    /// it if there is one group. A group may have none, and keys of other kinds.
    pub fn groups(&self) -> impl Iterator<Item = &[AgeEntry]> {
        let mut rest = self.age.as_slice();
        self.groups.iter().map(move |length| {
            let (group, after) = rest.split_at(*length);
            rest = after;
            group
        })
    }

    /// Of how many key groups a key each is needed.
    #[must_use]
    pub fn threshold(&self) -> usize {
        match self.groups.len() {
            1 => 1,
            // The field may be absent or wrong; fewer than two shares are none.
            _ => self.threshold.max(2),
        }
    }

    /// Which values are encrypted.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Which values the MAC covers.
    #[must_use]
    pub fn mac_scope(&self) -> MacScope {
        self.mac_scope
    }

    /// When the file was last encrypted: RFC 3339 to the second, as the MAC's additional data.
    #[must_use]
    pub fn last_modified(&self) -> &str {
        &self.last_modified
    }

    /// Whether there is a MAC, good or not.
    #[must_use]
    pub fn has_mac(&self) -> bool {
        !self.mac.is_empty()
    }

    /// Whether the file has a seal, true or not.
    #[must_use]
    pub fn has_seal(&self) -> bool {
        self.seal.is_some()
    }

    /// The team that the seal names. Nothing vouches for it until the file is opened.
    pub(crate) fn sealed_for(&self) -> Option<String> {
        Field::parse(self.seal.as_deref()?)?.team
    }

    /// The sops version that the file claims to be written by.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// A recipient as it is compared: without blanks around it, and an SSH key without its comment, which
/// anybody may change.
#[must_use]
pub fn recipient_name(written: &str) -> String {
    let written = written.trim();
    if !written.starts_with("ssh-") {
        return written.to_owned();
    }
    let words: Vec<&str> = written.split_whitespace().take(2).collect();
    words.join(" ")
}

/// A data key that is split: the shares of its key groups, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGroups {
    /// The entries of each group.
    pub groups: Vec<Vec<AgeEntry>>,
    /// Of how many groups a key each is needed.
    pub threshold: usize,
}

/// A wrapped data key to be written into a file.
#[derive(Clone, Copy, Debug)]
pub enum Wrapped<'a> {
    /// Every entry wraps all of it.
    Whole(&'a [AgeEntry]),
    /// Every group wraps a share of it.
    Split(&'a KeyGroups),
}

impl Wrapped<'_> {
    /// Whether there is nobody who could open the file.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Whole(entries) => entries.is_empty(),
            Self::Split(split) => split.groups.iter().all(Vec::is_empty),
        }
    }
}

impl<'a> From<&'a [AgeEntry]> for Wrapped<'a> {
    fn from(entries: &'a [AgeEntry]) -> Self {
        Self::Whole(entries)
    }
}

impl<'a> From<&'a Vec<AgeEntry>> for Wrapped<'a> {
    fn from(entries: &'a Vec<AgeEntry>) -> Self {
        Self::Whole(entries)
    }
}

impl<'a, const N: usize> From<&'a [AgeEntry; N]> for Wrapped<'a> {
    fn from(entries: &'a [AgeEntry; N]) -> Self {
        Self::Whole(entries)
    }
}

impl<'a> From<&'a KeyGroups> for Wrapped<'a> {
    fn from(split: &'a KeyGroups) -> Self {
        Self::Split(split)
    }
}
