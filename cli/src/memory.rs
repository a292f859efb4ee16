//! Where decrypted files stand for other programs to read: in memory.

use crate::failure::{Failure, chain};
use crate::{Exit, environment};
use lockstep_repo::{PrivateError, PrivateFolder};
use std::path::PathBuf;

/// Whether a disk will do.
#[derive(Debug, clap::Args)]
pub(crate) struct DiskArguments {
    /// Put the decrypted copy on a disk if there is no file system in memory. What is removed from a
    /// disk can be found there later.
    #[arg(long)]
    allow_disk: bool,
}

/// Makes a folder for plaintext, in memory if there is any.
pub(crate) fn folder(arguments: &DiskArguments) -> Result<PrivateFolder, Failure> {
    let disk = arguments.allow_disk.then(environment::temporary_folder);
    make(disk)
}

/// Makes a folder for a pipe, which holds nothing.
pub(crate) fn folder_for_pipe() -> Result<PrivateFolder, Failure> {
    make(Some(environment::temporary_folder()))
}

fn make(disk: Option<PathBuf>) -> Result<PrivateFolder, Failure> {
    let mut roots = Vec::from_iter(environment::runtime_folder());
    roots.push(PathBuf::from("/dev/shm"));
    PrivateFolder::create(&roots, disk.as_deref()).map_err(|error| {
        let failure = Failure::new(Exit::Unwritable, chain(&error));
        match error {
            PrivateError::NoMemory => failure.hint(
                "--allow-disk puts it on a disk, from which it is removed afterwards but not wiped",
            ),
            PrivateError::Io { .. } => failure,
        }
    })
}
