//! What people are called: the names of anchors on recipients, as in `keys: [&alice age1…]`.

use lockstep_sops::recipient_name;
use lockstep_yaml::{NodeId, NodeKind, Stream};
use std::collections::BTreeMap;

/// The names of recipients in one policy file. A name that stands for two recipients is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    by_recipient: BTreeMap<String, String>,
}

impl Names {
    /// Collects the names of a policy file. One that cannot be read has none: it is refused elsewhere.
    pub(crate) fn of(text: &str) -> Self {
        let mut found = Vec::new();
        if let Ok(stream) = Stream::parse(text) {
            for document in stream.documents() {
                collect(text, &stream, document.root, &mut found);
            }
        }
        let mut names = Self::default();
        for (name, recipient) in &found {
            let unambiguous = found
                .iter()
                .all(|(other, of)| other != name || of == recipient);
            if unambiguous && !names.by_recipient.contains_key(recipient) {
                names.by_recipient.insert(recipient.clone(), name.clone());
            }
        }
        names
    }

    /// The name of a recipient, if it has one.
    #[must_use]
    pub fn name_of(&self, recipient: &str) -> Option<&str> {
        self.by_recipient
            .get(&recipient_name(recipient))
            .map(String::as_str)
    }
}

fn collect(text: &str, stream: &Stream, id: NodeId, found: &mut Vec<(String, String)>) {
    let node = stream.node(id);
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let recipient = recipient_name(&scalar.text);
            if let Some(anchor) = &node.anchor
                && (recipient.starts_with("age1") || recipient.starts_with("ssh-"))
            {
                let name = text[anchor.clone()].trim_start_matches('&');
                found.push((name.to_owned(), recipient));
            }
        }
        NodeKind::Mapping(_, entries) => {
            for (_, value) in entries {
                collect(text, stream, *value, found);
            }
        }
        NodeKind::Sequence(_, items) => {
            for item in items {
                collect(text, stream, *item, found);
            }
        }
        // What it stands for is met where it is written.
        NodeKind::Alias(_) => {}
    }
}
