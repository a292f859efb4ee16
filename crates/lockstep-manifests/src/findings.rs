//! What a policy may have something to say about: noted while the manifest is still a tree, because
//! the body that is made of it does not tell any more how a value stood in the file.

use crate::json::{Json, Members, Node, Origin};
use crate::power::{self, Mark, Power};
use crate::tree::Walk;
use lockstep_sops::{KeyPath, Place, Step};

/// What a policy may have something to say about. Holds places and names, no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// What carries power beyond the object.
    pub powers: Vec<Power>,
    /// The first place, other than under the data of a Secret, where an encrypted value stood.
    pub encrypted_elsewhere: Option<Place>,
    /// How the data of a Secret stood in its file.
    pub encryption: Encryption,
}

/// How the data of a Secret stood in its file. Empty values do not count: SOPS leaves them as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// It is no Secret, or has no values.
    NothingToEncrypt,
    /// Every value was encrypted.
    Full,
    /// Some values were in clear, the first of them here.
    Partial(Place),
    /// All values were in clear, the first of them here.
    None(Place),
}

/// Looks at an object as its file has it.
pub(crate) fn of(object: &Members<'_>, walk: &Walk) -> Findings {
    let is_secret =
        text(object, "apiVersion") == Some("v1") && text(object, "kind") == Some("Secret");
    let mut powers = power::of_metadata(object);
    if is_secret {
        powers.extend(text(object, "type").and_then(power::of_secret_type));
    }
    let is_data = |name: &str| is_secret && (name == "data" || name == "stringData");
    let mut elsewhere = Search::new(walk, Origin::Encrypted);
    let mut clear = Search::new(walk, Origin::Clear);
    let mut encrypted = Search::new(walk, Origin::Encrypted);
    for (name, node) in object {
        if is_data(name) {
            clear.enter(name, node);
            encrypted.enter(name, node);
        } else {
            elsewhere.enter(name, node);
        }
    }
    Findings {
        powers,
        encrypted_elsewhere: elsewhere.found,
        encryption: match (encrypted.found, clear.found) {
            (None, None) => Encryption::NothingToEncrypt,
            (Some(_), None) => Encryption::Full,
            (Some(_), Some(place)) => Encryption::Partial(place),
            (None, Some(place)) => Encryption::None(place),
        },
    }
}

impl Findings {
    /// The powers of one kind.
    pub fn marked(&self, mark: Mark) -> impl Iterator<Item = &Power> {
        self.powers.iter().filter(move |power| power.mark == mark)
    }
}

fn text<'m>(object: &'m Members<'_>, field: &str) -> Option<&'m str> {
    match &object.get(field)?.json {
        Json::Text(text) => Some(text.expose()),
        _ => None,
    }
}

/// The search for the first value that stood in the file in one way.
struct Search {
    document: usize,
    steps: Vec<Step>,
    wanted: Origin,
    found: Option<Place>,
}

impl Search {
    fn new(walk: &Walk, wanted: Origin) -> Self {
        Self {
            document: walk.document,
            steps: walk.steps.clone(),
            wanted,
            found: None,
        }
    }

    fn enter(&mut self, name: &str, node: &Node<'_>) {
        self.step(Step::Key(name.to_owned()), node);
    }

    fn step(&mut self, step: Step, node: &Node<'_>) {
        if self.found.is_some() {
            return;
        }
        self.steps.push(step);
        match &node.json {
            Json::Object(members) => {
                for (name, node) in members {
                    self.enter(name, node);
                }
            }
            Json::List(list) => {
                for (index, node) in list.iter().enumerate() {
                    self.step(Step::Index(index), node);
                }
            }
            Json::Text(text) if text.expose().is_empty() => {}
            Json::Null => {}
            Json::Text(_) | Json::Number(_) | Json::Bool(_) => {
                if node.origin == self.wanted {
                    self.found = Some(Place {
                        document: self.document,
                        line: node.line,
                        path: KeyPath(self.steps.clone()),
                    });
                }
            }
        }
        self.steps.pop();
    }
}
