//! New contents for an encrypted file, under its own data key: what stays keeps its ciphertext, its
//! bytes and the metadata; only the MAC, the seal and the time change beside what was edited.
//!
//! The new contents are a text like the one that [`crate::Document::plaintext`] gives. Putting the old
//! ciphertext back where the text around it is as it was can go wrong where an edit moves things; so
//! the result is read again and compared, and made more simply if it says something else.

mod block;
mod kept;

pub(crate) use kept::{Kept, KeptComment};

use crate::cipher::Cipher;
use crate::document::{Document, Opened, Parsed, parse};
use crate::encrypt::{Sealer, last_modified};
use crate::error::{EditError, EncryptError};
use crate::open::{Decrypted, tree_error};
use crate::resolve;
use crate::seal;
use crate::selector::{EncryptionPolicy, Selector};
use crate::store::Format;
use crate::survey::{Keys, Survey};
use crate::typed::Typed;
use block::Blocks;
use lockstep_secret::{DataKey, SecretString};
use lockstep_yaml::{NodeKind, Stream};

/// How much of the old file is put back as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Ciphertext, and how it is written.
    Bytes,
    /// Ciphertext.
    Values,
    /// Nothing.
    Nothing,
}

pub(crate) fn reseal(
    old: &Document<Opened>,
    new: SecretString,
    key: &DataKey,
    guard: Option<&Selector>,
    now: jiff::Timestamp,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<String, EditError> {
    if old.format != Format::Yaml {
        return Err(EditError::Format(old.format));
    }
    let decrypted = old.state.decrypted.as_ref();
    let decrypted = decrypted.ok_or(EditError::NotEncrypted)?;
    let Parsed::Clear(new) = parse(new)? else {
        return Err(EditError::Metadata);
    };
    let contents = Contents {
        text: new.text.expose(),
        stream: &new.stream,
        survey: Survey::of(&new.stream, &decrypted.metadata.selector, Keys::Strings)?,
    };
    let kept = Kept::of(old, decrypted)?;
    if let Some(guard) = guard {
        contents.check_clear(guard, &kept)?;
    }
    let mut failed = None;
    for keep in [Keep::Bytes, Keep::Values, Keep::Nothing] {
        let attempt = contents.encrypt(old, decrypted, &kept.with(keep), key, now, random)?;
        match contents.seal(attempt, key, random) {
            Ok(sealed) => return Ok(sealed),
            Err(error) => failed = Some(error),
        }
    }
    let error = failed.expect("this holds because something was tried");
    Err(EncryptError::NotReadable(error).into())
}

/// The new contents.
struct Contents<'a> {
    text: &'a str,
    stream: &'a Stream,
    survey: Survey,
}

impl Contents<'_> {
    fn encrypt(
        &self,
        old: &Document<Opened>,
        decrypted: &Decrypted,
        kept: &Kept<'_>,
        key: &DataKey,
        now: jiff::Timestamp,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, EditError> {
        let policy = EncryptionPolicy {
            selector: decrypted.metadata.selector.clone(),
            mac_scope: decrypted.metadata.mac_scope,
        };
        let mut sealer = Sealer {
            text: self.text,
            stream: self.stream,
            format: Format::Yaml,
            survey: &self.survey,
            cipher: Cipher::new(key),
            random,
            kept: Some(kept),
        };
        let (mut splices, mac) = sealer.contents(&policy)?;
        let last_modified = last_modified(now);
        let mac = sealer.mac(mac, &last_modified);
        let fields = [("lastmodified", last_modified), ("mac", mac)];
        let blocks = Blocks::of(old.text.expose(), &old.stream, &fields);
        blocks.put(&mut splices, self.text, self.stream);
        Ok(std::mem::take(&mut *splices.apply(self.text)))
    }

    /// Refuses a new value that the file leaves in clear and `guard` would encrypt.
    fn check_clear(&self, guard: &Selector, kept: &Kept<'_>) -> Result<(), EditError> {
        let guarded = Survey::of(self.stream, guard, Keys::Strings)?;
        for (index, leaf) in guarded.leaves.iter().enumerate() {
            if !leaf.selected || self.survey.leaves[index].selected {
                continue;
            }
            let value = self.value(&self.survey, index)?;
            let place = self.survey.place(self.stream, leaf);
            if value.type_name().is_some() && !kept.holds(&place, &value) {
                return Err(EditError::InClear(place));
            }
        }
        Ok(())
    }

    fn value(&self, survey: &Survey, index: usize) -> Result<Typed, EditError> {
        Ok(value(self.stream, survey, index)?)
    }

    /// Gives what was just made its seal, if it says what it should.
    fn seal(
        &self,
        made: String,
        key: &DataKey,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<String, NotTheSame> {
        let Parsed::Encrypted(document) = parse(SecretString::new(made))? else {
            return Err("the metadata is not found".into());
        };
        let sealed = seal::again(&document, key, random)?;
        self.check(&sealed, key)?;
        Ok(sealed)
    }

    /// Opens what was just made and compares every value and its place.
    fn check(&self, sealed: &str, key: &DataKey) -> Result<(), NotTheSame> {
        let Parsed::Encrypted(document) = parse(SecretString::new(sealed.to_owned()))? else {
            return Err("the metadata is not found".into());
        };
        let selector = document.metadata().selector().clone();
        let Parsed::Clear(opened) = parse(document.open(key)?.plaintext())? else {
            return Err("metadata is left".into());
        };
        let survey = Survey::of(&opened.stream, &selector, Keys::Strings)?;
        if survey.leaves.len() != self.survey.leaves.len() {
            return Err("values were lost".into());
        }
        for (index, (new, leaf)) in self.survey.leaves.iter().zip(&survey.leaves).enumerate() {
            let wanted = self.survey.place(self.stream, new);
            let found = survey.place(&opened.stream, leaf);
            let same = wanted.path == found.path
                && wanted.document == found.document
                && same(
                    &value(self.stream, &self.survey, index)?,
                    &value(&opened.stream, &survey, index)?,
                );
            if !same {
                return Err("a value differs".into());
            }
        }
        Ok(())
    }
}

/// Why a result is not taken.
type NotTheSame = Box<dyn std::error::Error + Send + Sync>;

/// The value of a leaf.
pub(crate) fn value(
    stream: &Stream,
    survey: &Survey,
    index: usize,
) -> Result<Typed, crate::error::TreeError> {
    let leaf = &survey.leaves[index];
    let node = stream.node(leaf.node);
    let NodeKind::Scalar(scalar) = &node.kind else {
        return Ok(Typed::Null);
    };
    resolve::resolve(scalar, node.tag.as_deref())
        .map_err(|unfit| tree_error(unfit, survey.place(stream, leaf)))
}

/// Whether two values are the same to SOPS.
pub(crate) fn same(one: &Typed, other: &Typed) -> bool {
    one.type_name() == other.type_name() && *one.bytes() == *other.bytes()
}
