//! One file's new content, written and waiting to be renamed into place.

mod named;

pub(super) use named::Named;

use super::{WriteError, sweep};
use crate::Fingerprint;
use rustix::fs::{Access, AtFlags, CWD, FlockOperation, Mode, OFlags, flock, linkat};
use rustix::io::Errno;
use std::fs::{File, Permissions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use tempfile::TempPath;
use zeroize::Zeroizing;

/// What must be true of a target for it to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is the file this was read from, unchanged.
    Unchanged(Fingerprint),
    /// It is not there.
    Absent,
    /// Whatever is there is replaced, if it is a regular file.
    Anything,
}

/// Who may read a file that did not exist before. One that did keeps its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Its owner: it holds plaintext or a private key.
    OwnerOnly,
    /// Whoever may read what the user usually writes.
    AsUsual,
}

/// New content beside its target. Dropping it leaves the target alone.
#[derive(Debug)]
pub struct Staged {
    file: File,
    /// The name of the staged content, if it needed one.
    name: Option<TempPath>,
    /// The target as the caller named it.
    named: PathBuf,
    /// The real target: symlinks are followed, so that they stay symlinks.
    target: PathBuf,
    /// What was there when this was staged.
    replaces: Option<Fingerprint>,
}

/// Writes `content` beside `target`. `privacy` is for a target that is new.
///
/// # Errors
/// [`WriteError`], before anything has changed.
pub fn stage(
    target: &Path,
    content: &[u8],
    expected: Expected,
    privacy: Privacy,
) -> Result<Staged, WriteError> {
    stage_resolved(target, content, expected, privacy).map_err(|error| error.named(target))
}

fn stage_resolved(
    named: &Path,
    content: &[u8],
    expected: Expected,
    privacy: Privacy,
) -> Result<Staged, WriteError> {
    let target = resolve(named)?;
    let replaces = inspect(&target)?;
    match (expected, replaces) {
        (Expected::Absent, Some(_)) => return Err(WriteError::Exists { path: target }),
        (Expected::Unchanged(seen), found) if found != Some(seen) => {
            return Err(WriteError::Changed { path: target });
        }
        _ => {}
    }
    if replaces.is_some() {
        // A rename would replace even a file that may not be written.
        rustix::fs::access(&target, Access::WRITE_OK)
            .map_err(|errno| WriteError::io("write", &target, errno))?;
    }
    let mode = match privacy {
        Privacy::AsUsual if replaces.is_none() => 0o666,
        _ => 0o600,
    };
    let (file, name) = open_beside(&target, mode)?;
    let staged = Staged {
        file,
        name,
        named: named.to_owned(),
        target,
        replaces,
    };
    staged
        .fill(content)
        .map_err(|source| WriteError::io("write", &staged.target, source))?;
    Ok(staged)
}

impl Staged {
    fn fill(&self, content: &[u8]) -> std::io::Result<()> {
        (&self.file).write_all(content)?;
        self.read_back(content)?;
        if let Some(replaced) = self.replaces {
            let mode = self.take_over(replaced)?;
            self.file.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// Gives the content to whom the target belongs, as far as the user may: somebody else's file in
    /// a shared folder keeps its group, and becomes the user's as it does under Git. Returns the mode
    /// with which nobody gets in who could not before.
    fn take_over(&self, replaced: Fingerprint) -> std::io::Result<u32> {
        let (uid, gid) = replaced.owner;
        let found = self.file.metadata()?;
        if (found.uid(), found.gid()) == (uid, gid)
            || fchown(&self.file, Some(uid), Some(gid)).is_ok()
        {
            return Ok(replaced.mode);
        }
        if found.gid() == gid || fchown(&self.file, None, Some(gid)).is_ok() {
            return Ok(replaced.mode & 0o777);
        }
        Ok(for_another_group(replaced.mode))
    }

    /// Some file systems lose what they accepted; better to know before the old file is gone.
    fn read_back(&self, content: &[u8]) -> std::io::Result<()> {
        let mut found = Zeroizing::new(Vec::with_capacity(content.len() + 1));
        (&self.file).seek(SeekFrom::Start(0))?;
        (&self.file).read_to_end(&mut found)?;
        if *found == content {
            Ok(())
        } else {
            Err(std::io::Error::other(
                "what was written reads back differently",
            ))
        }
    }

    /// The folder of the target.
    pub(super) fn folder(&self) -> &Path {
        folder_of(&self.target)
    }

    /// Waits until the content is on the disk. A failure is final: the system may have dropped
    /// what it could not write, and a second call would not say so.
    pub(super) fn flush(&self) -> Result<(), WriteError> {
        self.file
            .sync_all()
            .map_err(|source| WriteError::io("write", &self.named, source))
    }

    /// Puts the content in place of the target, if that is still what it was.
    pub(super) fn rename(self) -> Result<(), WriteError> {
        let named = self.named.clone();
        self.rename_resolved().map_err(|error| error.named(&named))
    }

    fn rename_resolved(self) -> Result<(), WriteError> {
        if inspect(&self.target)? != self.replaces {
            return Err(WriteError::Changed { path: self.target });
        }
        let failed = |errno: Errno| match errno {
            Errno::EXIST => WriteError::Exists {
                path: self.target.clone(),
            },
            errno => WriteError::io("replace", &self.target, errno),
        };
        let new = self.replaces.is_none();
        match self.name {
            // A link, unlike a rename, never replaces what somebody else just made.
            None if new => link(&self.file, &self.target).map_err(failed),
            None => {
                let name = sweep::name_beside(&self.target);
                link(&self.file, &name).map_err(failed)?;
                let name = TempPath::try_from_path(name)
                    .map_err(|source| WriteError::io("replace", &self.target, source))?;
                persist(name, &self.target)
            }
            Some(name) if new => name
                .persist_noclobber(&self.target)
                .map_err(|error| match error.error.kind() {
                    ErrorKind::AlreadyExists => WriteError::Exists {
                        path: self.target.clone(),
                    },
                    _ => WriteError::io("create", &self.target, error.error),
                }),
            Some(name) => persist(name, &self.target),
        }
    }
}

/// The mode with which another group may do what everybody may, and no more.
fn for_another_group(mode: u32) -> u32 {
    mode & 0o707 | (mode & 0o007) << 3
}

fn persist(name: TempPath, target: &Path) -> Result<(), WriteError> {
    name.persist(target)
        .map_err(|error| WriteError::io("replace", target, error.error))
}

/// Gives an unnamed file a name.
fn link(file: &File, name: &Path) -> Result<(), Errno> {
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, &unnamed, CWD, name, AtFlags::SYMLINK_FOLLOW)
}

/// Opens a new file in the target's folder: unnamed if the system can do that. The user's mask
/// applies to `mode`.
fn open_beside(target: &Path, mode: u32) -> Result<(File, Option<TempPath>), WriteError> {
    let folder = folder_of(target);
    if let Some(file) = open_unnamed(folder, mode) {
        // Held while the process lives: a sweep by another run leaves locked files alone.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        return Ok((file, None));
    }
    let named = sweep::create_named(folder, mode)
        .map_err(|source| WriteError::io("create a file beside", target, source))?;
    let (file, name) = named.into_parts();
    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
    Ok((file, Some(name)))
}

#[cfg(target_os = "linux")]
fn open_unnamed(folder: &Path, mode: u32) -> Option<File> {
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::from_raw_mode(mode))
        .ok()
        .map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn open_unnamed(_: &Path, _: u32) -> Option<File> {
    None
}

/// Looks at what stands at `target`: nothing, or a regular file.
fn inspect(target: &Path) -> Result<Option<Fingerprint>, WriteError> {
    match target.metadata() {
        Ok(found) if found.is_file() => Ok(Some(Fingerprint::of(&found))),
        Ok(_) => Err(WriteError::NotAFile {
            path: target.to_owned(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(WriteError::io("look at", target, error)),
    }
}

/// Follows symlinks, of a file that is there or of the folder of one that is not.
fn resolve(target: &Path) -> Result<PathBuf, WriteError> {
    let failed = |source| WriteError::io("find", target, source);
    if target.exists() {
        return target.canonicalize().map_err(failed);
    }
    if target.is_symlink() {
        return Err(failed(ErrorKind::NotFound.into()));
    }
    let Some(name) = target.file_name() else {
        return Err(WriteError::NotAFile {
            path: target.to_owned(),
        });
    };
    Ok(folder_of(target).canonicalize().map_err(failed)?.join(name))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::for_another_group;

    #[test]
    fn another_group_gets_no_more_than_everybody() {
        for (mode, expected) in [
            (0o100_664, 0o644),
            (0o640, 0o600),
            (0o660, 0o600),
            (0o604, 0o644),
            (0o4777, 0o777),
        ] {
            assert_eq!(for_another_group(mode), expected, "{mode:o}");
        }
    }
}
