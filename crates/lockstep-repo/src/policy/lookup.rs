//! Searching for the policy file, and what a path is called in its rules.

use super::PolicyError;
use crate::{Fingerprint, read_file};
use lockstep_rules::{Names, Rules};
use rustix::process::geteuid;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// The name of the policy file: sops knows no other.
pub const POLICY_FILE: &str = ".sops.yaml";

/// What some take for that name.
const MISNAMED: &str = ".sops.yml";

/// The largest policy file that is read.
const LARGEST_POLICY: u64 = 1 << 20;

/// How many folders sops looks into.
const SOPS_DEPTH: usize = 100;

#[derive(Debug)]
pub(super) struct PolicyFile {
    /// As it is shown: below the current folder if it is there.
    pub(super) path: PathBuf,
    pub(super) rules: Rules,
    pub(super) names: Arc<Names>,
    /// Which file it was: its owner has a say in whether it counts.
    fingerprint: Fingerprint,
}

#[derive(Debug)]
pub(super) struct Lookup {
    current: PathBuf,
    /// By absolute path.
    read: HashMap<PathBuf, Rc<PolicyFile>>,
    /// The policy file that holds in a folder, by the folder's absolute path.
    by_folder: HashMap<PathBuf, Option<PathBuf>>,
    /// The policy file whose word on teams counts in a folder.
    guards: HashMap<PathBuf, Option<Rc<PolicyFile>>>,
}

impl Lookup {
    pub(super) fn new(current: &Path) -> Self {
        Self {
            current: clean(current),
            read: HashMap::new(),
            by_folder: HashMap::new(),
            guards: HashMap::new(),
        }
    }

    /// The policy file that was named.
    pub(super) fn named(&mut self, path: &Path) -> Result<Rc<PolicyFile>, PolicyError> {
        let absolute = self.absolute(path);
        self.load(&absolute)
    }

    /// The policy file for `target`: in its folder, or further up in its repository.
    pub(super) fn search(&mut self, target: &Path) -> Result<Option<Rc<PolicyFile>>, PolicyError> {
        let target = self.absolute(target);
        let Some(folder) = target.parent() else {
            return Ok(None);
        };
        let found = if let Some(found) = self.by_folder.get(folder) {
            found.clone()
        } else {
            let found = find(folder);
            self.by_folder.insert(folder.to_owned(), found.clone());
            found
        };
        match found {
            Some(path) => self.load_for(folder, &path).map(Some),
            None => Ok(None),
        }
    }

    /// The policy file furthest up in the repository of `target` that speaks of teams: whoever may
    /// write in one folder does not decide who is known there.
    pub(super) fn guard(&mut self, target: &Path) -> Result<Option<Rc<PolicyFile>>, PolicyError> {
        let target = self.absolute(target);
        let Some(folder) = target.parent() else {
            return Ok(None);
        };
        if let Some(found) = self.guards.get(folder) {
            return Ok(found.clone());
        }
        let mut guard = None;
        for above in upward(folder) {
            let path = above.join(POLICY_FILE);
            if path.symlink_metadata().is_ok() {
                let file = self.load_for(folder, &path)?;
                if !file.rules.teams().is_empty() {
                    guard = Some(file);
                }
            }
        }
        self.guards.insert(folder.to_owned(), guard.clone());
        Ok(guard)
    }

    /// Loads a policy file that was found, not named, for the files of `folder`.
    fn load_for(&mut self, folder: &Path, path: &Path) -> Result<Rc<PolicyFile>, PolicyError> {
        let file = self.load(path)?;
        if may_decide(
            file.fingerprint.owner.0,
            geteuid().as_raw(),
            owner_of(folder),
        ) {
            Ok(file)
        } else {
            Err(PolicyError::Foreign {
                policy: file.path.clone(),
            })
        }
    }

    /// A file on the way up that was meant to be a policy file, and that nobody reads.
    pub(super) fn misnamed(&self, target: &Path) -> Option<PathBuf> {
        let target = self.absolute(target);
        let path = upward(target.parent()?)
            .map(|folder| folder.join(MISNAMED))
            .find(|p| p.exists())?;
        Some(self.shown(&path))
    }

    /// The policy file that sops would find, whatever the target.
    pub(super) fn where_sops_looks(&self) -> Option<PathBuf> {
        let folders = self.current.ancestors().take(SOPS_DEPTH);
        let found = folders
            .map(|folder| folder.join(POLICY_FILE))
            .find(|path| path.exists());
        found.map(|path| self.shown(&path))
    }

    /// What `target` is called in the rules of the policy file at `policy`: its path below that
    /// file's folder, or its absolute path if it is not below it.
    pub(super) fn path_for_rules(&self, target: &Path, policy: &Path) -> String {
        let target = self.absolute(target);
        let policy = self.absolute(policy);
        let below = policy
            .parent()
            .and_then(|folder| target.strip_prefix(folder).ok());
        below.unwrap_or(&target).to_string_lossy().into_owned()
    }

    fn load(&mut self, absolute: &Path) -> Result<Rc<PolicyFile>, PolicyError> {
        if let Some(file) = self.read.get(absolute) {
            return Ok(Rc::clone(file));
        }
        let path = self.shown(absolute);
        let (rules, fingerprint) = read(&path)?;
        let names = Arc::new(rules.names().clone());
        let file = Rc::new(PolicyFile {
            path,
            rules,
            names,
            fingerprint,
        });
        self.read.insert(absolute.to_owned(), Rc::clone(&file));
        Ok(file)
    }

    pub(super) fn check_unchanged(&self) -> Result<(), PolicyError> {
        for (absolute, file) in &self.read {
            let found = absolute.metadata().map(|found| Fingerprint::of(&found));
            if !found.is_ok_and(|found| found == file.fingerprint) {
                let policy = file.path.clone();
                return Err(PolicyError::Changed { policy });
            }
        }
        Ok(())
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        clean(&self.current.join(path))
    }

    fn shown(&self, absolute: &Path) -> PathBuf {
        absolute
            .strip_prefix(&self.current)
            .unwrap_or(absolute)
            .to_owned()
    }
}

pub(super) fn read(path: &Path) -> Result<(Rules, Fingerprint), PolicyError> {
    let source =
        read_file(path, LARGEST_POLICY).map_err(|source| PolicyError::Read(Rc::new(source)))?;
    let rules = Rules::parse(source.text.expose()).map_err(|source| PolicyError::Rules {
        policy: path.to_owned(),
        source: Rc::new(source),
    })?;
    Ok((rules, source.fingerprint))
}

/// Goes up from `folder` until a policy file or the root of a repository is met.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    // A symlink that leads nowhere is an error to tell, not a reason to look further.
    upward(folder)
        .map(|folder| folder.join(POLICY_FILE))
        .find(|path| path.symlink_metadata().is_ok())
}

/// The root of the repository that `folder` lies in.
pub(super) fn repository(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// `folder` and those above it, up to the root of its repository.
fn upward(folder: &Path) -> impl Iterator<Item = &Path> {
    let mut below_root = true;
    folder.ancestors().take_while(move |folder| {
        let go_on = below_root;
        // A folder in an ordinary repository, a file in a worktree or a submodule.
        below_root = !folder.join(".git").exists();
        go_on
    })
}

/// Whether a policy file that was found, not named, may say who can decrypt: in a folder like
/// `/tmp` anybody could have put one above ours. It must belong to the user, to root, or to whom
/// the encrypted file's folder belongs to.
fn may_decide(owner: u32, user: u32, folder_owner: Option<u32>) -> bool {
    owner == user || owner == 0 || Some(owner) == folder_owner
}

fn owner_of(folder: &Path) -> Option<u32> {
    folder.metadata().ok().map(|found| found.uid())
}

/// Resolves `.` and `..` by name only, as Go does, so that rules see the path that was typed.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_does_not_decide_who_can_decrypt() {
        assert!(may_decide(1000, 1000, None));
        assert!(may_decide(0, 1000, Some(1000)));
        // Work on a user's checkout as root, as in a container.
        assert!(may_decide(1000, 0, Some(1000)));
        assert!(!may_decide(1001, 1000, Some(1000)));
        assert!(!may_decide(1001, 1000, None));
    }

    #[test]
    fn paths_are_cleaned_by_name() {
        assert_eq!(clean(Path::new("/a/./b/../c//d")), Path::new("/a/c/d"));
        assert_eq!(clean(Path::new("/../a")), Path::new("/a"));
    }

    #[test]
    fn rules_see_paths_below_the_policy_file_or_absolute_ones() {
        let lookup = Lookup::new(Path::new("/repo/apps"));
        let name = |target: &str, policy: &str| {
            lookup.path_for_rules(Path::new(target), Path::new(policy))
        };
        assert_eq!(name("x.yaml", "/repo/.sops.yaml"), "apps/x.yaml");
        assert_eq!(name("../x.yaml", "/repo/.sops.yaml"), "x.yaml");
        assert_eq!(name("../x.yaml", "/repo/apps/.sops.yaml"), "/repo/x.yaml");
    }
}
