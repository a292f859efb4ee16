//! A folder for plaintext that another program must read from a file: in memory, for the user only, and
//! gone afterwards.
//!
//! A run that is killed leaves it behind, in memory. The next one removes it: such a folder is ours by
//! name and owner, and no living process holds its lock.

use crate::Shown;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const PREFIX: &str = "lockstep-private-";

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    /// Keeps a sweep by another run away.
    _lock: File,
}

impl PrivateFolder {
    /// Makes one in the first of `roots` that is a file system in memory, else in `disk`. What killed
    /// runs left in any of them is removed first.
    ///
    /// # Errors
    /// [`PrivateError`].
    pub fn create(roots: &[PathBuf], disk: Option<&Path>) -> Result<Self, PrivateError> {
        for root in roots.iter().map(PathBuf::as_path).chain(disk) {
            remove_left_behind(root);
        }
        let in_memory = roots.iter().filter(|root| is_in_memory(root));
        for root in in_memory {
            // A root may be full or not ours; another may do.
            if let Ok(folder) = Self::create_in(root) {
                return Ok(folder);
            }
        }
        let Some(disk) = disk else {
            return Err(PrivateError::NoMemory);
        };
        Self::create_in(disk).map_err(|source| PrivateError::Io {
            path: disk.to_owned(),
            source,
        })
    }

    fn create_in(root: &Path) -> io::Result<Self> {
        let unique = rand::random::<u64>();
        let path = root.join(format!("{PREFIX}{unique:016x}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = File::open(&path)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        // Before it was locked, another run could have taken it for one that was left.
        path.metadata()?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a new file that only the user may read.
    ///
    /// # Errors
    /// [`PrivateError`].
    pub fn write(&self, name: &Path, content: &[u8]) -> Result<PathBuf, PrivateError> {
        let path = self.path.join(name);
        let written = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content));
        match written {
            Ok(()) => Ok(path),
            Err(source) => Err(PrivateError::Io { path, source }),
        }
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.path));
    }
}

#[cfg(target_os = "linux")]
fn is_in_memory(root: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    rustix::fs::statfs(root).is_ok_and(|found| {
        let kind = u64::try_from(found.f_type).unwrap_or_default();
        kind == TMPFS || kind == RAMFS
    })
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

fn remove_left_behind(root: &Path) {
    let Ok(entries) = root.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(PREFIX) && is_left_behind(&entry.path()) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn is_left_behind(path: &Path) -> bool {
    let ours = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw());
    ours && File::open(path)
        .is_ok_and(|folder| flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// Why there is no folder, or no file in it.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// There is no file system in memory.
    #[error("there is no file system in memory for the decrypted text")]
    NoMemory,
    /// The system said no.
    #[error("{}: the decrypted text cannot be put there", Shown(path))]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_gone_afterwards_and_what_was_left_before() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join(format!("{PREFIX}left"));
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("secret"), "x").unwrap();
        let other = root.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let first = PrivateFolder::create(&[], Some(root.path())).unwrap();
        assert!(!left.exists() && other.exists());
        let file = first.write(Path::new("a"), b"b").unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(first.path().metadata().unwrap().mode() & 0o777, 0o700);
        // What is in use stays.
        let second = PrivateFolder::create(&[], Some(root.path())).unwrap();
        assert!(file.exists());
        drop((first, second));
        assert_eq!(root.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_disk_is_not_taken_for_memory() {
        let none = PrivateFolder::create(&[PathBuf::from("/proc")], None);
        assert!(matches!(none, Err(PrivateError::NoMemory)));
    }
}
