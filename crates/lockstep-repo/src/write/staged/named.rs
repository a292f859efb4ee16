//! Staged content with a name, which changes places with its target and can be put back.

use super::{Staged, folder_of, inspect, link};
use crate::Fingerprint;
use crate::write::{WriteError, sweep};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// New content with a name beside its target, ready to change places with it. Dropping it removes
/// whatever has that name.
#[derive(Debug)]
pub(in crate::write) struct Named {
    name: TempPath,
    named: PathBuf,
    target: PathBuf,
    replaces: Option<Fingerprint>,
    state: Placed,
    /// Holds the lock that keeps a sweep by another run away.
    _file: File,
    /// What the content was when it was ready.
    ready: Fingerprint,
}

/// Where new content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placed {
    /// Beside its target.
    Beside,
    /// In its target's place, and what was there beside it.
    Exchanged,
    /// In its target's place, and what was there is gone.
    Replaced,
}

impl Staged {
    /// Gives the content a name, if it has none.
    pub(in crate::write) fn into_named(self) -> Result<Named, WriteError> {
        let failed = |source| WriteError::io("replace", &self.named, source);
        let ready = Fingerprint::of(&self.file.metadata().map_err(failed)?);
        let name = match self.name {
            Some(name) => name,
            None => {
                let name = sweep::name_beside(&self.target);
                link(&self.file, &name).map_err(|errno| failed(errno.into()))?;
                TempPath::try_from_path(name).map_err(failed)?
            }
        };
        Ok(Named {
            name,
            named: self.named,
            target: self.target,
            replaces: self.replaces,
            state: Placed::Beside,
            _file: self.file,
            ready,
        })
    }
}

impl Named {
    /// The folder of the target.
    pub(in crate::write) fn folder(&self) -> &Path {
        folder_of(&self.target)
    }

    /// Is the content in its target's place?
    pub(in crate::write) fn is_in_place(&self) -> bool {
        self.state != Placed::Beside
    }

    /// Looks whether the target is still what was read.
    pub(in crate::write) fn check_target(&self) -> Result<(), WriteError> {
        self.check(&self.target)
    }

    fn check(&self, path: &Path) -> Result<(), WriteError> {
        let found = inspect(path).map_err(|error| error.named(&self.named))?;
        if found == self.replaces {
            Ok(())
        } else {
            let path = self.named.clone();
            Err(WriteError::Changed { path })
        }
    }

    /// Puts the content in its target's place. On failure the target is as it was.
    pub(in crate::write) fn swap(&mut self) -> Result<(), WriteError> {
        match self.exchange() {
            Ok(()) => {
                self.state = Placed::Exchanged;
                // What was there may have been written to until this moment.
                self.check(&self.name).or_else(|error| {
                    self.swap_back()?;
                    Err(error)
                })
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                self.check_target()?;
                rustix::fs::rename(&*self.name, &self.target)
                    .map_err(|errno| self.failed(errno))?;
                self.state = Placed::Replaced;
                Ok(())
            }
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Puts back what was in the target's place, unless somebody has saved the target since: that stays.
    pub(in crate::write) fn swap_back(&mut self) -> Result<(), WriteError> {
        match self.state {
            Placed::Beside => Ok(()),
            Placed::Exchanged => {
                self.exchange_back()?;
                if inspect(&self.name).is_ok_and(|found| found == Some(self.ready)) {
                    self.state = Placed::Beside;
                    return Ok(());
                }
                self.exchange_back()?;
                let path = self.named.clone();
                Err(WriteError::Changed { path })
            }
            Placed::Replaced => Err(WriteError::io(
                "put back",
                &self.named,
                ErrorKind::Unsupported,
            )),
        }
    }

    /// What cannot be exchanged may be somebody's only copy: then it stays where it is.
    fn exchange_back(&mut self) -> Result<(), WriteError> {
        self.exchange().map_err(|errno| {
            self.name.disable_cleanup(true);
            self.failed(errno)
        })
    }

    fn exchange(&self) -> Result<(), Errno> {
        let flags = RenameFlags::EXCHANGE;
        rustix::fs::renameat_with(CWD, &*self.name, CWD, &self.target, flags)
    }

    fn failed(&self, errno: Errno) -> WriteError {
        WriteError::io("replace", &self.named, errno)
    }
}
