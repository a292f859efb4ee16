//! From a commit and a folder to the list of its files.
//!
//! Trees come from a hostile place: names, kinds, depth, number and size of everything are checked
//! before it is used, and anything that cannot be listed whole is an error.

use crate::entry::{self, Refusal, RefusedEntry};
use crate::generation::Generation;
use crate::snapshot::{Snapshot, SnapshotFile};
use gix::bstr::BString;
use gix::objs::Kind;
use gix::objs::tree::EntryKind;
use lockstep_names::{ObjectId, RepoPath, Revision};
use std::collections::HashMap;
use std::sync::Arc;

/// How many entries a snapshot may have, folders included.
const MOST_ENTRIES: usize = 100_000;
/// How deep folders are followed below the snapshot's own.
const DEEPEST: usize = 64;
/// The longest tree or commit object that is read, in bytes.
const LONGEST_OBJECT: u64 = 16 << 20;

/// The files of a revision could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The store does not hold the commit.
    #[error("the store does not hold {revision}")]
    CommitNotFound {
        /// The revision.
        revision: Revision,
    },
    /// The revision has nothing at this path.
    #[error("{revision} has no folder {path}")]
    PathNotFound {
        /// The revision.
        revision: Revision,
        /// The path that was asked for.
        path: RepoPath,
    },
    /// A part of the path is something else than a folder.
    #[error("{path} is not a folder in {revision}")]
    NotAFolder {
        /// The revision.
        revision: Revision,
        /// The part of the path that is no folder.
        path: RepoPath,
    },
    /// The folder has too many entries.
    #[error("{path} has more than {limit} entries")]
    TooManyEntries {
        /// The folder.
        path: RepoPath,
        /// How many are listed at most.
        limit: usize,
    },
    /// An object is missing or broken in the store; the next fetch brings it anew.
    #[error("the list of files of {path} is missing from the store or broken")]
    Damaged {
        /// The folder.
        path: RepoPath,
    },
    /// An object is longer than any honest list of files.
    #[error("the list of files of {path} takes {size} bytes, more than {limit}")]
    TooLong {
        /// The folder.
        path: RepoPath,
        /// Its length in bytes.
        size: u64,
        /// How many bytes are read at most.
        limit: u64,
    },
}

impl SnapshotError {
    /// Names the kind of failure for conditions and metric labels; these names stay.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CommitNotFound { .. } => "CommitNotFound",
            Self::PathNotFound { .. } => "PathNotFound",
            Self::NotAFolder { .. } => "NotAFolder",
            Self::TooManyEntries { .. } => "TooManyEntries",
            Self::Damaged { .. } => "StoreDamaged",
            Self::TooLong { .. } => "TreeTooLong",
        }
    }
}

/// Lists the files of `revision` under `under`.
pub(crate) fn snapshot(
    generation: Arc<Generation>,
    revision: &Revision,
    under: &RepoPath,
) -> Result<Snapshot, SnapshotError> {
    let mut walk = Walk {
        repository: generation.repository(),
        generation: &generation,
        files: Vec::new(),
        refused: Vec::new(),
        entries: 0,
    };
    let root = walk.root(revision)?;
    let tree = walk.descend(root, revision, under)?;
    walk.list(tree, under, 0).map_err(|error| match error {
        SnapshotError::TooManyEntries { limit, .. } => SnapshotError::TooManyEntries {
            path: under.clone(),
            limit,
        },
        other => other,
    })?;
    let Walk {
        mut files, refused, ..
    } = walk;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Snapshot::new(
        generation,
        revision.clone(),
        object_id(tree),
        files,
        refused,
    ))
}

struct Walk<'g> {
    repository: gix::Repository,
    generation: &'g Generation,
    files: Vec<SnapshotFile>,
    refused: Vec<RefusedEntry>,
    entries: usize,
}

/// An entry of a tree, taken out of the bytes it was read from.
struct Entry {
    name: BString,
    kind: EntryKind,
    id: gix::ObjectId,
}

impl Walk<'_> {
    fn root(&self, revision: &Revision) -> Result<gix::ObjectId, SnapshotError> {
        let missing = || SnapshotError::CommitNotFound {
            revision: revision.clone(),
        };
        let id =
            gix::ObjectId::from_hex(revision.commit.as_str().as_bytes()).map_err(|_| missing())?;
        if !self.repository.has_object(id) {
            return Err(missing());
        }
        let data = self.object(id, Kind::Commit, &RepoPath::root())?;
        gix::objs::CommitRefIter::from_bytes(&data, gix::hash::Kind::Sha1)
            .tree_id()
            .map_err(|_| self.damaged(&RepoPath::root()))
    }

    fn descend(
        &self,
        root: gix::ObjectId,
        revision: &Revision,
        under: &RepoPath,
    ) -> Result<gix::ObjectId, SnapshotError> {
        let mut tree = root;
        let mut at = RepoPath::root();
        for name in under.names() {
            let entries = self.entries(tree, &at)?;
            let mut named = entries.iter().filter(|entry| entry.name == name);
            let (entry, twin) = (named.next(), named.next());
            let revision = revision.clone();
            let Some(entry) = entry else {
                let path = under.clone();
                return Err(SnapshotError::PathNotFound { revision, path });
            };
            at = at
                .join(name)
                .expect("this holds because the name comes from a path");
            // Of two entries of one name, nobody can say which is meant.
            if entry.kind != EntryKind::Tree || twin.is_some() {
                return Err(SnapshotError::NotAFolder { revision, path: at });
            }
            tree = entry.id;
        }
        Ok(tree)
    }

    fn list(
        &mut self,
        tree: gix::ObjectId,
        folder: &RepoPath,
        depth: usize,
    ) -> Result<(), SnapshotError> {
        let entries = self.entries(tree, folder)?;
        self.entries += entries.len();
        if self.entries > MOST_ENTRIES {
            let path = folder.clone();
            return Err(SnapshotError::TooManyEntries {
                path,
                limit: MOST_ENTRIES,
            });
        }
        let mut times: HashMap<&BString, usize> = HashMap::new();
        for entry in &entries {
            *times.entry(&entry.name).or_default() += 1;
        }
        for entry in &entries {
            let admitted = match entry::admit(folder, entry.name.as_ref(), entry.kind) {
                Ok(_) if times[&entry.name] > 1 => Err(Refusal::Duplicate),
                Ok(_) if entry.kind == EntryKind::Tree && depth == DEEPEST => Err(Refusal::TooDeep),
                other => other,
            };
            match admitted {
                Err(why) => {
                    let path = entry::show(folder, entry.name.as_ref());
                    self.refused.push(RefusedEntry { path, why });
                }
                Ok(path) if entry.kind == EntryKind::Tree => {
                    self.list(entry.id, &path, depth + 1)?
                }
                Ok(path) => self.files.push(SnapshotFile {
                    path,
                    blob: object_id(entry.id),
                }),
            }
        }
        Ok(())
    }

    fn entries(&self, tree: gix::ObjectId, folder: &RepoPath) -> Result<Vec<Entry>, SnapshotError> {
        let data = self.object(tree, Kind::Tree, folder)?;
        gix::objs::TreeRefIter::from_bytes(&data, gix::hash::Kind::Sha1)
            .map(|entry| {
                let entry = entry.map_err(|_| self.damaged(folder))?;
                let kind = entry.mode.kind();
                Ok(Entry {
                    name: entry.filename.to_owned(),
                    kind,
                    id: entry.oid.to_owned(),
                })
            })
            .collect()
    }

    fn object(
        &self,
        id: gix::ObjectId,
        kind: Kind,
        folder: &RepoPath,
    ) -> Result<Vec<u8>, SnapshotError> {
        let header = self
            .repository
            .find_header(id)
            .map_err(|_| self.damaged(folder))?;
        if header.size() > LONGEST_OBJECT {
            let (path, size) = (folder.clone(), header.size());
            return Err(SnapshotError::TooLong {
                path,
                size,
                limit: LONGEST_OBJECT,
            });
        }
        let object = self
            .repository
            .find_object(id)
            .map_err(|_| self.damaged(folder))?;
        if object.kind != kind {
            return Err(self.damaged(folder));
        }
        Ok(object.detach().data)
    }

    fn damaged(&self, folder: &RepoPath) -> SnapshotError {
        self.generation.mark_damaged();
        SnapshotError::Damaged {
            path: folder.clone(),
        }
    }
}

/// Our word for gix's id.
pub(crate) fn object_id(id: gix::ObjectId) -> ObjectId {
    id.to_string()
        .parse()
        .expect("this holds because a SHA-1 prints as 40 hexadecimal digits")
}
