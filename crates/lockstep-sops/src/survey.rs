//! Walks a file's documents as SOPS does: every scalar in order, its place, and whether the selector
//! takes it. Encrypting, opening and building trees all follow this one order.

mod outline;

pub(crate) use outline::{KeyForm, Outlined, Shape};

use crate::error::TreeError;
use crate::place::{KeyPath, Place, Step};
use crate::resolve;
use crate::selector::Selector;
use crate::typed::Typed;
use lockstep_yaml::{CollectionStyle, Node, NodeId, NodeKind, Stream};
use std::collections::HashMap;
use std::ops::Range;

/// Nodes reached through aliases, per file. Enough for every hand-written file, too few to hurt.
const ALIAS_BUDGET: usize = 100_000;

/// Nesting including what aliases stand for. The parser allows as much without them.
const MAX_DEPTH: usize = 128;

/// The keys that lead to a value, joined, in bytes: every value is authenticated together with them,
/// so that a long key above many values would cost their product.
const MAX_PATH: usize = 4096;

/// The top-level key that holds the metadata.
pub(crate) const METADATA_KEY: &str = "sops";

/// A collection or entry on the way from the top of a document to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PathId(usize);

#[derive(Debug)]
struct PathEntry {
    parent: Option<PathId>,
    step: Option<PathStep>,
    shape: Shape,
    matched: bool,
    /// The length of the keys up to here.
    length: usize,
}

#[derive(Debug)]
enum PathStep {
    Key(String, KeyForm),
    Index(usize),
}

/// A scalar where it takes effect.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) node: NodeId,
    pub(crate) path: PathId,
    pub(crate) document: usize,
    /// Whether the selector takes it.
    pub(crate) selected: bool,
    /// The outermost alias it is reached through: an index into [`Survey::aliases`].
    pub(crate) alias: Option<usize>,
    /// Whether it is a list element.
    pub(crate) in_list: bool,
}

/// An alias as written in a document.
#[derive(Debug)]
pub(crate) struct AliasUse {
    pub(crate) node: NodeId,
    pub(crate) leaves: Range<usize>,
    /// Whether what it stands for is encrypted, here or at its anchor, so that it cannot stay.
    pub(crate) expand: bool,
}

/// Where an entry of a block or flow collection starts: what comments are attributed by.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) start: usize,
    pub(crate) column: usize,
    /// The collection that the entry belongs to.
    pub(crate) container: PathId,
    /// The place of its value.
    pub(crate) value: PathId,
    pub(crate) document: usize,
}

/// The result of a walk over all documents.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    paths: Vec<PathEntry>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) aliases: Vec<AliasUse>,
    pub(crate) slots: Vec<Slot>,
    /// The column of each collection's first entry.
    pub(crate) columns: HashMap<PathId, usize>,
    /// The end of each collection in brackets or braces.
    pub(crate) flow_ends: HashMap<PathId, usize>,
    pub(crate) roots: Vec<PathId>,
}

/// Which keys a mapping may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Strings only: SOPS encrypts nothing else.
    Strings,
    /// Whatever YAML has.
    Any,
}

impl Survey {
    /// Walks every document of `stream`. Top-level `sops` mappings are left out.
    pub(crate) fn of(stream: &Stream, selector: &Selector, keys: Keys) -> Result<Self, TreeError> {
        let mut walk = Walk {
            stream,
            selector,
            keys,
            survey: Self::default(),
            document: 0,
            depth: 0,
            budget: ALIAS_BUDGET,
            alias: None,
            open: Vec::new(),
            anchored: HashMap::new(),
        };
        for (index, document) in stream.documents().iter().enumerate() {
            walk.document = index;
            let root = walk.push(None, None, false);
            walk.survey.roots.push(root);
            walk.visit(document.root, root, InList::No)?;
        }
        Ok(walk.survey)
    }

    /// The additional data of a value or of a comment in this container: keys joined with colons.
    pub(crate) fn additional_data(&self, path: PathId) -> String {
        let mut keys = Vec::new();
        for entry in self.upwards(path) {
            if let Some(PathStep::Key(key, _)) = &entry.step {
                keys.push(key.as_str());
            }
        }
        keys.reverse();
        keys.join(":") + ":"
    }

    /// Whether the selector takes what stands at `path`, by its keys alone.
    pub(crate) fn selected(&self, selector: &Selector, path: PathId) -> bool {
        selector.selects(self.paths[path.0].matched)
    }

    /// Where a leaf stands, for messages.
    pub(crate) fn place(&self, stream: &Stream, leaf: &Leaf) -> Place {
        // What an alias stands for is found where the alias is.
        let node = leaf
            .alias
            .map_or(leaf.node, |alias| self.aliases[alias].node);
        self.place_at(leaf.path, leaf.document, stream.node(node).line)
    }

    fn place_at(&self, path: PathId, document: usize, line: usize) -> Place {
        let mut steps: Vec<Step> = self
            .upwards(path)
            .filter_map(|entry| match entry.step.as_ref()? {
                PathStep::Key(key, _) => Some(Step::Key(key.clone())),
                PathStep::Index(index) => Some(Step::Index(*index)),
            })
            .collect();
        steps.reverse();
        Place {
            document: document + 1,
            line,
            path: KeyPath(steps),
        }
    }

    /// The containers around `path`, innermost first.
    pub(crate) fn ancestors(&self, path: PathId) -> impl Iterator<Item = PathId> + '_ {
        std::iter::successors(Some(path), |path| self.paths[path.0].parent)
    }

    fn upwards(&self, path: PathId) -> impl Iterator<Item = &PathEntry> {
        self.ancestors(path).map(|path| &self.paths[path.0])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum InList {
    Yes,
    No,
}

struct Walk<'a> {
    stream: &'a Stream,
    selector: &'a Selector,
    keys: Keys,
    survey: Survey,
    document: usize,
    depth: usize,
    budget: usize,
    /// The outermost alias being followed.
    alias: Option<usize>,
    /// The collections being walked, to find aliases inside what they stand for.
    open: Vec<NodeId>,
    /// The leaves of each anchored node at its own place.
    anchored: HashMap<NodeId, Range<usize>>,
}

impl Walk<'_> {
    fn push(&mut self, parent: Option<PathId>, step: Option<PathStep>, matched: bool) -> PathId {
        let above = parent.map_or(0, |parent| self.survey.paths[parent.0].length);
        let own = match &step {
            Some(PathStep::Key(key, _)) => key.len() + 1,
            Some(PathStep::Index(_)) | None => 0,
        };
        self.survey.paths.push(PathEntry {
            parent,
            step,
            shape: Shape::Scalar,
            matched,
            length: above + own,
        });
        PathId(self.survey.paths.len() - 1)
    }

    fn place(&self, path: PathId, node: &Node) -> Place {
        self.survey.place_at(path, self.document, node.line)
    }

    fn visit(&mut self, id: NodeId, path: PathId, in_list: InList) -> Result<(), TreeError> {
        let stream = self.stream;
        let node = stream.node(id);
        if self.depth == MAX_DEPTH {
            return Err(TreeError::TooDeep(self.place(path, node)));
        }
        if self.alias.is_some() {
            self.budget = self
                .budget
                .checked_sub(1)
                .ok_or_else(|| TreeError::TooManyAliases(self.place(path, node)))?;
        }
        let first = self.survey.leaves.len();
        if let NodeKind::Mapping(CollectionStyle::Flow, _)
        | NodeKind::Sequence(CollectionStyle::Flow, _) = &node.kind
            && self.alias.is_none()
        {
            self.survey.flow_ends.insert(path, node.span.end);
        }
        self.depth += 1;
        match &node.kind {
            NodeKind::Scalar(_) => self.leaf(id, path, in_list),
            NodeKind::Alias(target) => self.follow(id, *target, path, in_list)?,
            NodeKind::Mapping(_, entries) => {
                self.open.push(id);
                self.survey.paths[path.0].shape = Shape::Mapping;
                self.mapping(entries, path)?;
                self.open.pop();
            }
            NodeKind::Sequence(_, items) => {
                self.open.push(id);
                self.survey.paths[path.0].shape = Shape::Sequence;
                self.sequence(items, path)?;
                self.open.pop();
            }
        }
        self.depth -= 1;
        if node.anchor.is_some() && self.alias.is_none() {
            self.anchored.insert(id, first..self.survey.leaves.len());
        }
        Ok(())
    }

    fn leaf(&mut self, node: NodeId, path: PathId, in_list: InList) {
        let selected = self.survey.selected(self.selector, path);
        let in_list = in_list == InList::Yes;
        let (document, alias) = (self.document, self.alias);
        self.survey.leaves.push(Leaf {
            node,
            path,
            document,
            selected,
            alias,
            in_list,
        });
    }

    fn mapping(&mut self, entries: &[(NodeId, NodeId)], path: PathId) -> Result<(), TreeError> {
        let above = self.survey.paths[path.0].matched;
        let top = self.survey.paths[path.0].parent.is_none();
        for (key_id, value) in entries {
            let key = self.stream.node(*key_id);
            let text = self.key_text(key, path)?;
            if top && text == METADATA_KEY {
                continue;
            }
            let matched = above || self.selector.key_matches(&text);
            let step = PathStep::Key(text, KeyForm::of(key));
            let below = self.push(Some(path), Some(step), matched);
            if self.survey.paths[below.0].length > MAX_PATH {
                return Err(TreeError::PathTooLong(self.place(path, key)));
            }
            self.slot(key, path, below);
            self.visit(*value, below, InList::No)?;
        }
        Ok(())
    }

    fn sequence(&mut self, items: &[NodeId], path: PathId) -> Result<(), TreeError> {
        let matched = self.survey.paths[path.0].matched;
        for (index, item) in items.iter().enumerate() {
            let below = self.push(Some(path), Some(PathStep::Index(index)), matched);
            self.slot(self.stream.node(*item), path, below);
            self.visit(*item, below, InList::Yes)?;
        }
        Ok(())
    }

    fn follow(
        &mut self,
        id: NodeId,
        target: NodeId,
        path: PathId,
        in_list: InList,
    ) -> Result<(), TreeError> {
        if self.open.contains(&target) {
            return Err(TreeError::Recursive(self.place(path, self.stream.node(id))));
        }
        if self.alias.is_some() {
            return self.visit(target, path, in_list);
        }
        let index = self.survey.aliases.len();
        let first = self.survey.leaves.len();
        self.survey.aliases.push(AliasUse {
            node: id,
            leaves: first..first,
            expand: false,
        });
        self.alias = Some(index);
        self.visit(target, path, in_list)?;
        self.alias = None;
        let leaves = first..self.survey.leaves.len();
        let selected =
            |mut leaves: Range<usize>| leaves.any(|leaf| self.survey.leaves[leaf].selected);
        // An anchor that the walk did not pass is in the metadata, which does not stay either.
        let at_anchor = self.anchored.get(&target).cloned();
        let expand = selected(leaves.clone()) || at_anchor.is_none_or(selected);
        self.survey.aliases[index] = AliasUse {
            node: id,
            leaves,
            expand,
        };
        Ok(())
    }

    fn key_text(&self, key: &Node, path: PathId) -> Result<String, TreeError> {
        let NodeKind::Scalar(scalar) = &key.kind else {
            return Err(TreeError::KeyNotString(self.place(path, key)));
        };
        if self.keys == Keys::Any {
            return Ok(scalar.text.to_string());
        }
        match resolve::resolve(scalar, key.tag.as_deref()) {
            Ok(Typed::Str(bytes)) => String::from_utf8(bytes.to_vec()).ok(),
            _ => None,
        }
        .ok_or_else(|| TreeError::KeyNotString(self.place(path, key)))
    }

    fn slot(&mut self, entry: &Node, container: PathId, value: PathId) {
        if self.alias.is_some() {
            return;
        }
        let column = if entry.in_flow {
            entry.column
        } else {
            entry.block_indent
        };
        self.survey.columns.entry(container).or_insert(column);
        self.survey.slots.push(Slot {
            start: entry.start,
            column,
            container,
            value,
            document: self.document,
        });
    }
}
