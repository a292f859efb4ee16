//! Gives an encrypted file a new data key: every value is encrypted again where it stands, and the
//! metadata is written anew in its place. All other bytes stay.

use crate::cipher::Cipher;
use crate::document::{Document, Encrypted, Opened};
use crate::error::{RotateError, TreeError};
use crate::mac::Mac;
use crate::metadata::Wrapped;
use crate::metadata_write::Block;
use crate::open::{Decrypted, tree_error};
use crate::place::Place;
use crate::plaintext::values_by_leaf;
use crate::resolve;
use crate::seal::{self, Blank, Unfinished};
use crate::selector::{EncryptionPolicy, Selector};
use crate::store::{self, Format};
use crate::survey::{Keys, Leaf, Survey};
use crate::tree::{OpenedKind, OpenedScalar};
use crate::typed::{TypeName, Typed};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_secret::DataKey;
use lockstep_yaml::{Node, NodeKind, Scalar, Splices, Stream};
use std::ops::Range;
use zeroize::Zeroizing;

/// How what a file encrypts compares with what a selector would encrypt of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The same values.
    Same,
    /// Others as well.
    More,
    /// It leaves a value in clear that the selector takes; the first such place.
    Less(Place),
}

/// Compares what `document` encrypts with what `selector` would. Nulls and empty strings do not
/// count: nobody encrypts them.
pub(crate) fn compare(
    document: &Document<Encrypted>,
    selector: &Selector,
) -> Result<Selection, TreeError> {
    if document.format == Format::Binary {
        return Ok(Selection::Same);
    }
    let stream = &document.stream;
    let ours = Survey::of(stream, &document.state.metadata.selector, Keys::Strings)?;
    let theirs = Survey::of(stream, selector, Keys::Strings)?;
    let mut selection = Selection::Same;
    for (ours, leaf) in ours.leaves.iter().zip(&theirs.leaves) {
        if ours.selected == leaf.selected || typed(stream, &theirs, leaf)?.type_name().is_none() {
            continue;
        }
        if leaf.selected {
            return Ok(Selection::Less(theirs.place(stream, leaf)));
        }
        selection = Selection::More;
    }
    Ok(selection)
}

fn typed(stream: &Stream, survey: &Survey, leaf: &Leaf) -> Result<Typed, TreeError> {
    let node = stream.node(leaf.node);
    let NodeKind::Scalar(scalar) = &node.kind else {
        return Ok(Typed::Null);
    };
    resolve::resolve(scalar, node.tag.as_deref())
        .map_err(|unfit| tree_error(unfit, survey.place(stream, leaf)))
}

/// What a rotated file is to be.
pub(crate) struct Aim<'a> {
    pub(crate) policy: &'a EncryptionPolicy,
    pub(crate) key: &'a DataKey,
    pub(crate) wrapped: Wrapped<'a>,
    pub(crate) now: jiff::Timestamp,
    pub(crate) team: Option<String>,
}

pub(crate) fn rotate(
    document: Document<Encrypted>,
    old_key: &DataKey,
    aim: &Aim<'_>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<String, RotateError> {
    if aim.wrapped.is_empty() {
        return Err(RotateError::NoRecipients);
    }
    let opened = document.open(old_key)?;
    let policy = aim.policy.for_format(opened.format);
    let aim = &Aim {
        policy: &policy,
        team: aim.team.clone(),
        ..*aim
    };
    let blank = Blank::new(aim.team.as_deref(), random);
    let rotated = encrypt_again(&opened, aim, &blank, random)?;
    let (rotated, read_back) = seal::finish(rotated, opened.format, &blank, aim.key)?;
    if !read_back.content().ct_eq(&opened.content()) {
        return Err(RotateError::Differs);
    }
    Ok(rotated)
}

impl From<Unfinished> for RotateError {
    fn from(error: Unfinished) -> Self {
        match error {
            Unfinished::Parse(error) => error.into(),
            Unfinished::Open(error) => error.into(),
            Unfinished::NotEncrypted => Self::Differs,
        }
    }
}

fn encrypt_again(
    opened: &Document<Opened>,
    aim: &Aim<'_>,
    blank: &Blank,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<String, RotateError> {
    let (text, stream) = (opened.text.expose(), &opened.stream);
    let decrypted = opened
        .state
        .decrypted
        .as_ref()
        .expect("this holds because the document was encrypted");
    let mut again = Again {
        text,
        stream,
        format: opened.format,
        decrypted,
        cipher: Cipher::new(aim.key),
        random,
        splices: Splices::default(),
    };
    let mut mac = Mac::new(aim.policy.mac_scope);
    again.values(opened, &mut mac)?;
    again.comments();

    let last_modified = aim.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mac = Zeroizing::new(mac.finish().into_bytes());
    let mac = again
        .cipher
        .seal(mac, TypeName::Str, &last_modified, again.random);
    let block = Block {
        wrapped: aim.wrapped,
        policy: aim.policy,
        last_modified: &last_modified,
        mac: &mac,
        format: opened.format,
        seal: blank,
    };
    let mut splices = again.splices;
    for part in stream.documents() {
        store::replace_metadata(&mut splices, text, stream, part, &block);
    }
    Ok(std::mem::take(&mut *splices.apply(text)))
}

/// The work of encrypting again.
struct Again<'a> {
    text: &'a str,
    stream: &'a Stream,
    format: Format,
    decrypted: &'a Decrypted,
    cipher: Cipher,
    random: &'a mut dyn FnMut(&mut [u8]),
    splices: Splices,
}

impl Again<'_> {
    fn values(&mut self, opened: &Document<Opened>, mac: &mut Mac) -> Result<(), RotateError> {
        let survey = &self.decrypted.survey;
        let values = values_by_leaf(opened, self.decrypted);
        let mut comments = self.decrypted.list_comments.iter().peekable();
        for (index, (leaf, value)) in survey.leaves.iter().zip(values).enumerate() {
            if let Some((_, text)) = comments.next_if(|(at, _)| *at == index) {
                let plain = Zeroizing::new(text.expose().as_bytes().to_vec());
                self.value(leaf, plain, TypeName::Comment);
            } else if let Some(value) = value {
                let (type_name, plain) = bytes_of(value);
                let typed = Typed::from_bytes(type_name, plain.clone());
                mac.add(
                    &typed.expect("this holds because it was opened as that type"),
                    true,
                );
                if leaf.alias.is_none() {
                    self.value(leaf, plain, type_name);
                }
            } else if !leaf.selected {
                mac.add(&typed(self.stream, survey, leaf)?, false);
            }
        }
        Ok(())
    }

    /// Encrypts what stands at a leaf, and puts it where the old ciphertext stood.
    fn value(&mut self, leaf: &Leaf, plain: Zeroizing<Vec<u8>>, type_name: TypeName) {
        let node = self.stream.node(leaf.node);
        let NodeKind::Scalar(scalar) = &node.kind else {
            return;
        };
        let additional = self.decrypted.survey.additional_data(leaf.path);
        let sealed = self.cipher.seal(plain, type_name, &additional, self.random);
        match ciphertext_span(self.text, node, scalar) {
            Some(span) => self
                .splices
                .replace(span, without_bracket(&sealed).to_owned()),
            None => {
                let (text, splices) = (self.text, &mut self.splices);
                store::put_ciphertext(self.format, splices, text, node, scalar, &sealed);
            }
        }
    }

    fn comments(&mut self) {
        for comment in &self.decrypted.comments {
            let plain = Zeroizing::new(comment.text.expose().as_bytes().to_vec());
            let additional = self.decrypted.survey.additional_data(comment.path);
            let sealed = self
                .cipher
                .seal(plain, TypeName::Comment, &additional, self.random);
            let mark = &self.text[comment.span.start..=comment.span.start];
            self.splices
                .replace(comment.span.clone(), format!("{mark}{sealed}"));
        }
    }
}

/// The bytes of a scalar's ciphertext without its last bracket, which may be written as an escape;
/// `None` where it is not written in one piece.
fn ciphertext_span(text: &str, node: &Node, scalar: &Scalar) -> Option<Range<usize>> {
    let old = without_bracket(scalar.text.trim_end_matches('\n'));
    let start = node.span.start + text[node.span.clone()].find(old)?;
    Some(start..start + old.len())
}

fn without_bracket(ciphertext: &str) -> &str {
    ciphertext.strip_suffix(']').unwrap_or(ciphertext)
}

/// The type and the bytes that SOPS encrypts for a value.
fn bytes_of(value: &OpenedScalar) -> (TypeName, Zeroizing<Vec<u8>>) {
    let text = value.text.expose();
    let type_name = match value.kind {
        OpenedKind::Binary => {
            let bytes = STANDARD.decode(text);
            let bytes = bytes.expect("this holds because it was encoded when it was opened");
            return (TypeName::Str, Zeroizing::new(bytes));
        }
        OpenedKind::Str => TypeName::Str,
        OpenedKind::Int => TypeName::Int,
        OpenedKind::Float => TypeName::Float,
        OpenedKind::Bool => TypeName::Bool,
        OpenedKind::Time => TypeName::Time,
    };
    (type_name, Zeroizing::new(text.as_bytes().to_vec()))
}
