//! A run that is killed leaves every file old or new, and whole.
//!
//! The program is killed with SIGKILL when a chosen number of files has been replaced, as seen by
//! watching them. How far it gets beyond that differs from run to run; what must hold does not.

use crate::scratch::{Scratch, program, secret};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

const FILES: usize = 40;
const ENCRYPT: &[&str] = &["encrypt", "-i", "apps"];
const ROTATE: &[&str] = &["rotate", "apps"];

struct Repository {
    scratch: Scratch,
    names: Vec<String>,
    inodes: Vec<(u64, i64, i64)>,
}

impl Repository {
    fn new() -> Self {
        let scratch = Scratch::with_policy();
        let names: Vec<_> = (0..FILES)
            .map(|n| format!("apps/{}/secret-{n}.yaml", n % 4))
            .collect();
        for name in &names {
            scratch.write(name, &secret(name));
        }
        let inodes = names.iter().map(|name| inode(&scratch, name)).collect();
        Self {
            scratch,
            names,
            inodes,
        }
    }

    /// The same, encrypted.
    fn encrypted() -> Self {
        let mut repository = Self::new();
        assert_eq!(repository.scratch.run(ENCRYPT).code, 0);
        let inodes = repository
            .names
            .iter()
            .map(|name| inode(&repository.scratch, name));
        repository.inodes = inodes.collect();
        repository
    }

    /// Asserts that there is nothing but the files and their policy.
    fn check_nothing_is_left(&self) {
        let mut expected = self.names.clone();
        expected.push(".sops.yaml".to_owned());
        expected.sort();
        assert_eq!(self.scratch.files(), expected);
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(program())
            .args(arguments)
            .current_dir(self.scratch.repo())
            .env("HOME", self.scratch.home())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// How many files are no longer those that were there at first.
    fn replaced(&self) -> usize {
        let replaced = self.names.iter().zip(&self.inodes);
        replaced
            .filter(|(name, inode_before)| inode(&self.scratch, name) != **inode_before)
            .count()
    }

    /// Asserts that every file is as it was, or encrypted and whole; gives how many are the latter.
    fn check(&self) -> usize {
        let mut new = 0;
        for name in &self.names {
            if self.scratch.read(name) != secret(name) {
                let opened = self.scratch.run(&["decrypt", name]).ok();
                assert_eq!(opened, secret(name));
                new += 1;
            }
        }
        new
    }
}

/// The file by that name as it is now: an inode alone may come back after it was freed.
fn inode(scratch: &Scratch, name: &str) -> (u64, i64, i64) {
    let found = fs::metadata(scratch.path(name)).unwrap();
    (found.ino(), found.mtime(), found.mtime_nsec())
}

#[test]
fn a_kill_at_any_moment_leaves_every_file_old_or_new() {
    for kill_after in [0, 1, FILES / 2, FILES - 1] {
        let repository = Repository::new();
        let mut child = repository.start(ENCRYPT);
        while repository.replaced() < kill_after && child.try_wait().unwrap().is_none() {}
        // It may have ended meanwhile.
        let _ = child.kill();
        child.wait().unwrap();
        let new = repository.check();
        assert!(new >= kill_after);

        let ran = repository.scratch.run(&["encrypt", "-i", "apps"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(repository.check(), FILES);
        repository.check_nothing_is_left();
    }
}

#[test]
fn two_runs_at_once_leave_every_file_whole() {
    let repository = Repository::new();
    let mut runs = [repository.start(ENCRYPT), repository.start(ENCRYPT)];
    let codes = runs
        .each_mut()
        .map(|run| run.wait().unwrap().code().unwrap());
    // A file that the other run was faster with is told, not overwritten.
    assert!(codes.iter().all(|code| [0, 1].contains(code)), "{codes:?}");
    assert_eq!(repository.check(), FILES);
    assert_eq!(repository.scratch.files().len(), FILES + 1);
}

#[test]
fn a_killed_rotation_leaves_every_file_whole_and_the_next_finishes() {
    for kill_after in [0, 1, FILES / 2, FILES - 1] {
        let repository = Repository::encrypted();
        let mut child = repository.start(ROTATE);
        while repository.replaced() < kill_after && child.try_wait().unwrap().is_none() {}
        let _ = child.kill();
        child.wait().unwrap();
        assert!(repository.replaced() >= kill_after);
        assert_eq!(repository.check(), FILES);

        let ran = repository.scratch.run(ROTATE);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!((repository.replaced(), repository.check()), (FILES, FILES));
        repository.check_nothing_is_left();
    }
}

#[test]
fn of_two_rotations_at_once_each_is_whole_or_nothing() {
    let repository = Repository::encrypted();
    let mut runs = [repository.start(ROTATE), repository.start(ROTATE)];
    let codes = runs
        .each_mut()
        .map(|run| run.wait().unwrap().code().unwrap());
    assert!(codes.contains(&0), "{codes:?}");
    assert_eq!(repository.check(), FILES);
    repository.check_nothing_is_left();
}
