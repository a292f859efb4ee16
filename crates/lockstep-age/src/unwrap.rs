//! Data keys out of the age files that sops keeps them in.

use crate::identities::Held;
use crate::{Identities, NoMatch, Recipient, Unusable, shamir};
use age::Decryptor;
use age::armor::ArmoredReader;
use lockstep_secret::DataKey;
use lockstep_sops::{AgeEntry, Metadata, recipient_name};
use std::io::{self, Read};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A data key, and whose identity gave it.
#[derive(Debug)]
pub struct Unwrapped {
    /// The key.
    pub key: DataKey,
    /// The public half of the identity that opened it; of a split key, the first share.
    pub opened_by: Recipient,
    /// The public halves of those that opened the other shares.
    pub also_by: Vec<Recipient>,
}

/// How many bytes of entries are tried, counted for each identity that tries them. An entry that sops
/// writes has 400.
const TRIED: usize = 1 << 20;

/// What the shortest entry counts.
const LEAST: usize = 64;

/// For how many entries of a file a reserve is asked: for each of them a program may run.
const RESERVED: usize = 32;

/// Finds the data key of a file with the identities at hand.
///
/// Identities are tried in their order, each on the entries that name it: so of several that could
/// open the file, the first does. The recipient written beside an entry is not authenticated,
/// therefore every identity is tried on the other entries after that. Not without end: somebody else's
/// file may have an identity tried tens of thousands of times. If nothing at hand opens the file, the
/// reserves are asked.
///
/// # Errors
/// [`UnwrapError`], which says what the file wants and what is held.
pub fn unwrap(metadata: &Metadata, identities: &Identities) -> Result<Unwrapped, UnwrapError> {
    let mut opener = Opener::new(identities);
    if metadata.key_groups() > 1 {
        return unwrap_split(metadata, opener);
    }
    match opener.open(metadata.age(), 32) {
        Ok(opened) => Ok(Unwrapped {
            key: data_key(&opened.secret),
            opened_by: opened.by,
            also_by: Vec::new(),
        }),
        Err(Failed::Damaged(recipient)) => Err(UnwrapError::Damaged { recipient }),
        Err(Failed::NoMatch) => {
            let no_match = NoMatch::new(metadata, &opener.held(), opener.unusable);
            Err(UnwrapError::NoMatch(Box::new(no_match)))
        }
    }
}

/// Opens a share of as many groups as it takes: first of those for which an identity is at hand.
fn unwrap_split(metadata: &Metadata, mut opener: Opener<'_>) -> Result<Unwrapped, UnwrapError> {
    let groups: Vec<_> = metadata.groups().collect();
    let mut opened: Vec<Option<Opened>> = Vec::new();
    let mut damaged = None;
    for entries in &groups {
        opened.push(match opener.open_at_hand(entries, 33) {
            Ok(share) => Some(share),
            Err(Failed::Damaged(recipient)) => {
                damaged = Some(recipient);
                None
            }
            Err(Failed::NoMatch) => None,
        });
    }
    let needed = metadata.threshold();
    let mut count = opened.iter().flatten().count();
    for (entries, share) in groups.iter().zip(&mut opened) {
        // Nobody is asked for more than is needed.
        if share.is_none() && count < needed {
            *share = opener.open_with_reserves(entries, 33);
            count += usize::from(share.is_some());
        }
    }
    let missing = |index: usize| opened[index].is_none();
    let wanted: Vec<_> = (0..groups.len()).filter(|index| missing(*index)).collect();
    if groups.len() - wanted.len() < needed {
        if let Some(recipient) = damaged {
            return Err(UnwrapError::Damaged { recipient });
        }
        let mut no_match = NoMatch::new(metadata, &opener.held(), opener.unusable);
        no_match.split_over(metadata, &wanted);
        return Err(UnwrapError::NoMatch(Box::new(no_match)));
    }
    let (shares, by): (Vec<_>, Vec<_>) = opened
        .into_iter()
        .flatten()
        .map(|share| (share.secret, share.by))
        .unzip();
    let secret = shamir::combine(&shares).ok_or(UnwrapError::Shares)?;
    let mut by = by.into_iter();
    let opened_by = by.next().ok_or(UnwrapError::Shares)?;
    Ok(Unwrapped {
        key: data_key(&secret),
        opened_by,
        also_by: by.collect(),
    })
}

/// Puts a key where it does not move. `secret` must have 32 bytes.
fn data_key(secret: &[u8]) -> DataKey {
    let mut bytes = Box::new(Zeroizing::new([0; 32]));
    bytes.copy_from_slice(secret);
    DataKey::from_bytes(bytes)
}

/// What an age file held.
struct Opened {
    secret: Zeroizing<Vec<u8>>,
    by: Recipient,
}

enum Failed {
    NoMatch,
    /// The entry of an identity that was tried does not open.
    Damaged(String),
}

/// Tries identities on the entries of one file.
struct Opener<'a> {
    identities: &'a Identities,
    /// What the reserves gave.
    more: Vec<Arc<Held>>,
    unusable: Vec<Unusable>,
    left: usize,
}

impl<'a> Opener<'a> {
    fn new(identities: &'a Identities) -> Self {
        Self {
            identities,
            more: Vec::new(),
            unusable: identities.unusable().to_vec(),
            left: TRIED,
        }
    }

    /// Every identity that was tried.
    fn held(&self) -> Vec<Arc<Held>> {
        self.identities
            .held()
            .iter()
            .chain(&self.more)
            .cloned()
            .collect()
    }

    fn open(&mut self, entries: &[AgeEntry], length: usize) -> Result<Opened, Failed> {
        let at_hand = self.open_at_hand(entries, length);
        match at_hand {
            Ok(opened) => Ok(opened),
            Err(failed) => self.open_with_reserves(entries, length).ok_or(failed),
        }
    }

    fn open_at_hand(&mut self, entries: &[AgeEntry], length: usize) -> Result<Opened, Failed> {
        let names: Vec<String> = entries
            .iter()
            .map(|entry| recipient_name(&entry.recipient))
            .collect();
        let pairs = self.identities.held().iter().flat_map(|held| {
            let entries = entries.iter().zip(&names);
            entries.map(move |(entry, name)| (held, entry, name == &held.name))
        });
        let (named, others): (Vec<_>, Vec<_>) = pairs.partition(|(_, _, names_it)| *names_it);
        for (held, entry, _) in named.iter().chain(&others) {
            if let Some(opened) = self.try_one(held, entry, length) {
                return Ok(opened);
            }
        }
        Err(match named.first() {
            Some((held, ..)) => Failed::Damaged(held.name.clone()),
            None => Failed::NoMatch,
        })
    }

    fn open_with_reserves(&mut self, entries: &[AgeEntry], length: usize) -> Option<Opened> {
        let identities = self.identities;
        for reserve in identities.reserves() {
            for entry in entries.iter().take(RESERVED) {
                let more = reserve.identities_for(&recipient_name(&entry.recipient));
                for unusable in more.unusable() {
                    if !self.unusable.contains(unusable) {
                        self.unusable.push(unusable.clone());
                    }
                }
                for held in more.held() {
                    if self.more.iter().all(|known| !Arc::ptr_eq(known, held)) {
                        self.more.push(Arc::clone(held));
                    }
                    if let Some(opened) = self.try_one(held, entry, length) {
                        return Some(opened);
                    }
                }
            }
        }
        None
    }

    fn try_one(&mut self, held: &Held, entry: &AgeEntry, length: usize) -> Option<Opened> {
        self.left = self.left.checked_sub(entry.enc.len().max(LEAST))?;
        let armored = ArmoredReader::new(entry.enc.trim().as_bytes());
        let decryptor = Decryptor::new(armored).ok()?;
        let identity = std::iter::once(held.as_age());
        let secret = read_exactly(decryptor.decrypt(identity).ok()?, length).ok()?;
        Some(Opened {
            secret,
            by: held.recipient.clone(),
        })
    }
}

/// Reads `length` bytes, and not one more may follow.
fn read_exactly(mut plain: impl Read, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    plain.read_exact(&mut bytes)?;
    match plain.read(&mut [0])? {
        0 => Ok(bytes),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Why a file's data key could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// None of the identities is one that the file wants.
    #[error("{0}")]
    NoMatch(Box<NoMatch>),
    /// The entry of an identity at hand does not decrypt.
    #[error("the data key's entry for {recipient} is damaged, or was made for another key")]
    Damaged {
        /// The recipient as the file names it.
        recipient: String,
    },
    /// The shares of the key groups are not of one data key.
    #[error("the shares of the file's key groups do not fit together")]
    Shares,
}

impl UnwrapError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoMatch(no_match) => no_match.hint(),
            Self::Damaged { .. } | Self::Shares => {
                Some("restore the file's last good version from Git".to_owned())
            }
        }
    }
}
