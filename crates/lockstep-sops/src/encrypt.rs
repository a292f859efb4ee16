//! Encrypts a file span by span: selected values, selected comments, aliases to encrypted values;
//! then the metadata at the end of every document. All other bytes stay.

use crate::cipher::{Cipher, Sealed};
use crate::comments::Attribution;
use crate::document::{Clear, Document};
use crate::error::{EncryptError, TreeError};
use crate::expand;
use crate::mac::Mac;
use crate::metadata::Wrapped;
use crate::metadata_write::Block;
use crate::open::tree_error;
use crate::reseal::{Kept, KeptComment};
use crate::resolve;
use crate::seal::{self, Blank};
use crate::selector::{EncryptionPolicy, Selector};
use crate::store::{self, Format};
use crate::survey::{Keys, Leaf, PathId, Survey};
use crate::typed::{TypeName, Typed};
use lockstep_secret::DataKey;
use lockstep_yaml::{NodeKind, Splices, Stream};
use zeroize::Zeroizing;

pub(crate) fn encrypt(
    document: &Document<Clear>,
    policy: &EncryptionPolicy,
    key: &DataKey,
    wrapped: Wrapped<'_>,
    now: jiff::Timestamp,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<String, EncryptError> {
    if wrapped.is_empty() {
        return Err(EncryptError::NoRecipients);
    }
    let policy = &policy.for_format(document.format);
    if let Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) =
        &policy.selector
    {
        return Err(EncryptError::CommentSelector(policy.selector.field()));
    }
    let (text, stream, format) = (document.text.expose(), &document.stream, document.format);
    let survey = Survey::of(stream, &policy.selector, Keys::Strings)?;
    let mut sealer = Sealer {
        text,
        stream,
        format,
        survey: &survey,
        cipher: Cipher::new(key),
        random,
        kept: None,
    };
    let (mut splices, mac) = sealer.contents(policy)?;
    let last_modified = last_modified(now);
    let mac = sealer.mac(mac, &last_modified);
    let blank = Blank::new(document.state.team.as_deref(), sealer.random);
    let block = Block {
        wrapped,
        policy,
        last_modified: &last_modified,
        mac: &mac,
        format,
        seal: &blank,
    };
    for document in stream.documents() {
        store::append_metadata(&mut splices, text, stream, document, &block);
    }
    let encrypted = std::mem::take(&mut *splices.apply(text));
    let finished = seal::finish(encrypted, format, &blank, key);
    let (sealed, _) = finished.map_err(|error| EncryptError::NotReadable(Box::new(error)))?;
    Ok(sealed)
}

/// A time as the metadata has it.
pub(crate) fn last_modified(now: jiff::Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether encrypting with `selector` would encrypt any value of a file.
pub(crate) fn takes_any(
    document: &Document<Clear>,
    selector: &Selector,
) -> Result<bool, TreeError> {
    let stream = &document.stream;
    let of_binary = Selector::default();
    let selector = match document.format {
        Format::Binary => &of_binary,
        _ => selector,
    };
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

/// Encrypts the contents of a file: everything but the metadata.
pub(crate) struct Sealer<'a> {
    pub(crate) text: &'a str,
    pub(crate) stream: &'a Stream,
    pub(crate) format: Format,
    pub(crate) survey: &'a Survey,
    pub(crate) cipher: Cipher,
    pub(crate) random: &'a mut dyn FnMut(&mut [u8]),
    /// What the file held before, under the same data key, where it is edited.
    pub(crate) kept: Option<&'a Kept<'a>>,
}

impl Sealer<'_> {
    /// The replacements that encrypt values and comments, and the MAC over all of them.
    pub(crate) fn contents(
        &mut self,
        policy: &EncryptionPolicy,
    ) -> Result<(Splices, Mac), EncryptError> {
        let mut mac = Mac::new(policy.mac_scope);
        let survey = self.survey;
        let mut ciphertexts = Vec::with_capacity(survey.leaves.len());
        for leaf in &survey.leaves {
            ciphertexts.push(self.leaf(leaf, &mut mac)?);
        }
        let mut splices = Splices::default();
        self.put_values(&mut splices, &ciphertexts);
        self.put_comments(&mut splices, &policy.selector);
        Ok((splices, mac))
    }

    /// Encrypts the MAC as the metadata has it.
    pub(crate) fn mac(&mut self, mac: Mac, last_modified: &str) -> String {
        let mac = Zeroizing::new(mac.finish().into_bytes());
        self.cipher
            .seal(mac, TypeName::Str, last_modified, self.random)
    }

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
        if let Some(kept) = self.kept
            && let Some(ciphertext) = kept.ciphertext(&place(), &typed, &additional)
        {
            return Ok(Some(ciphertext.to_owned()));
        }
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
            let carried = self
                .kept
                .zip(ciphertext.as_ref())
                .and_then(|(kept, sealed)| {
                    let place = self.survey.place(self.stream, leaf);
                    kept.carrier(&place, self.text, node, scalar, sealed)
                });
            match (carried, ciphertext) {
                (Some((span, carrier)), _) => splices.replace(span, carrier),
                (None, Some(sealed)) => {
                    store::put_ciphertext(self.format, splices, self.text, node, scalar, sealed);
                }
                (None, None) => store::leave(self.format, splices, self.text, scalar),
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
            let containers = attribution.containers(index, self.format);
            if let Some(kept) = self.kept {
                let mut places = containers
                    .iter()
                    .map(|path| self.survey.additional_data(*path));
                match kept.comment(self.text, comment, &mut places) {
                    KeptComment::InClear => continue,
                    KeptComment::Sealed(carrier) => {
                        splices.replace(comment.span.clone(), carrier);
                        continue;
                    }
                    KeptComment::New => {}
                }
            }
            let selected = |path: &PathId| self.survey.selected(selector, *path);
            let likeliest = containers.into_iter().next();
            // Rather one comment too many than a secret that was commented out and stays.
            let path = likeliest
                .filter(selected)
                .or_else(|| attribution.block_before(index).filter(selected));
            let Some(path) = path else { continue };
            let written = &self.text[comment.span.start + 1..comment.span.end];
            if Sealed::parse(written).is_some() {
                continue;
            }
            // SOPS cannot encrypt nothing. In a list of YAML sops would read it as an empty string.
            if written.is_empty() && self.format != Format::Yaml {
                continue;
            }
            let written = if written.is_empty() { " " } else { written };
            let plain = Zeroizing::new(written.as_bytes().to_vec());
            let additional = self.survey.additional_data(path);
            let sealed = self
                .cipher
                .seal(plain, TypeName::Comment, &additional, self.random);
            // Before the text stands its mark, or a blank behind that.
            let mark = &self.text[comment.span.start..=comment.span.start];
            splices.replace(comment.span.clone(), format!("{mark}{sealed}"));
        }
    }
}
