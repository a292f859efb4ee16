//! Whole texts in age files: what is kept for a bad day, such as a backup of keys.

use crate::{Identities, Recipient, WrapError};
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{Decryptor, Encryptor};
use lockstep_secret::{SecretBytes, SecretString};
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// The largest text that is read back.
const LARGEST: u64 = 16 << 20;

/// Encrypts `text` to all of `recipients`, armored, so that plain `age` opens it, too.
///
/// # Errors
/// [`WrapError`].
pub fn encrypt(text: &SecretString, recipients: &[Recipient]) -> Result<String, WrapError> {
    if recipients.is_empty() {
        return Err(WrapError::NoRecipients);
    }
    let recipients = recipients.iter().map(Recipient::as_age);
    let encryptor = Encryptor::with_recipients(recipients).map_err(WrapError::Age)?;
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut plain = encryptor.wrap_output(&mut armored)?;
    plain.write_all(text.expose().as_bytes())?;
    plain.finish()?;
    let armor = armored.finish()?;
    Ok(String::from_utf8(armor).expect("this holds because armor is ASCII"))
}

/// Decrypts an age file, armored or not, with whichever identity opens it.
///
/// # Errors
/// [`DecryptError`]; nothing of a file that is damaged anywhere is given.
pub fn decrypt(file: &[u8], identities: &Identities) -> Result<SecretBytes, DecryptError> {
    let decryptor = Decryptor::new(ArmoredReader::new(file)).map_err(|_| DecryptError::NotAge)?;
    if decryptor.is_scrypt() {
        return Err(DecryptError::Passphrase);
    }
    let held = identities.held().iter().map(|held| held.as_age());
    let plain = decryptor.decrypt(held).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => DecryptError::NoMatch {
            held: identities
                .recipients()
                .map(|(held, _)| held.to_string())
                .collect(),
        },
        _ => DecryptError::Damaged,
    })?;
    let mut text = Zeroizing::new(Vec::new());
    let read = plain.take(LARGEST + 1).read_to_end(&mut text);
    match read {
        Ok(length) if length as u64 > LARGEST => Err(DecryptError::TooLarge),
        Ok(_) => Ok(SecretBytes::new(std::mem::take(&mut *text))),
        Err(_) => Err(DecryptError::Damaged),
    }
}

/// Why an age file could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// It is none.
    #[error("this is no age file")]
    NotAge,
    /// It wants a passphrase.
    #[error("it is encrypted with a passphrase, which is not supported")]
    Passphrase,
    /// It is for others.
    #[error("no identity at hand opens it; held: {}", list(held))]
    NoMatch {
        /// The public halves at hand.
        held: Vec<String>,
    },
    /// It was changed or cut off.
    #[error("it is damaged")]
    Damaged,
    /// It holds more than is read.
    #[error("it holds more than 16 MiB")]
    TooLarge,
}

fn list(held: &[String]) -> String {
    if held.is_empty() {
        "none".to_owned()
    } else {
        held.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn held(identity: &Identity) -> Identities {
        Identities::parse(&identity.to_secret_text(), "keys.txt").unwrap()
    }

    #[test]
    fn every_recipient_opens_it_and_nobody_else() {
        let people = [Identity::generate(), Identity::generate()];
        let recipients: Vec<_> = people.iter().map(Identity::to_public).collect();
        let file = encrypt(&SecretString::new("canary".into()), &recipients).unwrap();
        assert!(!file.contains("canary"));
        for person in &people {
            let text = decrypt(file.as_bytes(), &held(person)).unwrap();
            assert_eq!(text.expose(), b"canary");
        }
        let stranger = held(&Identity::generate());
        let error = decrypt(file.as_bytes(), &stranger).unwrap_err();
        assert!(matches!(error, DecryptError::NoMatch { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_cut_or_changed_gives_nothing() {
        let person = Identity::generate();
        let long = SecretString::new("x".repeat(200_000));
        let file = encrypt(&long, &[person.to_public()]).unwrap();
        let identities = held(&person);
        let bytes = file.as_bytes();
        for end in [0, 10, bytes.len() / 2, bytes.len() - 40] {
            assert!(decrypt(&bytes[..end], &identities).is_err(), "{end}");
        }
        let mut changed = bytes.to_vec();
        let middle = changed.len() / 2;
        changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            decrypt(&changed, &identities).unwrap_err(),
            DecryptError::Damaged
        );
    }
}
