//! The decrypted file as text: values and comments put back, metadata taken out.

use crate::document::{Document, Opened};
use crate::expand;
use crate::open::Decrypted;
use crate::restore;
use crate::seam;
use crate::tree::{OpenedScalar, Tree, Value, ValueKind};
use lockstep_secret::SecretString;
use lockstep_yaml::{NodeKind, Splices};
use zeroize::Zeroizing;

pub(crate) fn of(document: &Document<Opened>) -> SecretString {
    let text = document.text.expose();
    let Some(decrypted) = &document.state.decrypted else {
        return SecretString::new(text.to_owned());
    };
    let mut splices = Splices::default();
    put_values(&mut splices, document, decrypted);
    for (span, comment) in &decrypted.comments {
        splices.replace(
            span.clone(),
            Zeroizing::new(format!("#{}", comment.expose())),
        );
    }
    for part in document.stream.documents() {
        seam::remove(&mut splices, text, &document.stream, part);
    }
    SecretString::new(std::mem::take(&mut *splices.apply(text)))
}

fn put_values(splices: &mut Splices, document: &Document<Opened>, decrypted: &Decrypted) {
    let (text, stream) = (document.text.expose(), &document.stream);
    let survey = &decrypted.survey;
    let mut values = opened_values(&document.state.trees).into_iter();
    let by_leaf: Vec<Option<&OpenedScalar>> = decrypted
        .opened
        .iter()
        .map(|opened| opened.then(|| values.next()).flatten())
        .collect();
    for (leaf, opened) in survey.leaves.iter().zip(&by_leaf) {
        let node = stream.node(leaf.node);
        if let (None, Some(opened), NodeKind::Scalar(scalar)) = (leaf.alias, opened, &node.kind) {
            restore::put(splices, text, node, scalar, opened);
        }
    }
    for (leaf, comment) in &decrypted.list_comments {
        put_list_comment(splices, document, survey.leaves[*leaf].node, comment);
    }
    for alias in survey.aliases.iter().filter(|alias| alias.expand) {
        let mut leaves = by_leaf[alias.leaves.clone()]
            .iter()
            .map(|opened| opened.map(restore::in_flow));
        let written = expand::in_flow(stream, alias.node, &mut leaves);
        splices.replace(stream.node(alias.node).span.clone(), written);
    }
}

/// Turns a list element that is a comment into a comment line: `- ENC[…]` becomes `# …`.
fn put_list_comment(
    splices: &mut Splices,
    document: &Document<Opened>,
    node: lockstep_yaml::NodeId,
    comment: &SecretString,
) {
    let text = document.text.expose();
    let node = document.stream.node(node);
    let dash = text[..node.start].rfind('-').filter(|_| !node.in_flow);
    let start = dash.unwrap_or(node.start);
    splices.replace(
        start..node.span.end,
        Zeroizing::new(format!("#{}", comment.expose())),
    );
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
