//! Reading a file whole, and remembering which file that was.

use crate::Shown;
use lockstep_secret::{NotUtf8, SecretBytes, SecretString};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The largest file that is read: one of 10 MB, encrypted, fits. The operator reads 5 MiB, as Flux does.
pub const LARGEST_FILE: u64 = 16 << 20;

/// What was read.
#[derive(Debug)]
pub struct Source {
    /// All of the file.
    pub text: SecretString,
    /// Which file it was and in which state.
    pub fingerprint: Fingerprint,
}

/// Which file something was read from, and enough of its state to notice that it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
}

impl Fingerprint {
    pub(crate) fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            mode: found.mode(),
            owner: (found.uid(), found.gid()),
        }
    }

    /// Whether others than the owner may read or write the file.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        self.mode & 0o077 != 0
    }
}

/// What was read of a file that may not be text.
#[derive(Debug)]
pub struct RawSource {
    /// All of the file.
    pub content: SecretBytes,
    /// Which file it was and in which state.
    pub fingerprint: Fingerprint,
}

/// Reads a text file, as [`read_raw`] does.
///
/// # Errors
/// [`ReadError`].
pub fn read_file(path: &Path, limit: u64) -> Result<Source, ReadError> {
    let RawSource {
        content,
        fingerprint,
    } = read_raw(path, limit)?;
    let text = text(content, path)?;
    Ok(Source { text, fingerprint })
}

/// Reads a regular file, or a pipe to its end, of at most `limit` bytes. Symlinks are followed;
/// folders and devices are refused, and nobody is waited for to open the other end of a pipe.
///
/// # Errors
/// [`ReadError`].
pub fn read_raw(path: &Path, limit: u64) -> Result<RawSource, ReadError> {
    let failed = |source: io::Error| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    // Without NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(
        rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?,
    );
    let found = file.metadata().map_err(failed)?;
    if found.file_type().is_fifo() {
        rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|errno| failed(errno.into()))?;
    } else if !found.is_file() {
        return Err(ReadError::NotAFile {
            path: path.to_owned(),
        });
    }
    let content = read_to_end(file, limit, path)?;
    Ok(RawSource {
        content,
        fingerprint: Fingerprint::of(&found),
    })
}

fn text(content: SecretBytes, path: &Path) -> Result<SecretString, ReadError> {
    content.into_string().map_err(|source| ReadError::NotText {
        path: path.to_owned(),
        source,
    })
}

/// Reads all of a stream, such as standard input; `name` stands for it in messages.
///
/// # Errors
/// [`ReadError`].
pub fn read_stream(stream: impl Read, limit: u64, name: &Path) -> Result<SecretString, ReadError> {
    text(read_raw_stream(stream, limit, name)?, name)
}

/// Reads all of a stream that may not be text, as [`read_stream`] does.
///
/// # Errors
/// [`ReadError`].
pub fn read_raw_stream(
    stream: impl Read,
    limit: u64,
    name: &Path,
) -> Result<SecretBytes, ReadError> {
    read_to_end(stream, limit, name)
}

fn read_to_end(stream: impl Read, limit: u64, path: &Path) -> Result<SecretBytes, ReadError> {
    // Capacity first: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(64 << 10);
    let mut stream = stream.take(limit + 1);
    let read = stream.read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    let read = read.map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })?;
    if read as u64 > limit {
        return Err(ReadError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system said no.
    #[error("{}: cannot read it", Shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder or a device.
    #[error("{}: this is not a regular file", Shown(path))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Larger than the limit.
    #[error("{}: larger than {} KiB", Shown(path), limit >> 10)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not UTF-8.
    #[error("{}: not a text file", Shown(path))]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where the text breaks off.
        source: NotUtf8,
    },
}

impl ReadError {
    /// Whether the file is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
