//! What a write leaves behind: when it works, when it is refused, and when it never came to it.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

use lockstep_repo::{
    Expected, Privacy, WriteError, publish, read_file, stage, write_file, write_output,
};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = folder.path().read_dir().unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_as_private_as_asked() {
    let folder = folder();
    let (secret, usual) = (folder.path().join("secret"), folder.path().join("usual"));
    write_file(&secret, b"1", Expected::Absent, Privacy::OwnerOnly).unwrap();
    write_file(&usual, b"2", Expected::Anything, Privacy::AsUsual).unwrap();
    assert_eq!(mode(&secret), 0o600);
    let made_by_std = folder.path().join("std");
    fs::write(&made_by_std, "").unwrap();
    assert_eq!(mode(&usual), mode(&made_by_std));
    assert_eq!(names(&folder), ["secret", "std", "usual"]);
}

#[test]
fn a_replaced_file_keeps_its_mode() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    write_file(&path, b"new", Expected::Anything, Privacy::OwnerOnly).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(mode(&path), 0o640);
}

#[test]
fn a_symlink_stays_one_and_its_target_is_written() {
    let folder = folder();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "old").unwrap();
    symlink("target", &link).unwrap();
    write_file(&link, b"new", Expected::Anything, Privacy::OwnerOnly).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
}

#[test]
fn a_file_that_should_not_be_there_is_not_overwritten() {
    let folder = folder();
    let path = folder.path().join("file");
    let staged = stage(&path, b"new", Expected::Absent, Privacy::OwnerOnly).unwrap();
    fs::write(&path, "somebody else's").unwrap();
    let result = publish(vec![staged]).pop().unwrap();
    assert!(matches!(
        result,
        Err(WriteError::Changed { .. } | WriteError::Exists { .. })
    ));
    let again = write_file(&path, b"new", Expected::Absent, Privacy::OwnerOnly);
    assert!(matches!(again, Err(WriteError::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
    assert_eq!(names(&folder), ["file"]);
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone_and_the_others_are_written() {
    let folder = folder();
    let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
    let staged = paths.iter().map(|path| {
        fs::write(path, "old").unwrap();
        let seen = read_file(path, 100).unwrap().fingerprint;
        stage(path, b"new", Expected::Unchanged(seen), Privacy::OwnerOnly).unwrap()
    });
    let staged = staged.collect();
    fs::write(&paths[1], "edited").unwrap();
    let results = publish(staged);
    assert!(matches!(
        results[..],
        [Ok(()), Err(WriteError::Changed { .. }), Ok(())]
    ));
    let contents = paths
        .each_ref()
        .map(|path| fs::read_to_string(path).unwrap());
    assert_eq!(contents, ["new", "edited", "new"]);
    assert_eq!(names(&folder), ["a", "b", "c"]);
}

#[test]
fn staging_against_what_was_read_earlier_notices_the_change() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    let seen = read_file(&path, 100).unwrap().fingerprint;
    fs::write(&path, "edited").unwrap();
    let result = stage(&path, b"new", Expected::Unchanged(seen), Privacy::OwnerOnly);
    assert!(matches!(result, Err(WriteError::Changed { .. })));
}

#[test]
fn what_is_staged_and_not_published_leaves_nothing() {
    let folder = folder();
    let path = folder.path().join("file");
    drop(stage(&path, b"new", Expected::Absent, Privacy::OwnerOnly).unwrap());
    assert_eq!(names(&folder), [] as [&str; 0]);
}

#[test]
fn folders_are_not_written_and_streams_are_written_into() {
    let folder = folder();
    let result = write_file(folder.path(), b"x", Expected::Anything, Privacy::OwnerOnly);
    assert!(matches!(result, Err(WriteError::NotAFile { .. })));
    let result = write_output(folder.path(), b"x", Privacy::OwnerOnly);
    assert!(matches!(result, Err(WriteError::NotAFile { .. })));
    write_output(Path::new("/dev/null"), b"x", Privacy::OwnerOnly).unwrap();
    assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
}

#[test]
fn a_missing_folder_and_a_dangling_symlink_are_errors() {
    let folder = folder();
    let path = folder.path().join("no/file");
    let result = write_file(&path, b"x", Expected::Anything, Privacy::OwnerOnly);
    assert!(matches!(result, Err(WriteError::Io { .. })));
    let link = folder.path().join("link");
    symlink("nowhere", &link).unwrap();
    let result = write_file(&link, b"x", Expected::Anything, Privacy::OwnerOnly);
    assert!(matches!(result, Err(WriteError::Io { .. })));
    assert_eq!(names(&folder), ["link"]);
}

#[test]
fn what_a_killed_run_left_is_removed_and_what_a_living_one_holds_is_not() {
    let folder = folder();
    let dead = folder.path().join(".lockstep-0123456789abcdef.staged");
    let alive = folder.path().join(".lockstep-fedcba9876543210.staged");
    let foreign = folder.path().join(".lockstep-notes");
    for path in [&dead, &alive, &foreign] {
        fs::write(path, "half").unwrap();
    }
    let held = File::open(&alive).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let path = folder.path().join("file");
    write_file(&path, b"x", Expected::Absent, Privacy::OwnerOnly).unwrap();
    assert_eq!(
        names(&folder),
        [
            ".lockstep-fedcba9876543210.staged",
            ".lockstep-notes",
            "file"
        ]
    );
}

#[test]
fn errors_name_the_path_as_it_was_given() {
    let folder = folder();
    let link = folder.path().join("link");
    fs::write(folder.path().join("target"), "old").unwrap();
    symlink("target", &link).unwrap();
    let error = write_file(&link, b"x", Expected::Absent, Privacy::OwnerOnly).unwrap_err();
    let expected = format!("{}: it exists, and is not overwritten", link.display());
    assert_eq!(error.to_string(), expected);
}
