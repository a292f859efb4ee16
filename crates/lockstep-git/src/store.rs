//! Where fetched objects are kept: a folder of bare repositories, of which the newest is in use.
//!
//! gix writes one pack per fetch and cannot repack. So a repository that has collected
//! sixteen packs is succeeded by a fresh one, which is fetched whole beside it and put in place
//! by a rename; the one before stays until the next succession, for snapshots that still read it. The
//! same happens to a repository that turns out to be damaged. The folder is a cache: whoever loses it
//! loses one fetch.

use crate::fetch::{self, Fetched};
use crate::generation::Generation;
use crate::{FetchError, Remote, Snapshot, SnapshotError, StoreError, walk};
use lockstep_names::{BranchName, ObjectId, RepoPath, Revision};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The folder a repository is made in before it has a number.
const UNFINISHED: &str = "unfinished";

/// A store on disk, of one remote repository and one process.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Held as long as the store is open; its end frees the lock.
    _lock: File,
    fetching: Mutex<()>,
    current: RwLock<Option<Arc<Generation>>>,
}

impl Store {
    /// Opens the store in `folder`, making the folder if it is not there.
    ///
    /// What a killed process left behind is cleared away; what cannot be read is dropped, and the
    /// next fetch brings it anew.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be written, or another process has it open.
    pub fn open_or_create(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
        let lock = lock(&folder.join("lock"))?;
        let store = Self {
            folder: folder.to_owned(),
            _lock: lock,
            fetching: Mutex::new(()),
            current: RwLock::new(None),
        };
        remove(&folder.join(UNFINISHED))?;
        let newest = store.numbers()?.into_iter().max();
        for number in store.numbers()? {
            if Some(number) != newest {
                remove(&store.path_of(number))?;
            }
        }
        if let Some(number) = newest {
            match Generation::reopen(store.path_of(number), number) {
                Ok(generation) => store.set_current(generation),
                Err(_) => remove(&store.path_of(number))?,
            }
        }
        Ok(store)
    }

    /// Brings the tip of `branch` here and tells which commit it is. Blocks; one fetch runs at a time.
    ///
    /// When the tip is here already, the server is asked for its branches and nothing else. Setting
    /// `interrupt` ends the fetch soon after.
    ///
    /// # Errors
    /// [`FetchError`]; what was here before is still here then.
    pub fn fetch(
        &self,
        remote: &Remote,
        branch: &BranchName,
        interrupt: &AtomicBool,
    ) -> Result<Revision, FetchError> {
        let _turn = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = |commit| Revision {
            branch: branch.clone(),
            commit,
        };
        let current = self.current();
        if let Some(current) = current.as_ref().filter(|current| !current.is_damaged()) {
            match fetch::into(current, remote, branch, interrupt) {
                Ok(Fetched::Tip(commit)) => return Ok(revision(commit)),
                Ok(Fetched::WornOut) => {}
                // The pack may have been built on objects that are broken on this side.
                Err(FetchError::Protocol { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        let number = current.map_or(0, |current| current.number()) + 1;
        let renewed = self.renew(number, remote, branch, interrupt);
        if renewed.is_err() {
            // The next fetch clears it away too; until then it would only take up space.
            let _ = remove(&self.folder.join(UNFINISHED));
        }
        renewed.map(revision)
    }

    /// Lists the files of `revision` under the folder `under`.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing may be concluded about the files then.
    pub fn snapshot(
        &self,
        revision: &Revision,
        under: &RepoPath,
    ) -> Result<Snapshot, SnapshotError> {
        let generation = self
            .current()
            .ok_or_else(|| SnapshotError::CommitNotFound {
                revision: revision.clone(),
            })?;
        walk::snapshot(generation, revision, under)
    }

    fn renew(
        &self,
        number: u64,
        remote: &Remote,
        branch: &BranchName,
        interrupt: &AtomicBool,
    ) -> Result<ObjectId, FetchError> {
        let path = self.folder.join(UNFINISHED);
        remove(&path)?;
        let fresh = Generation::create(path, number)?;
        match fetch::into(&fresh, remote, branch, interrupt)? {
            Fetched::Tip(commit) => {
                self.publish(fresh)?;
                Ok(commit)
            }
            Fetched::WornOut => {
                let path = self.folder.clone();
                Err(StoreError::Unusable {
                    doing: "renew",
                    path,
                }
                .into())
            }
        }
    }

    fn publish(&self, fresh: Generation) -> Result<(), StoreError> {
        let number = fresh.number();
        let from = fresh.path().to_owned();
        drop(fresh);
        let to = self.path_of(number);
        remove(&to)?;
        fs::rename(&from, &to).map_err(StoreError::io("rename", &from))?;
        self.set_current(Generation::reopen(to, number)?);
        for old in self.numbers()?.into_iter().filter(|old| old + 1 < number) {
            remove(&self.path_of(old))?;
        }
        Ok(())
    }

    fn current(&self) -> Option<Arc<Generation>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_current(&self, generation: Generation) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(generation));
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.git"))
    }

    fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(StoreError::io("list", &self.folder))? {
            let entry = entry.map_err(StoreError::io("list", &self.folder))?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".git"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(numbers)
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::create(path).map_err(StoreError::io("create", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(StoreError::io("lock", path)(error)),
    }
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}
