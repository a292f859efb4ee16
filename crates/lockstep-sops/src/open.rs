//! Opens an encrypted file: decrypts every value where it stands, then compares the MAC. The result
//! exists only if both succeed.

use crate::cipher::{Cipher, Sealed};
use crate::comments::Attribution;
use crate::document::{Document, Encrypted, Opened};
use crate::error::{OpenError, TreeError};
use crate::mac::Mac;
use crate::metadata::Metadata;
use crate::place::Place;
use crate::resolve::{self, Unfit};
use crate::seal::{Field, Hasher, Seal};
use crate::selector::Selector;
use crate::store::Format;
use crate::survey::{Keys, Leaf, PathId, Survey};
use crate::tree::{OpenedKind, OpenedScalar};
use crate::tree_builder::{self, Outcome};
use crate::typed::{TypeName, Typed};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_secret::{DataKey, SecretBytes, SecretString};
use lockstep_yaml::{NodeKind, Scalar, Stream};
use std::ops::Range;
use zeroize::Zeroizing;

/// How often, in one file, a comment that does not decrypt where it seems to belong is tried in another
/// place: nothing authenticates comments, so that a file can be filled with false ones.
const COMMENT_RETRIES: usize = 5000;

/// What was decrypted, apart from the values that are in the trees.
#[derive(Debug)]
pub(crate) struct Decrypted {
    pub(crate) metadata: Metadata,
    pub(crate) survey: Survey,
    /// For each leaf, whether its value is in the trees as opened.
    pub(crate) opened: Vec<bool>,
    /// Comments that SOPS keeps as list elements, by leaf.
    pub(crate) list_comments: Vec<(usize, SecretString)>,
    pub(crate) comments: Vec<Comment>,
}

/// A comment that was decrypted.
#[derive(Debug)]
pub(crate) struct Comment {
    /// The bytes of the encrypted comment.
    pub(crate) span: Range<usize>,
    /// Where it decrypted.
    pub(crate) path: PathId,
    pub(crate) text: SecretString,
}

pub(crate) fn open(
    document: Document<Encrypted>,
    key: &DataKey,
) -> Result<Document<Opened>, OpenError> {
    let written = document.state.metadata.seal.clone();
    let (mut opened, hasher) = open_unsealed(document, key)?;
    if let Some(written) = written {
        let field = Field::parse(&written).ok_or(OpenError::SealUnreadable)?;
        if !hasher.is(&field) {
            return Err(OpenError::SealMismatch);
        }
        opened.state.seal = Seal::Verified { team: field.team };
    }
    Ok(opened)
}

/// Opens a file without a look at its seal; gives what its seal should be.
pub(crate) fn open_unsealed(
    document: Document<Encrypted>,
    key: &DataKey,
) -> Result<(Document<Opened>, Hasher), OpenError> {
    let Document {
        text,
        stream,
        format,
        state: Encrypted { metadata, .. },
    } = document;
    if let Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_) =
        &metadata.selector
    {
        return Err(OpenError::CommentSelector(metadata.selector.field()));
    }
    let survey = Survey::of(&stream, &metadata.selector, Keys::Strings)?;
    let opener = Opener {
        stream: &stream,
        format,
        survey: &survey,
        cipher: Cipher::new(key),
    };

    let mut mac = Mac::new(metadata.mac_scope);
    let team = metadata.sealed_for();
    let mut hasher = Hasher::start(key, team.as_deref(), &metadata, &survey);
    let (outcomes, list_comments) = opener.leaves(&mut mac, &mut hasher)?;
    verify(&opener.cipher, &metadata, mac)?;

    let comments = opener.comments(text.expose(), &metadata.selector);
    hasher.comments(&survey, &comments);
    let opened = outcomes
        .iter()
        .map(|outcome| matches!(outcome, Outcome::Value(_)))
        .collect();
    let trees = tree_builder::build(&stream, outcomes);
    let decrypted = Some(Decrypted {
        metadata: *metadata,
        survey,
        opened,
        list_comments,
        comments,
    });
    let state = Opened::of(trees, decrypted);
    let opened = Document {
        text,
        stream,
        format,
        state,
    };
    Ok((opened, hasher))
}

fn verify(cipher: &Cipher, metadata: &Metadata, computed: Mac) -> Result<(), OpenError> {
    if metadata.mac.is_empty() {
        return Err(OpenError::MacMissing);
    }
    let stored = Sealed::parse(&metadata.mac)
        .filter(|sealed| sealed.type_name() == TypeName::Str)
        .and_then(|sealed| cipher.open(&sealed, &metadata.last_modified))
        .ok_or(OpenError::MacUndecryptable)?;
    let stored = SecretBytes::new(stored.to_vec());
    let computed = SecretBytes::new(computed.finish().into_bytes());
    if stored.ct_eq(&computed) {
        Ok(())
    } else {
        Err(OpenError::MacMismatch)
    }
}

/// What a leaf turned out to be.
enum Read {
    /// Not selected.
    Clear(Typed),
    /// Selected, and null or an empty string: those are never encrypted.
    Empty(Typed),
    Value(Typed),
    Comment(SecretString),
}

struct Opener<'a> {
    stream: &'a Stream,
    format: Format,
    survey: &'a Survey,
    cipher: Cipher,
}

/// What became of every leaf, and the comments among them.
type Leaves = (Vec<Outcome>, Vec<(usize, SecretString)>);

impl Opener<'_> {
    fn leaves(&self, mac: &mut Mac, hasher: &mut Hasher) -> Result<Leaves, OpenError> {
        let mut outcomes = Vec::with_capacity(self.survey.leaves.len());
        let mut list_comments = Vec::new();
        for (index, leaf) in self.survey.leaves.iter().enumerate() {
            match self.leaf(leaf)? {
                Read::Clear(value) => {
                    mac.add(&value, false);
                    hasher.clear(leaf, self.stream.node(leaf.node), &value);
                    outcomes.push(Outcome::Clear);
                }
                Read::Empty(value) => {
                    hasher.clear(leaf, self.stream.node(leaf.node), &value);
                    outcomes.push(Outcome::Clear);
                }
                Read::Value(value) => {
                    mac.add(&value, true);
                    hasher.opened(leaf, &value);
                    outcomes.push(Outcome::Value(opened_scalar(value)));
                }
                Read::Comment(text) => {
                    hasher.list_comment(leaf, text.expose());
                    list_comments.push((index, text));
                    outcomes.push(Outcome::Comment);
                }
            }
        }
        Ok((outcomes, list_comments))
    }

    fn leaf(&self, leaf: &Leaf) -> Result<Read, OpenError> {
        let node = self.stream.node(leaf.node);
        let place = || self.survey.place(self.stream, leaf);
        let NodeKind::Scalar(scalar) = &node.kind else {
            return Ok(Read::Empty(Typed::Null));
        };
        let typed = resolve::resolve(scalar, node.tag.as_deref())
            .map_err(|unfit| tree_error(unfit, place()))?;
        if !leaf.selected {
            return Ok(Read::Clear(typed));
        }
        match &typed {
            Typed::Null => Ok(Read::Empty(typed)),
            Typed::Str(bytes) if bytes.is_empty() => Ok(Read::Empty(typed)),
            Typed::Str(_) => self.selected(leaf, scalar),
            _ => Err(OpenError::Plaintext(place())),
        }
    }

    fn selected(&self, leaf: &Leaf, scalar: &Scalar) -> Result<Read, OpenError> {
        let place = || self.survey.place(self.stream, leaf);
        let Some(sealed) = Sealed::parse(&scalar.text) else {
            let error = if Sealed::looks_like(&scalar.text) {
                OpenError::Malformed
            } else {
                OpenError::Plaintext
            };
            return Err(error(place()));
        };
        let additional = self.survey.additional_data(leaf.path);
        let plain = self
            .cipher
            .open(&sealed, &additional)
            .ok_or_else(|| OpenError::Undecryptable(place()))?;
        if sealed.type_name() == TypeName::Comment {
            // sops writes them as elements of block lists; anywhere else they are misplaced.
            if !leaf.in_list || leaf.alias.is_some() || self.stream.node(leaf.node).in_flow {
                return Err(OpenError::WrongType(place()));
            }
            return comment_text(plain, Format::Yaml)
                .map(Read::Comment)
                .ok_or_else(|| OpenError::WrongType(place()));
        }
        Typed::from_bytes(sealed.type_name(), plain)
            .map(Read::Value)
            .ok_or_else(|| OpenError::WrongType(place()))
    }

    /// Decrypts the comments that decrypt; others stay as they are.
    fn comments(&self, text: &str, selector: &Selector) -> Vec<Comment> {
        let attribution = Attribution::new(text, self.stream, self.survey);
        let mut retries = COMMENT_RETRIES;
        let mut found = Vec::new();
        for (index, comment) in self.stream.comments().iter().enumerate() {
            let written = &text[comment.span.start + 1..comment.span.end];
            let Some(sealed) = Sealed::parse(written) else {
                continue;
            };
            let containers = attribution.containers(index, self.format);
            let selected = containers
                .into_iter()
                .filter(|path| self.survey.selected(selector, *path));
            let plain = selected
                .enumerate()
                .take_while(|(attempt, _)| {
                    let first = *attempt == 0;
                    let allowed = first || retries > 0;
                    retries -= usize::from(!first && allowed);
                    allowed
                })
                .find_map(|(_, path)| {
                    let additional = self.survey.additional_data(path);
                    Some((path, self.cipher.open(&sealed, &additional)?))
                });
            if let Some((path, plain)) = plain
                && let Some(text) = comment_text(plain, self.format)
            {
                let span = comment.span.clone();
                found.push(Comment { span, path, text });
            }
        }
        found
    }
}

/// A comment's text. One with a line break would not stay a comment when it is written back: it is
/// treated as one that does not decrypt.
fn comment_text(mut bytes: Zeroizing<Vec<u8>>, format: Format) -> Option<SecretString> {
    let is_comment = |line: &str| line.trim_start().starts_with(['#', ';']);
    let stays = |text: &SecretString| match format {
        // A carriage return is a character like others.
        Format::Dotenv => !text.expose().contains('\n'),
        // Lines that follow each other are one comment.
        Format::Ini => text.expose().lines().skip(1).all(is_comment),
        _ => !text.expose().contains(['\n', '\r']),
    };
    SecretBytes::new(std::mem::take(&mut *bytes))
        .into_string()
        .ok()
        .filter(stays)
}

pub(crate) fn tree_error(unfit: Unfit, place: Place) -> TreeError {
    match unfit {
        Unfit::TooLarge => TreeError::NumberTooLarge(place),
        Unfit::Tag => TreeError::Tag(place),
    }
}

fn opened_scalar(value: Typed) -> OpenedScalar {
    let kind = match &value {
        Typed::Null | Typed::Str(_) => OpenedKind::Str,
        Typed::Int(_) => OpenedKind::Int,
        Typed::Float(_) => OpenedKind::Float,
        Typed::Bool(_) => OpenedKind::Bool,
        Typed::Time(_) => OpenedKind::Time,
    };
    let mut bytes = match value {
        Typed::Str(bytes) => bytes,
        other => other.bytes(),
    };
    if std::str::from_utf8(&bytes).is_err() {
        let text = SecretString::new(STANDARD.encode(&*bytes));
        return OpenedScalar {
            kind: OpenedKind::Binary,
            text,
        };
    }
    let text = SecretBytes::new(std::mem::take(&mut *bytes))
        .into_string()
        .expect("this holds because the bytes were just checked");
    OpenedScalar { kind, text }
}
