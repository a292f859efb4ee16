//! Names of staged files, and removing those that a killed run left behind.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

const PREFIX: &str = ".lockstep-";
const SUFFIX: &str = ".staged";

/// Creates a named staged file in `folder`; the user's mask applies to `mode`.
pub(super) fn create_named(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .rand_bytes(12)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
}

/// Makes up a name beside `target` for content that gets one for the moment of its rename.
pub(super) fn name_beside(target: &Path) -> PathBuf {
    let unique = rand::random::<u64>();
    target.with_file_name(format!("{PREFIX}{unique:016x}{SUFFIX}"))
}

/// Removes staged files of runs that were killed. Such a file is ours by name and owner, and no
/// living process holds its lock. Failing to remove one is no reason to fail the work at hand.
pub(super) fn remove_left_behind(folder: &Path) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && is_left_behind(&entry.path()) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

fn is_left_behind(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()).map(File::from) else {
        return false;
    };
    let ours = fstat(&file).is_ok_and(|found| found.st_uid == rustix::process::geteuid().as_raw());
    ours && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
}
