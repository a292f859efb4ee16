//! The decrypted file as text: values and comments put back, metadata taken out.

use crate::document::{Document, Opened};
use crate::expand;
use crate::open::Decrypted;
use crate::restore::{self, BlockColumn, line_break_after};
use crate::store;
use crate::survey::PathId;
use crate::tree::{Key, OpenedKind, OpenedScalar, Tree, Value, ValueKind};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_secret::{SecretBytes, SecretString};
use lockstep_yaml::{NodeKind, Splices};
use std::collections::HashMap;
use zeroize::Zeroizing;

pub(crate) fn of(document: &Document<Opened>) -> SecretString {
    let text = document.text.expose();
    let Some(decrypted) = &document.state.decrypted else {
        return SecretString::new(text.to_owned());
    };
    let mut splices = Splices::default();
    put_values(&mut splices, document, decrypted);
    for comment in &decrypted.comments {
        let mark = &text[comment.span.start..=comment.span.start];
        splices.replace(
            comment.span.clone(),
            Zeroizing::new(format!("{mark}{}", comment.text.expose())),
        );
    }
    for part in document.stream.documents() {
        store::remove_metadata(document.format, &mut splices, text, &document.stream, part);
    }
    SecretString::new(std::mem::take(&mut *splices.apply(text)))
}

/// The content of a binary file.
pub(crate) fn content(document: &Document<Opened>) -> SecretBytes {
    let bytes = match &document.state.content {
        Some(content) => content.expose().to_vec(),
        None => match document.state.trees.first().map(|tree| &tree.root.kind) {
            Some(ValueKind::Mapping(entries)) => entries.first().map_or(Vec::new(), bytes_of),
            _ => Vec::new(),
        },
    };
    SecretBytes::new(bytes)
}

/// The bytes of a binary file's only value. Nothing is never encrypted, and old releases of sops
/// encrypted only what was selected.
fn bytes_of((_, value): &(Key, Value)) -> Vec<u8> {
    match &value.kind {
        ValueKind::Opened(value) if value.kind == OpenedKind::Binary => {
            let decoded = STANDARD.decode(value.text.expose());
            decoded.expect("this holds because it was encoded when it was opened")
        }
        ValueKind::Opened(value) => value.text.expose().as_bytes().to_vec(),
        ValueKind::Clear(value) => value.text.as_bytes().to_vec(),
        ValueKind::Mapping(_) | ValueKind::Sequence(_) => Vec::new(),
    }
}

fn put_values(splices: &mut Splices, document: &Document<Opened>, decrypted: &Decrypted) {
    let (text, stream) = (document.text.expose(), &document.stream);
    let survey = &decrypted.survey;
    let by_leaf = values_by_leaf(document, decrypted);
    for (leaf, opened) in survey.leaves.iter().zip(&by_leaf) {
        let node = stream.node(leaf.node);
        if let (None, Some(opened), NodeKind::Scalar(scalar)) = (leaf.alias, opened, &node.kind) {
            let column = match leaf.in_list {
                true => BlockColumn::BehindDash,
                false => BlockColumn::NextOfFour,
            };
            let value = (*opened, column);
            store::put_value(document.format, splices, text, node, scalar, value);
        }
    }
    put_list_comments(splices, document, decrypted);
    for alias in survey.aliases.iter().filter(|alias| alias.expand) {
        let mut leaves = by_leaf[alias.leaves.clone()]
            .iter()
            .map(|opened| opened.map(restore::in_flow));
        let written = expand::in_flow(stream, alias.node, &mut leaves);
        splices.replace(stream.node(alias.node).span.clone(), written);
    }
}

/// Turns list elements that are comments into comment lines: `- ENC[…]` becomes `# …`. A list of
/// nothing else becomes `[]`, or it would be no list any more.
fn put_list_comments(splices: &mut Splices, document: &Document<Opened>, decrypted: &Decrypted) {
    let (text, survey) = (document.text.expose(), &decrypted.survey);
    let mut left: HashMap<Option<PathId>, usize> = HashMap::new();
    if !decrypted.list_comments.is_empty() {
        for slot in &survey.slots {
            *left.entry(Some(slot.container)).or_default() += 1;
        }
    }
    for (leaf, comment) in &decrypted.list_comments {
        let leaf = &survey.leaves[*leaf];
        let node = document.stream.node(leaf.node);
        let dash = text[..node.start].rfind('-').unwrap_or(node.start);
        let mut line = Zeroizing::new(format!("#{}", comment.expose()));
        let left = left.entry(survey.ancestors(leaf.path).nth(1)).or_default();
        *left = left.saturating_sub(1);
        if *left == 0 {
            line.push_str(line_break_after(text, node.span.end));
            line.extend(std::iter::repeat_n(' ', node.block_indent + 2));
            line.push_str("[]");
        }
        splices.replace(dash..node.span.end, line);
    }
}

/// The decrypted value of each leaf that has one.
pub(crate) fn values_by_leaf<'d>(
    document: &'d Document<Opened>,
    decrypted: &Decrypted,
) -> Vec<Option<&'d OpenedScalar>> {
    let mut values = opened_values(&document.state.trees).into_iter();
    decrypted
        .opened
        .iter()
        .map(|opened| opened.then(|| values.next()).flatten())
        .collect()
}

/// The decrypted values of all trees, in document order.
fn opened_values(trees: &[Tree]) -> Vec<&OpenedScalar> {
    let mut found = Vec::new();
    for tree in trees {
        collect(&tree.root, &mut found);
    }
    found
}

fn collect<'t>(value: &'t Value, found: &mut Vec<&'t OpenedScalar>) {
    match &value.kind {
        ValueKind::Mapping(entries) => {
            for (_, value) in entries {
                collect(value, found);
            }
        }
        ValueKind::Sequence(items) => {
            for item in items {
                collect(item, found);
            }
        }
        ValueKind::Opened(opened) => found.push(opened),
        ValueKind::Clear(_) => {}
    }
}
