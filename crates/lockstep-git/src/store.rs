//! Where fetched objects are kept: a folder of bare repositories, of which the newest is in use.
//!
//! gix writes one pack per fetch and cannot repack. So a repository that has collected
//! [`MOST_PACKS`] packs is succeeded by a fresh one, which is fetched whole beside it and put in place
//! by a rename; the one before stays until the next succession, for snapshots that still read it. The
//! same happens to a repository that turns out to be damaged. The folder is a cache: whoever loses it
//! loses one fetch.

use crate::fetch::{self, Fetched};
use crate::{FetchError, Remote, Snapshot, SnapshotError, walk};
use lockstep_names::{BranchName, RepoPath, Revision};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How many packs are collected before a repository is succeeded by a fresh one.
const MOST_PACKS: usize = 16;
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
                Err(FetchError::Protocol { .. }) if current.packs() > 0 => {}
                Err(failure) => return Err(failure),
            }
        }
        let number = current.map_or(0, |current| current.number) + 1;
        let fresh = self.begin(number)?;
        let Fetched::Tip(commit) = fetch::into(&fresh, remote, branch, interrupt)? else {
            return Err(StoreError::Unusable {
                path: self.folder.clone(),
                doing: "renew",
            }
            .into());
        };
        self.publish(fresh)?;
        Ok(revision(commit))
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

    fn begin(&self, number: u64) -> Result<Generation, StoreError> {
        let path = self.folder.join(UNFINISHED);
        remove(&path)?;
        Generation::create(path, number)
    }

    fn publish(&self, fresh: Generation) -> Result<(), StoreError> {
        let number = fresh.number;
        let from = fresh.path.clone();
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

/// One bare repository of a store.
#[derive(Debug)]
pub(crate) struct Generation {
    number: u64,
    path: PathBuf,
    repository: gix::ThreadSafeRepository,
    damaged: AtomicBool,
}

impl Generation {
    fn create(path: PathBuf, number: u64) -> Result<Self, StoreError> {
        let repository = gix::ThreadSafeRepository::init_opts(
            &path,
            gix::create::Kind::Bare,
            gix::create::Options::default(),
            options(),
        )
        .map_err(StoreError::git("create", &path))?;
        Ok(Self {
            number,
            path,
            repository,
            damaged: AtomicBool::new(false),
        })
    }

    /// Opens a repository that a process before this one may have been killed over.
    fn reopen(path: PathBuf, number: u64) -> Result<Self, StoreError> {
        sweep(&path)?;
        sweep(&path.join("objects/pack"))?;
        let repository = options()
            .open(&path)
            .map_err(StoreError::git("open", &path))?;
        Ok(Self {
            number,
            path,
            repository,
            damaged: AtomicBool::new(false),
        })
    }

    /// A handle for this thread.
    pub(crate) fn repository(&self) -> gix::Repository {
        self.repository.to_thread_local()
    }

    /// Makes the next fetch begin anew, because an object that should be here is missing or broken.
    pub(crate) fn mark_damaged(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    pub(crate) fn is_worn_out(&self) -> bool {
        self.packs() >= MOST_PACKS
    }

    fn packs(&self) -> usize {
        let is_pack = |entry: fs::DirEntry| entry.path().extension().is_some_and(|e| e == "pack");
        fs::read_dir(self.path.join("objects/pack")).map_or(0, |entries| {
            entries
                .flatten()
                .filter(|_| true)
                .map(is_pack)
                .filter(|p| *p)
                .count()
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Only the repository's own configuration counts, and one object may take 64 MiB of memory at most.
fn options() -> gix::open::Options {
    gix::open::Options::isolated()
        .open_path_as_is(true)
        .config_overrides(["gitoxide.objects.allocLimit=67108864", "pack.threads=1"])
}

/// Removes locks and temporary files; nobody else has the store open, so nobody needs them.
fn sweep(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() && (name.ends_with(".lock") || name.contains("tmp")) {
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
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
