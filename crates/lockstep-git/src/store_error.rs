//! What can go wrong on this machine's side of a fetch.

use std::io;
use std::path::{Path, PathBuf};

/// The store on this machine failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused something: no space, no permission.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The repository on disk cannot be used.
    #[error("cannot {doing} the repository {}", .path.display())]
    Unusable {
        /// What was tried, as a verb.
        doing: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// Another process has the store open.
    #[error("{} is locked: another process has this store open", .path.display())]
    InUse {
        /// The lock.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// Tells a full disk from a broken repository.
    pub(crate) fn git(doing: &'static str, path: &Path) -> impl FnOnce(gix::Error) -> Self {
        move |error| match error.downcast_any_ref::<io::Error>() {
            Some(io) => {
                let source = io
                    .raw_os_error()
                    .map_or(io.kind().into(), io::Error::from_raw_os_error);
                Self::Io {
                    doing,
                    path: path.to_owned(),
                    source,
                }
            }
            None => Self::Unusable {
                doing,
                path: path.to_owned(),
            },
        }
    }
}
