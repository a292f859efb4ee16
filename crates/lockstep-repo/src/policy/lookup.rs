//! Searching for the policy file, and what a path is called in its rules.

use super::PolicyError;
use crate::read_file;
use lockstep_rules::Rules;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// The name of the policy file: sops knows no other.
pub const POLICY_FILE: &str = ".sops.yaml";

/// The largest policy file that is read.
const LARGEST_POLICY: u64 = 1 << 20;

/// How many folders sops looks into.
const SOPS_DEPTH: usize = 100;

#[derive(Debug)]
pub(super) struct PolicyFile {
    /// As it is shown: below the current folder if it is there.
    pub(super) path: PathBuf,
    pub(super) rules: Rules,
}

#[derive(Debug)]
pub(super) struct Lookup {
    current: PathBuf,
    /// By absolute path.
    read: HashMap<PathBuf, Rc<PolicyFile>>,
    /// The policy file that holds in a folder, by the folder's absolute path.
    by_folder: HashMap<PathBuf, Option<PathBuf>>,
}

impl Lookup {
    pub(super) fn new(current: &Path) -> Self {
        Self {
            current: clean(current),
            read: HashMap::new(),
            by_folder: HashMap::new(),
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
        found.map(|path| self.load(&path)).transpose()
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
        let file = Rc::new(PolicyFile {
            rules: read(&path)?,
            path,
        });
        self.read.insert(absolute.to_owned(), Rc::clone(&file));
        Ok(file)
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

pub(super) fn read(path: &Path) -> Result<Rules, PolicyError> {
    let source =
        read_file(path, LARGEST_POLICY).map_err(|source| PolicyError::Read(Rc::new(source)))?;
    Rules::parse(source.text.expose()).map_err(|source| PolicyError::Rules {
        policy: path.to_owned(),
        source: Rc::new(source),
    })
}

/// Goes up from `folder` until a policy file or the root of a repository is met.
fn find(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let path = folder.join(POLICY_FILE);
        if path.exists() {
            return Some(path);
        }
        // A folder in an ordinary repository, a file in a worktree or a submodule.
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
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
