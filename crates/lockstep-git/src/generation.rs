//! One bare repository of a store, from its first fetch to its succession.

use crate::StoreError;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How many packs are collected before a repository is succeeded by a fresh one.
const MOST_PACKS: usize = 16;
/// The largest object that is taken, in bytes. An object is held in memory while its pack is
/// indexed, so this also bounds what one hostile file can take.
pub(crate) const LARGEST_OBJECT: usize = 64 << 20;

/// One bare repository of a store.
#[derive(Debug)]
pub(crate) struct Generation {
    number: u64,
    path: PathBuf,
    repository: gix::ThreadSafeRepository,
    damaged: AtomicBool,
}

impl Generation {
    /// Makes an empty repository in `path`, which must not be there.
    pub(crate) fn create(path: PathBuf, number: u64) -> Result<Self, StoreError> {
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
    pub(crate) fn reopen(path: PathBuf, number: u64) -> Result<Self, StoreError> {
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

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// A handle for this thread.
    pub(crate) fn repository(&self) -> gix::Repository {
        self.repository.to_thread_local()
    }

    /// Makes the next fetch begin anew, because an object that should be here is missing or broken.
    pub(crate) fn mark_damaged(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Has it collected so many packs that a fresh one is due?
    pub(crate) fn is_worn_out(&self) -> bool {
        self.packs() >= MOST_PACKS
    }

    fn packs(&self) -> usize {
        let entries = fs::read_dir(self.path.join("objects/pack"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "pack"))
            .count()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Only these settings and the repository's own count, and nothing of the environment.
fn options() -> gix::open::Options {
    gix::open::Options::isolated()
        .open_path_as_is(true)
        .config_overrides([
            format!("gitoxide.objects.allocLimit={LARGEST_OBJECT}"),
            "pack.threads=1".to_owned(),
        ])
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
