//! What an encrypted file held before an edit: its ciphertext by place and by value.

use super::{Keep, same, value};
use crate::cipher::Sealed;
use crate::document::{Document, Opened, Parsed, parse};
use crate::error::{EditError, TreeError};
use crate::open::Decrypted;
use crate::place::Place;
use crate::survey::{Keys, Leaf, Survey};
use crate::typed::Typed;
use lockstep_yaml::{Comment, Node, NodeKind, Scalar, ScalarStyle, Stream};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::rc::Rc;

/// What stays of a comment.
pub(crate) enum KeptComment {
    /// It was not there before.
    New,
    /// It stood in clear, and stays so.
    InClear,
    /// It was encrypted; this stands in its place.
    Sealed(String),
}

/// The contents of an encrypted file before an edit.
#[derive(Clone)]
pub(crate) struct Kept<'a> {
    old: &'a Document<Opened>,
    decrypted: &'a Decrypted,
    keep: Keep,
    contents: Rc<Plain>,
}

/// The same contents decrypted, and which leaf of one is which of the other.
struct Plain {
    document: Document<crate::document::Clear>,
    survey: Survey,
    values: Vec<Typed>,
    /// For each leaf of the decrypted text, that of the encrypted one.
    sealed: Vec<Option<usize>>,
    by_place: HashMap<(usize, String), usize>,
    /// Leaves by type, value and additional data, hashed: the values are not copied.
    by_value: HashMap<u64, Vec<usize>>,
    hasher: RandomState,
    /// The texts of comments in clear.
    comments: HashSet<String>,
}

impl<'a> Kept<'a> {
    pub(crate) fn of(
        old: &'a Document<Opened>,
        decrypted: &'a Decrypted,
    ) -> Result<Self, EditError> {
        let Parsed::Clear(document) = parse(old.plaintext())? else {
            return Err(EditError::Metadata);
        };
        let survey = Survey::of(
            &document.stream,
            &decrypted.metadata.selector,
            Keys::Strings,
        )?;
        let contents = Rc::new(Plain::of(old, decrypted, document, survey)?);
        Ok(Self {
            old,
            decrypted,
            keep: Keep::Bytes,
            contents,
        })
    }

    /// The same, to be used to a lesser extent.
    pub(crate) fn with(&self, keep: Keep) -> Self {
        Self {
            keep,
            ..self.clone()
        }
    }

    /// Whether this value stood at this place.
    pub(crate) fn holds(&self, place: &Place, value: &Typed) -> bool {
        let at = self.contents.at(place);
        at.is_some_and(|index| same(&self.contents.values[index], value))
    }

    /// The ciphertext of a value that is to be encrypted for the place `additional`: what stood there
    /// or, if it was moved, what stood elsewhere and is the same to SOPS.
    pub(crate) fn ciphertext(
        &self,
        place: &Place,
        value: &Typed,
        additional: &str,
    ) -> Option<&str> {
        if self.keep == Keep::Nothing {
            return None;
        }
        let index = self.contents.source(place, value, additional)?;
        self.ciphertext_of(index)
    }

    fn ciphertext_of(&self, index: usize) -> Option<&str> {
        let sealed = self.contents.sealed[index]?;
        if !self.decrypted.opened[sealed] {
            return None;
        }
        let leaf = &self.decrypted.survey.leaves[sealed];
        match &self.old.stream.node(leaf.node).kind {
            NodeKind::Scalar(scalar) => Some(scalar.text.trim_end_matches('\n')),
            _ => None,
        }
    }

    /// How the file wrote what stood at this place, with `sealed` in it, if the new text writes it
    /// there as the decrypted file did; and the bytes of the new text that it replaces.
    pub(crate) fn carrier(
        &self,
        place: &Place,
        text: &str,
        node: &Node,
        scalar: &Scalar,
        sealed: &str,
    ) -> Option<(Range<usize>, String)> {
        if self.keep != Keep::Bytes {
            return None;
        }
        let plain = &self.contents;
        let index = plain.at(place)?;
        let was = plain.document.stream.node(plain.survey.leaves[index].node);
        let NodeKind::Scalar(was_scalar) = &was.kind else {
            return None;
        };
        let leaf = &self.decrypted.survey.leaves[plain.sealed[index]?];
        let carried = self.old.stream.node(leaf.node);
        let NodeKind::Scalar(carrier) = &carried.kind else {
            return None;
        };
        if leaf.alias.is_some() || was.in_flow != node.in_flow {
            return None;
        }
        let replaced = in_one_piece(text, node, scalar)?;
        let was_written = in_one_piece(plain.document.text.expose(), was, was_scalar)?;
        let written = in_one_piece(self.old.text.expose(), carried, carrier)?;
        let same_text = text[replaced.clone()] == plain.document.text.expose()[was_written]
            && was.block_indent == node.block_indent;
        // sops writes a text of several lines on one, and reads a block from it.
        let one_line = was_scalar.style == scalar.style
            && scalar.style == ScalarStyle::Literal
            && carrier.style == ScalarStyle::Plain
            && crate::restore::is_readable_block(&scalar.text);
        if !same_text && !one_line {
            return None;
        }
        let before = without_bracket(self.ciphertext_of(index)?);
        let bytes = &self.old.text.expose()[written];
        let at = bytes.find(before)?;
        let (head, tail) = (&bytes[..at], &bytes[at + before.len()..]);
        Some((replaced, format!("{head}{}{tail}", without_bracket(sealed))))
    }

    /// What becomes of a comment that may belong to `places`.
    pub(crate) fn comment(
        &self,
        text: &str,
        comment: &Comment,
        places: &mut dyn Iterator<Item = String>,
    ) -> KeptComment {
        if self.keep == Keep::Nothing {
            return KeptComment::New;
        }
        let written = &text[comment.span.start + 1..comment.span.end];
        let (old, survey) = (self.old.text.expose(), &self.decrypted.survey);
        let places: HashSet<String> = places.collect();
        let belongs = |path| places.contains(&survey.additional_data(path));
        for sealed in &self.decrypted.comments {
            if sealed.text.expose() == written && belongs(sealed.path) {
                return KeptComment::Sealed(old[sealed.span.clone()].to_owned());
            }
        }
        for (index, element) in &self.decrypted.list_comments {
            let leaf = &survey.leaves[*index];
            let node = self.old.stream.node(leaf.node);
            if self.keep != Keep::Bytes || comment.inline || element.expose() != written {
                continue;
            }
            let dash = old[..node.start].rfind('-').unwrap_or(node.start);
            let column = dash - old[..dash].rfind('\n').map_or(0, |newline| newline + 1);
            if column == comment.column && belongs(leaf.path) {
                return KeptComment::Sealed(old[dash..node.span.end].to_owned());
            }
        }
        if self.contents.comments.contains(written) {
            return KeptComment::InClear;
        }
        KeptComment::New
    }
}

impl Plain {
    fn of(
        old: &Document<Opened>,
        decrypted: &Decrypted,
        document: Document<crate::document::Clear>,
        survey: Survey,
    ) -> Result<Self, TreeError> {
        let comments: HashSet<usize> = decrypted.list_comments.iter().map(|(at, _)| *at).collect();
        let mut others = (0..decrypted.survey.leaves.len()).filter(|at| !comments.contains(at));
        // A document without values has a null at its top, where the metadata stood.
        let is_value = |leaf: &Leaf| !survey.roots.contains(&leaf.path);
        let leaves = survey.leaves.iter();
        let sealed = leaves.map(|leaf| is_value(leaf).then(|| others.next()).flatten());
        let sealed = sealed.collect();
        let mut plain = Self {
            values: Vec::with_capacity(survey.leaves.len()),
            sealed,
            by_place: HashMap::new(),
            by_value: HashMap::new(),
            hasher: RandomState::new(),
            comments: clear_comments(old.text.expose(), &old.stream),
            document,
            survey,
        };
        for (index, leaf) in plain.survey.leaves.iter().enumerate() {
            let stream = &plain.document.stream;
            let found = value(stream, &plain.survey, index)?;
            let place = plain.survey.place(stream, leaf);
            plain.by_place.insert(key_of(&place), index);
            let additional = plain.survey.additional_data(leaf.path);
            let hash = hash_of(&plain.hasher, &found, &additional);
            plain.by_value.entry(hash).or_default().push(index);
            plain.values.push(found);
        }
        Ok(plain)
    }

    fn at(&self, place: &Place) -> Option<usize> {
        self.by_place.get(&key_of(place)).copied()
    }

    fn source(&self, place: &Place, value: &Typed, additional: &str) -> Option<usize> {
        let same = |index: &usize| same(&self.values[*index], value);
        if let Some(index) = self.at(place).filter(same) {
            return Some(index);
        }
        let found = self
            .by_value
            .get(&hash_of(&self.hasher, value, additional))?;
        let there = |index: &usize| {
            let leaf = &self.survey.leaves[*index];
            same(index) && self.survey.additional_data(leaf.path) == additional
        };
        found.iter().copied().find(there)
    }
}

fn key_of(place: &Place) -> (usize, String) {
    (place.document, place.path.to_string())
}

fn hash_of(hasher: &RandomState, value: &Typed, additional: &str) -> u64 {
    let name = value.type_name().map(crate::typed::TypeName::as_str);
    hasher.hash_one((name, value.bytes().as_slice(), additional))
}

fn clear_comments(text: &str, stream: &Stream) -> HashSet<String> {
    let texts = stream.comments().iter().map(|comment| {
        let written = comment.span.start + 1..comment.span.end;
        &text[written]
    });
    texts
        .filter(|text| Sealed::parse(text).is_none())
        .map(ToOwned::to_owned)
        .collect()
}

/// The bytes of a scalar with its tag and anchor, without the line break that ends a block; `None`
/// where a comment stands in between.
fn in_one_piece(text: &str, node: &Node, scalar: &Scalar) -> Option<Range<usize>> {
    if text[node.start..node.span.start].contains('\n') || node.span.is_empty() {
        return None;
    }
    let Some(block) = &scalar.block else {
        return Some(node.start..node.span.end);
    };
    if text[block.header.end..block.content.start].trim() != "" {
        return None;
    }
    let bytes = &text[node.start..node.span.end];
    let bytes = bytes.strip_suffix('\n').unwrap_or(bytes);
    let bytes = bytes.strip_suffix('\r').unwrap_or(bytes);
    Some(node.start..node.start + bytes.len())
}

/// Ciphertext without its last bracket, which may be written as an escape.
fn without_bracket(ciphertext: &str) -> &str {
    ciphertext.strip_suffix(']').unwrap_or(ciphertext)
}
