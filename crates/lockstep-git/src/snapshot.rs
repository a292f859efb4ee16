//! The files of one folder at one commit, readable without a checkout.

use crate::entry::RefusedEntry;
use crate::generation::Generation;
use gix::objs::Kind;
use lockstep_names::{ObjectId, RepoPath, Revision};
use std::sync::Arc;

/// The longest file that is read, in bytes. The API server takes objects of 1.5 MiB.
const LONGEST_FILE: u64 = 5 << 20;
/// How a file begins whose content Git LFS keeps elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The files of one folder at one commit.
#[derive(Debug)]
pub struct Snapshot {
    generation: Arc<Generation>,
    revision: Revision,
    tree: ObjectId,
    files: Vec<SnapshotFile>,
    refused: Vec<RefusedEntry>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Its path from the root of the repository.
    pub path: RepoPath,
    /// The id of its content: equal ids mean equal bytes.
    pub blob: ObjectId,
}

impl Snapshot {
    pub(crate) fn new(
        generation: Arc<Generation>,
        revision: Revision,
        tree: ObjectId,
        files: Vec<SnapshotFile>,
        refused: Vec<RefusedEntry>,
    ) -> Self {
        Self {
            generation,
            revision,
            tree,
            files,
            refused,
        }
    }

    /// The commit.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// The id of the folder: equal ids mean that nothing in it differs.
    #[must_use]
    pub fn tree(&self) -> &ObjectId {
        &self.tree
    }

    /// The files, in order of their paths.
    #[must_use]
    pub fn files(&self) -> &[SnapshotFile] {
        &self.files
    }

    /// The entries that are not taken as files.
    #[must_use]
    pub fn refused(&self) -> &[RefusedEntry] {
        &self.refused
    }

    /// Reads the bytes of a file as they were committed: no filter or attribute applies.
    ///
    /// # Errors
    /// [`ReadError`]; a file that cannot be read is not an absent file.
    pub fn read(&self, file: &SnapshotFile) -> Result<Vec<u8>, ReadError> {
        let path = || file.path.clone();
        let repository = self.generation.repository();
        let damaged = || {
            self.generation.mark_damaged();
            ReadError::Damaged { path: path() }
        };
        let id = gix::ObjectId::from_hex(file.blob.as_str().as_bytes()).map_err(|_| damaged())?;
        let header = repository.find_header(id).map_err(|_| damaged())?;
        if header.kind() != Kind::Blob {
            return Err(damaged());
        }
        if header.size() > LONGEST_FILE {
            let (size, limit) = (header.size(), LONGEST_FILE);
            return Err(ReadError::TooLarge {
                path: path(),
                size,
                limit,
            });
        }
        let data = repository
            .find_object(id)
            .map_err(|_| damaged())?
            .detach()
            .data;
        if data.starts_with(LFS_POINTER) {
            return Err(ReadError::LfsPointer { path: path() });
        }
        Ok(data)
    }
}

/// A file of a snapshot could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is too long.
    #[error("{path} has {size} bytes, more than {limit}")]
    TooLarge {
        /// The file.
        path: RepoPath,
        /// Its length in bytes.
        size: u64,
        /// How many bytes are read at most.
        limit: u64,
    },
    /// The content is kept elsewhere.
    #[error("{path} is a Git LFS pointer; the content itself is not in the repository")]
    LfsPointer {
        /// The file.
        path: RepoPath,
    },
    /// The object is missing or broken in the store; the next fetch brings it anew.
    #[error("the content of {path} is missing from the store or broken")]
    Damaged {
        /// The file.
        path: RepoPath,
    },
}

impl ReadError {
    /// Names the kind of failure for conditions and metric labels; these names stay.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "FileTooLarge",
            Self::LfsPointer { .. } => "LfsPointer",
            Self::Damaged { .. } => "StoreDamaged",
        }
    }
}
