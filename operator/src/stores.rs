//! Git objects on disk, one bare store for each Repository: ciphertext only, and a cache only.
//!
//! Stores are kept apart by the Repository's UID, so that neither a namesake nor a Repository of
//! another team with the same address ever reads what was fetched with these credentials.

use lockstep_git::{Store, StoreError};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// All stores.
pub(crate) struct Stores {
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<Store>>>,
}

impl Stores {
    /// Keeps them below `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    /// The store of the Repository with this UID, made when there is none. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub(crate) fn of(&self, uid: &str) -> Result<Arc<Store>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(uid) {
            return Ok(store.clone());
        }
        let store = Arc::new(Store::open_or_create(&self.folder.join(uid))?);
        open.insert(uid.to_owned(), store.clone());
        Ok(store)
    }

    /// Removes what was fetched for every Repository for which `keep` says no, also by an earlier
    /// process. Blocks.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|uid, _| keep(uid));
        let Ok(folders) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for folder in folders.filter_map(Result::ok) {
            let gone = folder.file_name().to_str().is_some_and(|uid| !keep(uid));
            if gone && let Err(error) = std::fs::remove_dir_all(folder.path()) {
                tracing::warn!(%error, folder = %folder.path().display(), "a store could not be removed");
            }
        }
    }
}
