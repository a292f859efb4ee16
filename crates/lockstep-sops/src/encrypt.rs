//! Encrypts a file span by span: selected values, selected comments, aliases to encrypted values;
//! then the metadata at the end of every document. All other bytes stay.

use crate::carrier;
use crate::cipher::{Cipher, Sealed};
use crate::comments::Attribution;
use crate::document::{Parsed, parse};
use crate::error::{EncryptError, TreeError};
use crate::expand;
use crate::mac::Mac;
use crate::metadata::AgeEntry;
use crate::metadata_write::Block;
use crate::open::tree_error;
use crate::resolve;
use crate::seam;
use crate::selector::{EncryptionPolicy, Selector};
use crate::survey::{Keys, Leaf, PathId, Survey};
use crate::typed::{TypeName, Typed};
use lockstep_secret::{DataKey, SecretString};
use lockstep_yaml::{NodeKind, Splices, Stream};
use zeroize::Zeroizing;

pub(crate) fn encrypt(
    text: &SecretString,
    stream: &Stream,
    policy: &EncryptionPolicy,
    key: &DataKey,
    wrapped: &[AgeEntry],
    now: jiff::Timestamp,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<String, EncryptError> {
    if wrapped.is_empty() {
        return Err(EncryptError::NoRecipients);
    }
    if let Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) =
        &policy.selector
    {
        return Err(EncryptError::CommentSelector(policy.selector.field()));
    }
    let text = text.expose();
    let survey = Survey::of(stream, &policy.selector, Keys::Strings)?;
    let cipher = Cipher::new(key);
    let mut sealer = Sealer {
        text,
        stream,
        survey: &survey,
        cipher,
        random,
    };
    let mut mac = Mac::new(policy.mac_scope);

    let mut ciphertexts = Vec::with_capacity(survey.leaves.len());
    for leaf in &survey.leaves {
        ciphertexts.push(sealer.leaf(leaf, &mut mac)?);
    }
    let mut splices = Splices::default();
    sealer.put_values(&mut splices, &ciphertexts);
    sealer.put_comments(&mut splices, &policy.selector);

    let last_modified = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mac = Zeroizing::new(mac.finish().into_bytes());
    let mac = sealer
        .cipher
        .seal(mac, TypeName::Str, &last_modified, sealer.random);
    let block = Block {
        age: wrapped,
        policy,
        last_modified: &last_modified,
        mac: &mac,
    };
    for document in stream.documents() {
        seam::append(&mut splices, text, stream, document, &block);
    }
    let encrypted = std::mem::take(&mut *splices.apply(text));
    reopen(&encrypted, key).map_err(EncryptError::NotReadable)?;
    Ok(encrypted)
}

/// Whether encrypting with `selector` would encrypt any value of a file.
pub(crate) fn takes_any(stream: &Stream, selector: &Selector) -> Result<bool, TreeError> {
    let survey = Survey::of(stream, selector, Keys::Strings)?;
    for leaf in survey.leaves.iter().filter(|leaf| leaf.selected) {
        let node = stream.node(leaf.node);
        let NodeKind::Scalar(scalar) = &node.kind else {
            continue;
        };
        let typed = resolve::resolve(scalar, node.tag.as_deref())
            .map_err(|unfit| tree_error(unfit, survey.place(stream, leaf)))?;
        if typed.type_name().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens what was just written: its plaintext may exist nowhere else in a moment.
fn reopen(encrypted: &str, key: &DataKey) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match parse(SecretString::new(encrypted.to_owned()))? {
        Parsed::Encrypted(document) => document.open(key).map(drop).map_err(Into::into),
        Parsed::Clear(_) => Err("the metadata is not found".into()),
    }
}

struct Sealer<'a> {
    text: &'a str,
    stream: &'a Stream,
    survey: &'a Survey,
    cipher: Cipher,
    random: &'a mut dyn FnMut(&mut [u8]),
}

impl Sealer<'_> {
    /// Adds a leaf to the MAC, and encrypts it if it is selected and not empty.
    fn leaf(&mut self, leaf: &Leaf, mac: &mut Mac) -> Result<Option<String>, EncryptError> {
        let node = self.stream.node(leaf.node);
        let place = || self.survey.place(self.stream, leaf);
        let NodeKind::Scalar(scalar) = &node.kind else {
            return Ok(None);
        };
        let typed = resolve::resolve(scalar, node.tag.as_deref())
            .map_err(|unfit| tree_error(unfit, place()))?;
        mac.add(&typed, leaf.selected);
        let Some(type_name) = typed.type_name().filter(|_| leaf.selected) else {
            return Ok(None);
        };
        if matches!(typed, Typed::Str(_)) && Sealed::parse(&scalar.text).is_some() {
            return Err(EncryptError::AlreadyEncrypted(place()));
        }
        let additional = self.survey.additional_data(leaf.path);
        Ok(Some(self.cipher.seal(
            typed.bytes(),
            type_name,
            &additional,
            self.random,
        )))
    }

    fn put_values(&self, splices: &mut Splices, ciphertexts: &[Option<String>]) {
        for (leaf, ciphertext) in self.survey.leaves.iter().zip(ciphertexts) {
            let node = self.stream.node(leaf.node);
            let (None, NodeKind::Scalar(scalar)) = (leaf.alias, &node.kind) else {
                continue;
            };
            match ciphertext {
                Some(ciphertext) => carrier::put(splices, self.text, node, scalar, ciphertext),
                None => carrier::leave(splices, self.text, scalar),
            }
        }
        for alias in self.survey.aliases.iter().filter(|alias| alias.expand) {
            let mut leaves = ciphertexts[alias.leaves.clone()]
                .iter()
                .map(|ciphertext| Some(Zeroizing::new(format!("\"{}\"", ciphertext.as_ref()?))));
            let written = expand::in_flow(self.stream, alias.node, &mut leaves);
            splices.replace(self.stream.node(alias.node).span.clone(), written);
        }
    }

    fn put_comments(&mut self, splices: &mut Splices, selector: &Selector) {
        let attribution = Attribution::new(self.text, self.stream, self.survey);
        for (index, comment) in self.stream.comments().iter().enumerate() {
            let selected = |path: &PathId| self.survey.selected(selector, *path);
            let likeliest = attribution.containers(index).into_iter().next();
            // Rather one comment too many than a secret that was commented out and stays.
            let path = likeliest
                .filter(selected)
                .or_else(|| attribution.block_before(index).filter(selected));
            let Some(path) = path else { continue };
            let written = &self.text[comment.span.start + 1..comment.span.end];
            if Sealed::parse(written).is_some() {
                continue;
            }
            // SOPS cannot encrypt nothing, and in a list sops would read it as an empty string.
            let written = if written.is_empty() { " " } else { written };
            let plain = Zeroizing::new(written.as_bytes().to_vec());
            let additional = self.survey.additional_data(path);
            let sealed = self
                .cipher
                .seal(plain, TypeName::Comment, &additional, self.random);
            splices.replace(comment.span.clone(), format!("#{sealed}"));
        }
    }
}
