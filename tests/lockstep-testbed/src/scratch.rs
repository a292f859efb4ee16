//! Folders for one run: private, removed with the value or on Ctrl-C.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

/// The scratch folders that are there right now, for [`remove_all`].
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A private folder (mode 0700) that is removed when the value is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// Makes an empty folder in the system's place for temporary files.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("lockstep-testbed-")
            .tempdir()
            .context("making a scratch folder")?;
        live().push(folder.path().to_owned());
        Ok(Self { folder })
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder that only its owner can read, and says where it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.path().join(name);
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        live().retain(|path| path != self.folder.path());
    }
}

/// Removes every scratch folder of this process: for the way out that runs no destructors.
pub(crate) fn remove_all() {
    for path in live().drain(..) {
        // Nothing can be done about a failure on the way out, and nobody is left to tell.
        let _ = std::fs::remove_dir_all(path);
    }
}

fn live() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Copies the files of a folder, and of the folders in it, into another.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("listing {}", from.display()))? {
        let entry = entry.with_context(|| format!("listing {}", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)
                .with_context(|| format!("copying {}", source.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_the_value() {
        let scratch = Scratch::new().unwrap();
        let file = scratch.write("key", "test key").unwrap();
        let folder = scratch.path().to_owned();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "test key");
        drop(scratch);
        assert!(!folder.exists());
    }
}
