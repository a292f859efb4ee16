//! Publishing several files as one: all are replaced, or none is.
//!
//! Every content is flushed and has a name before the first target changes. A target and its new
//! content then change places, so that what was there is known to be what was read, and can be put
//! back if a later file fails. Where the system cannot exchange names, files are replaced one by one
//! after a last look at all of them.
//!
//! *Limits.* A kill in the middle leaves some files old and some new, each whole.

use super::staged::{Named, Staged};
use super::{WriteError, flush_folders};
use crate::pool::{Width, parallel};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Publishes `staged`, all or none.
///
/// # Errors
/// [`Unpublished`].
pub(crate) fn publish_together(staged: Vec<Staged>) -> Result<(), Unpublished> {
    let untouched = |errors| Unpublished {
        errors,
        replaced: 0,
    };
    let mut named = ready(staged).map_err(untouched)?;
    if let Err(errors) = swap_all(&mut named) {
        let replaced = named.iter().filter(|one| one.is_in_place()).count();
        return Err(Unpublished { errors, replaced });
    }
    let replaced = named.len();
    let folders = named.iter().map(|one| one.folder().to_owned()).collect();
    drop(named);
    flush_folders(folders).map_err(|error| Unpublished {
        errors: vec![(0, error)],
        replaced,
    })
}

/// Why not everything was published.
#[derive(Debug)]
pub(crate) struct Unpublished {
    /// What failed, by position.
    pub errors: Vec<(usize, WriteError)>,
    /// How many targets have their new content all the same: they could not be put back, or only a
    /// folder could not be flushed. The others are as they were.
    pub replaced: usize,
}

/// Does everything that can fail for want of room or rights, and looks at every target.
fn ready(staged: Vec<Staged>) -> Result<Vec<Named>, Vec<(usize, WriteError)>> {
    errors_of(parallel(Width::Waiting, &staged, Staged::flush))?;
    let mut named = Vec::with_capacity(staged.len());
    for (index, staged) in staged.into_iter().enumerate() {
        named.push(staged.into_named().map_err(|error| vec![(index, error)])?);
    }
    errors_of(named.iter().map(Named::check_target))?;
    Ok(named)
}

fn swap_all(named: &mut [Named]) -> Result<(), Vec<(usize, WriteError)>> {
    for index in 0..named.len() {
        if let Err(error) = named[index].swap() {
            let mut errors = vec![(index, error)];
            let put_back = named[..index].iter_mut().map(Named::swap_back);
            errors.extend(errors_of(put_back).err().unwrap_or_default());
            return Err(errors);
        }
    }
    Ok(())
}

fn errors_of<I>(results: I) -> Result<(), Vec<(usize, WriteError)>>
where
    I: IntoIterator<Item = Result<(), WriteError>>,
{
    let errors: Vec<_> = results
        .into_iter()
        .enumerate()
        .filter_map(|(index, result)| Some((index, result.err()?)))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Descriptors besides those of staged files.
const OTHER_DESCRIPTORS: u64 = 64;

/// Makes room for `files` staged files: each holds a file descriptor.
///
/// # Errors
/// That the system does not allow so many.
pub(crate) fn room_for(files: usize) -> Result<(), NoRoom> {
    let needed = files as u64 + OTHER_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_| NoRoom { files })
}

/// The system does not allow as many open files.
#[derive(Debug)]
pub(crate) struct NoRoom {
    files: usize,
}

impl NoRoom {
    /// The failure, told of the first of the files.
    pub(crate) fn at(&self, path: &std::path::Path) -> WriteError {
        let told = format!(
            "the system does not allow {} files to be open at once; name fewer, or raise `ulimit -n`",
            self.files
        );
        WriteError::io("write", path, io::Error::other(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::{Expected, Privacy, stage};
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    #[test]
    fn what_was_replaced_is_put_back_if_a_later_file_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
        let staged = paths.iter().map(|path| {
            fs::write(path, "old").unwrap();
            stage(path, b"new", Expected::Anything, Privacy::AsUsual).unwrap()
        });
        let mut named = ready(staged.collect()).unwrap();
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let before = paths.each_ref().map(|path| inode(path));
        fs::write(&paths[2], "edited").unwrap();
        let errors = swap_all(&mut named).unwrap_err();
        assert!(
            matches!(errors[..], [(2, WriteError::Changed { .. })]),
            "{errors:?}"
        );
        drop(named);
        let contents = paths
            .each_ref()
            .map(|path| fs::read_to_string(path).unwrap());
        assert_eq!(contents, ["old", "old", "edited"]);
        assert_eq!(paths.each_ref().map(|path| inode(path)), before);
        assert_eq!(folder.path().read_dir().unwrap().count(), 3);
    }

    #[test]
    fn what_somebody_saves_before_it_is_put_back_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (path, draft) = (folder.path().join("a"), folder.path().join("draft"));
        for save in [
            (|path, _| fs::write(path, "saved").unwrap()) as fn(&Path, &Path),
            |path, draft| {
                fs::write(draft, "saved").unwrap();
                fs::rename(draft, path).unwrap();
            },
        ] {
            fs::write(&path, "old").unwrap();
            let staged = stage(&path, b"new", Expected::Anything, Privacy::AsUsual).unwrap();
            let mut named = ready(vec![staged]).unwrap();
            named[0].swap().unwrap();
            save(&path, &draft);
            let error = named[0].swap_back().unwrap_err();
            assert!(matches!(error, WriteError::Changed { .. }), "{error}");
            assert!(named[0].is_in_place());
            drop(named);
            assert_eq!(fs::read_to_string(&path).unwrap(), "saved");
            assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        }
    }

    #[test]
    fn what_could_not_be_put_back_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        let staged = paths.iter().map(|path| {
            fs::write(path, "old").unwrap();
            stage(path, b"new", Expected::Anything, Privacy::AsUsual).unwrap()
        });
        let mut named = ready(staged.collect()).unwrap();
        named[0].swap().unwrap();
        assert_eq!(
            named.iter().map(Named::is_in_place).collect::<Vec<_>>(),
            [true, false]
        );
        named[0].swap_back().unwrap();
        assert!(!named[0].is_in_place());
    }
}
