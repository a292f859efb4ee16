//! Writing files so that a kill at any moment leaves each of them old or new, and whole.
//!
//! The order is: stage every new content beside its target, flush them all, check that each target
//! is still what was read, rename, flush the folders. Staged content has no name where the system
//! allows it, so that a killed run leaves nothing behind; where it needs one, the next run into the
//! same folder removes what a killed one left.
//!
//! Mode and owner of a replaced file are kept, the owner as far as the user may give files away; hard
//! links to it and extended attributes are not.

mod staged;
mod sweep;
mod together;

pub use staged::{Expected, Privacy, Staged, stage};
pub(crate) use together::{publish_together, room_for};

use crate::Shown;
use crate::pool::{Width, parallel};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Publishes staged files: flushes all of them at once, renames each into place, flushes the
/// folders. The results come in the order of `staged`; a file that fails stays as it was and does
/// not keep the others from being published.
#[must_use = "a file that could not be written is reported here only"]
pub fn publish(staged: Vec<Staged>) -> Vec<Result<(), WriteError>> {
    let flushed = parallel(Width::Waiting, &staged, Staged::flush);
    let mut folders = BTreeMap::<PathBuf, Vec<usize>>::new();
    let mut results = Vec::with_capacity(staged.len());
    for (index, (staged, flushed)) in staged.into_iter().zip(flushed).enumerate() {
        let folder = staged.folder().to_owned();
        let result = flushed.and_then(|()| staged.rename());
        if result.is_ok() {
            folders.entry(folder).or_default().push(index);
        }
        results.push(result);
    }
    let folders: Vec<_> = folders.into_iter().collect();
    let flushed = parallel(Width::Waiting, &folders, |(folder, _)| {
        sweep::remove_left_behind(folder);
        flush_folder(folder)
    });
    for ((_, indices), flushed) in folders.iter().zip(flushed) {
        if let Err(error) = flushed {
            for &index in indices {
                results[index] = Err(error.again());
            }
        }
    }
    results
}

/// Flushes each of `folders` once, and removes what killed runs left there.
fn flush_folders(folders: BTreeSet<PathBuf>) -> Result<(), WriteError> {
    let folders: Vec<_> = folders.into_iter().collect();
    let flushed = parallel(Width::Waiting, &folders, |folder| {
        sweep::remove_left_behind(folder);
        flush_folder(folder)
    });
    flushed.into_iter().collect()
}

fn flush_folder(folder: &Path) -> Result<(), WriteError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| WriteError::io("flush the folder of", folder, source))
}

/// Writes one file as [`stage`] and [`publish`] do.
///
/// # Errors
/// [`WriteError`]; the target is then as it was.
pub fn write_file(
    target: &Path,
    content: &[u8],
    expected: Expected,
    privacy: Privacy,
) -> Result<(), WriteError> {
    let staged = stage(target, content, expected, privacy)?;
    publish(vec![staged]).pop().unwrap_or(Ok(()))
}

/// Writes a result to where it was asked for: a file as [`write_file`] does, replacing what is
/// there, or straight into a pipe or device such as `/dev/stdout`.
///
/// # Errors
/// [`WriteError`].
pub fn write_output(target: &Path, content: &[u8], privacy: Privacy) -> Result<(), WriteError> {
    let is_stream = target
        .metadata()
        .is_ok_and(|found| !found.is_file() && !found.is_dir());
    if !is_stream {
        return write_file(target, content, Expected::Anything, privacy);
    }
    File::options()
        .write(true)
        .open(target)
        .and_then(|mut stream| stream.write_all(content))
        .map_err(|source| WriteError::io("write", target, source))
}

/// Creates a folder and those above it that are missing, for the user only.
///
/// # Errors
/// [`WriteError`].
pub fn create_folder(folder: &Path) -> Result<(), WriteError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| WriteError::io("create", folder, source))
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system said no.
    #[error("{}: cannot {action} it", Shown(path))]
    Io {
        /// What was tried, as in "cannot … it".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The target is not what was read before.
    #[error(
        "{}: it was changed by somebody else meanwhile, and left alone",
        Shown(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The target was to be new and is there.
    #[error("{}: it exists, and is not overwritten", Shown(path))]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The target is a folder, a pipe or a device.
    #[error("{}: this is not a regular file", Shown(path))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
}

impl WriteError {
    fn io(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// The same failure, told of the path as the caller named it: symlinks were followed meanwhile.
    fn named(mut self, named: &Path) -> Self {
        match &mut self {
            Self::Io { path, .. }
            | Self::Changed { path }
            | Self::Exists { path }
            | Self::NotAFile { path } => named.clone_into(path),
        }
        self
    }

    /// The same failure for another file of the same folder.
    fn again(&self) -> Self {
        match self {
            Self::Io {
                action,
                path,
                source,
            } => Self::io(
                action,
                path,
                io::Error::new(source.kind(), source.to_string()),
            ),
            Self::Changed { path } => Self::Changed { path: path.clone() },
            Self::Exists { path } => Self::Exists { path: path.clone() },
            Self::NotAFile { path } => Self::NotAFile { path: path.clone() },
        }
    }
}
