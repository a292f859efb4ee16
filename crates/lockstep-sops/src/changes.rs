//! What a file says differently from an older version of it: which places, never what stands there.

use crate::document::{Document, Encrypted, Opened};
use crate::error::OpenError;
use crate::metadata::Metadata;
use crate::open;
use crate::place::{KeyPath, Place, Step};
use crate::tree::{Value, ValueKind};
use lockstep_secret::DataKey;
use lockstep_yaml::ScalarStyle;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something stands where nothing stood.
    Added(Place),
    /// Nothing stands where something stood; the place is that of the older version.
    Removed(Place),
    /// Another value stands there, or the same text as another type.
    Changed(Place),
    /// The same entries come in another order.
    Order,
    /// Encrypted comments differ.
    Comments,
    /// A recipient is named that was not.
    RecipientAdded(String),
    /// A recipient is not named any more.
    RecipientRemoved(String),
    /// What is said of keys differs otherwise, such as a wrapped key.
    Keys,
    /// The rule for what is encrypted, or for what the MAC covers.
    Rule,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(place) => write!(f, "added: {place}"),
            Self::Removed(place) => write!(f, "removed: {place} of the sealed version"),
            Self::Changed(place) => write!(f, "changed: {place}"),
            Self::Order => f.write_str("the order of entries or elements changed"),
            Self::Comments => f.write_str("encrypted comments changed"),
            Self::RecipientAdded(who) => write!(f, "recipient added: {}", who.escape_default()),
            Self::RecipientRemoved(who) => write!(f, "recipient removed: {}", who.escape_default()),
            Self::Keys => f.write_str("wrapped keys changed"),
            Self::Rule => f.write_str("the rule for what is encrypted changed"),
        }
    }
}

/// Compares a file with an older, sealed version of it. The values and MACs of both are verified, and
/// the seal of the older one.
pub(crate) fn since(
    older: (Document<Encrypted>, &DataKey),
    newer: (Document<Encrypted>, &DataKey),
) -> Result<Vec<Change>, OpenError> {
    let mut changes = of_metadata(&older.0.state.metadata, &newer.0.state.metadata);
    let older = open::open(older.0, older.1)?;
    let (newer, _) = open::open_unsealed(newer.0, newer.1)?;
    changes.extend(of_values(&older, &newer));
    if comments(&older) != comments(&newer) {
        changes.push(Change::Comments);
    }
    Ok(changes)
}

fn of_metadata(older: &Metadata, newer: &Metadata) -> Vec<Change> {
    let mut changes = Vec::new();
    let names = |metadata: &Metadata| -> Vec<String> {
        let entries = metadata.age.iter();
        entries
            .map(|entry| entry.recipient.trim().to_owned())
            .collect()
    };
    let (before, after) = (names(older), names(newer));
    let missing = |from: &[String], other: &[String]| -> Vec<String> {
        let gone = from.iter().filter(|one| !other.contains(one));
        gone.cloned().collect()
    };
    let added = missing(&after, &before);
    changes.extend(added.into_iter().map(Change::RecipientAdded));
    let removed = missing(&before, &after);
    changes.extend(removed.into_iter().map(Change::RecipientRemoved));
    if changes.is_empty() && older.keys != newer.keys {
        changes.push(Change::Keys);
    }
    if older.selector != newer.selector || older.mac_scope != newer.mac_scope {
        changes.push(Change::Rule);
    }
    changes
}

/// Everything that stands somewhere, by document and path.
type Places<'a> = BTreeMap<(usize, String), (Place, &'a Value)>;

fn of_values(older: &Document<Opened>, newer: &Document<Opened>) -> Vec<Change> {
    let (mut before, mut after) = (Flat::default(), Flat::default());
    before.documents(older);
    after.documents(newer);
    let mut changes = Vec::new();
    for (key, (place, value)) in &after.places {
        match before.places.get(key) {
            None => changes.push(Change::Added(place.clone())),
            Some((_, old)) if !same(old, value) => changes.push(Change::Changed(place.clone())),
            Some(_) => {}
        }
    }
    let gone = before.places.iter();
    let gone = gone.filter(|(key, _)| !after.places.contains_key(*key));
    changes.extend(gone.map(|(_, (place, _))| Change::Removed(place.clone())));
    if changes.is_empty() && before.order != after.order {
        changes.push(Change::Order);
    }
    changes
}

#[derive(Default)]
struct Flat<'a> {
    places: Places<'a>,
    order: Vec<(usize, String)>,
}

impl<'a> Flat<'a> {
    fn documents(&mut self, document: &'a Document<Opened>) {
        for (index, tree) in document.trees().iter().enumerate() {
            self.walk(index + 1, &mut Vec::new(), &tree.root);
        }
    }

    fn walk(&mut self, document: usize, path: &mut Vec<Step>, value: &'a Value) {
        match &value.kind {
            ValueKind::Mapping(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    path.push(Step::Key(key.text.clone()));
                    self.walk(document, path, value);
                    path.pop();
                }
            }
            ValueKind::Sequence(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    path.push(Step::Index(index));
                    self.walk(document, path, value);
                    path.pop();
                }
            }
            _ => {
                let path = KeyPath(path.clone());
                let key = (document, path.to_string());
                let line = value.line;
                let place = Place {
                    document,
                    line,
                    path,
                };
                self.order.push(key.clone());
                self.places.insert(key, (place, value));
            }
        }
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (&one.kind, &other.kind) {
        (ValueKind::Mapping(_), ValueKind::Mapping(_))
        | (ValueKind::Sequence(_), ValueKind::Sequence(_)) => true,
        (ValueKind::Clear(one), ValueKind::Clear(other)) => {
            let plain = |style| style == ScalarStyle::Plain;
            one.text == other.text && one.tag == other.tag && plain(one.style) == plain(other.style)
        }
        (ValueKind::Opened(one), ValueKind::Opened(other)) => {
            one.kind == other.kind && one.text.expose() == other.text.expose()
        }
        _ => false,
    }
}

fn comments(document: &Document<Opened>) -> Vec<&str> {
    let Some(decrypted) = &document.state.decrypted else {
        return Vec::new();
    };
    let in_lists = decrypted
        .list_comments
        .iter()
        .map(|(_, text)| text.expose());
    let others = decrypted.comments.iter().map(|one| one.text.expose());
    in_lists.chain(others).collect()
}
