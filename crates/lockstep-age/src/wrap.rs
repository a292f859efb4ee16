//! Data keys in and out of age files, one armored file a recipient, as sops keeps them.

use crate::identities::Held;
use crate::{Identities, Recipient, Unusable};
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{Decryptor, EncryptError, Encryptor};
use lockstep_secret::DataKey;
use lockstep_sops::{AgeEntry, Metadata};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Wraps a data key for each recipient; one that is named twice is wrapped for once.
///
/// # Errors
/// [`WrapError`].
pub fn wrap(key: &DataKey, recipients: &[Recipient]) -> Result<Vec<AgeEntry>, WrapError> {
    if recipients.is_empty() {
        return Err(WrapError::NoRecipients);
    }
    let mut entries = Vec::<AgeEntry>::with_capacity(recipients.len());
    for recipient in recipients {
        let name = recipient.to_string();
        if entries.iter().any(|entry| entry.recipient == name) {
            continue;
        }
        let enc = wrap_for(key, recipient)?;
        entries.push(AgeEntry {
            recipient: name,
            enc,
        });
    }
    Ok(entries)
}

fn wrap_for(key: &DataKey, recipient: &Recipient) -> Result<String, WrapError> {
    let recipients = std::iter::once(recipient.as_age() as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(WrapError::Age)?;
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut plain = encryptor.wrap_output(&mut armored)?;
    plain.write_all(key.expose())?;
    plain.finish()?;
    let text = armored.finish()?;
    Ok(String::from_utf8(text).expect("this holds because armor is ASCII"))
}

/// A data key, and whose identity gave it.
#[derive(Debug)]
pub struct Unwrapped {
    /// The key.
    pub key: DataKey,
    /// The public half of the identity that opened it.
    pub opened_by: Recipient,
}

/// How many bytes of entries are tried, counted for each identity that tries them. An entry that sops
/// writes has 400.
const TRIED: usize = 1 << 20;

/// What the shortest entry counts.
const LEAST: usize = 64;

/// Finds the data key of a file with the identities at hand.
///
/// Identities are tried in their order, each on the entries that name it: so of several that could
/// open the file, the first does. The recipient written beside an entry is not authenticated,
/// therefore every identity is tried on the other entries after that. Not without end: somebody else's
/// file may have an identity tried tens of thousands of times.
///
/// # Errors
/// [`UnwrapError`], which says what the file wants and what is held.
pub fn unwrap(metadata: &Metadata, identities: &Identities) -> Result<Unwrapped, UnwrapError> {
    if metadata.key_groups() > 1 {
        return Err(UnwrapError::KeyGroups {
            groups: metadata.key_groups(),
        });
    }
    let pairs = identities
        .held()
        .iter()
        .flat_map(|held| metadata.age().iter().map(move |entry| (held, entry)));
    let names_it = |(held, entry): &(&Arc<Held>, &AgeEntry)| held.name == entry.recipient.trim();
    let (named, others): (Vec<_>, Vec<_>) = pairs.partition(names_it);
    let mut left = TRIED;
    for (held, entry) in named.iter().chain(&others) {
        let Some(after) = left.checked_sub(entry.enc.len().max(LEAST)) else {
            continue;
        };
        left = after;
        if let Some(unwrapped) = open_entry(entry, held) {
            return Ok(unwrapped);
        }
    }
    if let Some((_, entry)) = named.first() {
        return Err(UnwrapError::Damaged {
            recipient: entry.recipient.trim().to_owned(),
        });
    }
    Err(UnwrapError::NoMatch(NoMatch::new(metadata, identities)))
}

fn open_entry(entry: &AgeEntry, held: &Held) -> Option<Unwrapped> {
    let armored = ArmoredReader::new(entry.enc.trim().as_bytes());
    let decryptor = Decryptor::new(armored).ok()?;
    let identity = std::iter::once(held.identity.as_age() as &dyn age::Identity);
    let key = read_key(decryptor.decrypt(identity).ok()?).ok()?;
    Some(Unwrapped {
        key,
        opened_by: held.recipient.clone(),
    })
}

/// Reads exactly one key: 32 bytes and not one more.
fn read_key(mut plain: impl Read) -> io::Result<DataKey> {
    let mut bytes = Box::new(Zeroizing::new([0; 32]));
    plain.read_exact(bytes.as_mut_slice())?;
    match plain.read(&mut [0])? {
        0 => Ok(DataKey::from_bytes(bytes)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Why a data key could not be wrapped.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// Nobody could open the result.
    #[error("there are no recipients")]
    NoRecipients,
    /// The age library refused.
    #[error("age cannot wrap the data key")]
    Age(#[source] EncryptError),
    /// Writing into memory failed.
    #[error("age cannot wrap the data key")]
    Io(#[from] io::Error),
}

/// Why a file's data key could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// None of the identities is one that the file wants.
    #[error("{0}")]
    NoMatch(NoMatch),
    /// The entry of an identity at hand does not decrypt.
    #[error("the data key's entry for {recipient} is damaged, or was made for another key")]
    Damaged {
        /// The recipient as the file names it.
        recipient: String,
    },
    /// The data key is split over several key groups.
    #[error("the data key is split over {groups} key groups, which is not supported yet")]
    KeyGroups {
        /// How many.
        groups: usize,
    },
}

impl UnwrapError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoMatch(no_match) => no_match.hint(),
            Self::Damaged { .. } => {
                Some("restore the file's last good version from Git".to_owned())
            }
            Self::KeyGroups { .. } => None,
        }
    }
}

/// What a file wants and what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoMatch {
    /// The age recipients that the file names.
    pub wants: Vec<String>,
    /// Keys of other kinds that could open it: how many of which.
    pub wants_others: Vec<(String, usize)>,
    /// The public halves at hand, each with where its identity came from.
    pub held: Vec<(Recipient, String)>,
    /// What was found and is of a kind that is not supported.
    pub unusable: Vec<Unusable>,
}

impl NoMatch {
    fn new(metadata: &Metadata, identities: &Identities) -> Self {
        let wants = metadata
            .age()
            .iter()
            .map(|entry| entry.recipient.trim().to_owned())
            .collect();
        let others = metadata
            .other_keys()
            .iter()
            .map(|keys| (keys.kind.clone(), keys.count));
        let mut held = Vec::<(Recipient, String)>::new();
        for (recipient, origin) in identities.recipients() {
            // One identity is often found in two places.
            if held.iter().all(|(known, _)| known != recipient) {
                held.push((recipient.clone(), origin.to_owned()));
            }
        }
        Self {
            wants,
            wants_others: others.collect(),
            held,
            unusable: identities.unusable().to_vec(),
        }
    }

    /// Where identities are to be put is for the program to say.
    fn hint(&self) -> Option<String> {
        let hint = if self.wants.is_empty() {
            "only age keys are supported: have an age recipient added to the file"
        } else if self.held.is_empty() {
            return None;
        } else {
            "have somebody who can open the file encrypt it for a recipient that is held, too"
        };
        Some(hint.to_owned())
    }
}

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut wants: Vec<String> = self.wants.iter().map(|text| shown(text)).collect();
        wants.extend(
            self.wants_others
                .iter()
                .map(|(kind, count)| format!("{count} {kind}")),
        );
        write!(
            f,
            "no identity at hand opens it; it wants {}",
            one_of(&wants)
        )?;
        let held: Vec<String> = self
            .held
            .iter()
            .map(|(held, origin)| format!("{held} ({origin})"))
            .collect();
        if held.is_empty() {
            f.write_str("; none is held")?;
        } else {
            write!(f, "; held: {}", held.join(", "))?;
        }
        for unusable in &self.unusable {
            write!(
                f,
                "; {}, line {}: {}",
                unusable.origin, unusable.line, unusable.why
            )?;
        }
        Ok(())
    }
}

/// A hostile file names thousands; this many are listed.
const LISTED: usize = 10;

fn one_of(names: &[String]) -> String {
    match names {
        [] => "no key at all".to_owned(),
        [one] => one.clone(),
        several if several.len() <= LISTED => format!("one of {}", several.join(", ")),
        several => {
            let (listed, rest) = several.split_at(LISTED);
            format!("one of {} and {} more", listed.join(", "), rest.len())
        }
    }
}

/// A recipient as an untrusted file names it: escaped and cut.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (position, character) in text.chars().enumerate() {
        if position == 80 {
            shown.push('…');
            break;
        }
        if character.is_control() {
            write!(shown, "{}", character.escape_unicode())
                .expect("this holds because writing to a String cannot fail");
        } else {
            shown.push(character);
        }
    }
    shown
}
