//! Data keys into age files, one armored file a recipient, as sops keeps them.

use crate::{Recipient, shamir};
use age::armor::{ArmoredWriter, Format};
use age::{EncryptError, Encryptor};
use lockstep_secret::DataKey;
use lockstep_sops::{AgeEntry, KeyGroups};
use std::io::{self, Write};

/// Wraps a data key for each recipient; one that is named twice is wrapped for once.
///
/// # Errors
/// [`WrapError`].
pub fn wrap(key: &DataKey, recipients: &[Recipient]) -> Result<Vec<AgeEntry>, WrapError> {
    wrap_bytes(key.expose(), recipients)
}

/// Splits a data key over groups of recipients: of `threshold` groups a recipient each is needed to put
/// it together.
///
/// # Errors
/// [`WrapError`].
pub fn wrap_split(
    key: &DataKey,
    groups: &[Vec<Recipient>],
    threshold: usize,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<KeyGroups, WrapError> {
    let shares = shamir::split(key.expose(), groups.len(), threshold, random);
    let shares = shares.ok_or(WrapError::Threshold {
        threshold,
        groups: groups.len(),
    })?;
    let wrapped = shares.iter().zip(groups);
    let groups = wrapped.map(|(share, recipients)| wrap_bytes(share, recipients));
    Ok(KeyGroups {
        groups: groups.collect::<Result<_, _>>()?,
        threshold,
    })
}

fn wrap_bytes(secret: &[u8], recipients: &[Recipient]) -> Result<Vec<AgeEntry>, WrapError> {
    if recipients.is_empty() {
        return Err(WrapError::NoRecipients);
    }
    let mut entries = Vec::<AgeEntry>::with_capacity(recipients.len());
    for (index, recipient) in recipients.iter().enumerate() {
        if recipients[..index].contains(recipient) {
            continue;
        }
        let enc = wrap_for(secret, recipient)?;
        entries.push(AgeEntry {
            recipient: recipient.as_written(),
            enc,
        });
    }
    Ok(entries)
}

fn wrap_for(secret: &[u8], recipient: &Recipient) -> Result<String, WrapError> {
    let recipients = std::iter::once(recipient.as_age());
    let encryptor = Encryptor::with_recipients(recipients).map_err(WrapError::Age)?;
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut plain = encryptor.wrap_output(&mut armored)?;
    plain.write_all(secret)?;
    plain.finish()?;
    let text = armored.finish()?;
    Ok(String::from_utf8(text).expect("this holds because armor is ASCII"))
}

/// Why a data key could not be wrapped.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// Nobody could open the result.
    #[error("there are no recipients")]
    NoRecipients,
    /// A data key cannot be split like that.
    #[error("a data key cannot be split over {groups} key groups of which {threshold} are needed")]
    Threshold {
        /// How many groups are to be needed.
        threshold: usize,
        /// How many there are: 2 to 255.
        groups: usize,
    },
    /// The age library refused.
    #[error("age cannot wrap the data key")]
    Age(#[source] EncryptError),
    /// Writing into memory failed.
    #[error("age cannot wrap the data key")]
    Io(#[from] io::Error),
}
