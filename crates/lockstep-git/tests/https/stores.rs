//! Stores that grow old, break, or are left behind by a process that was killed.

use crate::rig::{Rig, content, entries, reopened};
use lockstep_git::{ReadError, Store, StoreError};
use std::fs;

#[test]
fn a_store_does_not_grow_without_end() {
    let rig = Rig::with_files(&[("a", "0"), ("b", "0")]);
    let first = rig.snapshot("").unwrap();
    for round in 1..40 {
        rig.push(&[("a", &round.to_string())]);
        assert_eq!(content(&rig.snapshot("").unwrap(), "a"), round.to_string());
        assert!(rig.packs().len() <= 32, "{:?}", rig.packs());
        if round == 20 {
            // Succeeded once by now: what an earlier snapshot reads is still there.
            assert_eq!(content(&first, "a"), "0");
        }
    }
    let repositories = entries(rig.folder.path())
        .into_iter()
        .filter(|path| path.is_dir());
    assert_eq!(repositories.count(), 2);
}

#[test]
fn a_store_outlives_its_process() {
    let rig = Rig::with_files(&[("a", "1")]);
    let revision = rig.fetch().unwrap();
    let Rig {
        store,
        folder,
        server,
        clone,
    } = rig;
    drop(store);
    let pack = entries(folder.path())
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap();
    for left_behind in ["shallow.lock", "objects/pack/tmp_pack_x"] {
        fs::write(pack.join(left_behind), "").unwrap();
    }
    let store = reopened(folder.path());
    let snapshot = store.snapshot(&revision, &"".parse().unwrap()).unwrap();
    assert_eq!(content(&snapshot, "a"), "1");
    let rig = Rig {
        server,
        clone,
        store,
        folder,
    };
    let (_, requests) = rig.requests(|| rig.fetch().unwrap());
    assert_eq!(requests, 2);
    rig.push(&[("a", "2")]);
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "2");
}

#[test]
fn two_processes_do_not_share_a_store() {
    let rig = Rig::new();
    let second = Store::open_or_create(rig.folder.path());
    assert!(
        matches!(second, Err(StoreError::InUse { .. })),
        "{second:?}"
    );
}

#[test]
fn a_store_that_cannot_be_opened_is_made_anew() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.fetch().unwrap();
    let Rig {
        store,
        folder,
        server,
        clone,
    } = rig;
    drop(store);
    let repository = entries(folder.path())
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap();
    fs::write(repository.join("HEAD"), [0xff; 9]).unwrap();
    fs::remove_dir_all(repository.join("refs")).unwrap();
    let store = reopened(folder.path());
    let rig = Rig {
        server,
        clone,
        store,
        folder,
    };
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "1");
}

#[test]
fn a_damaged_pack_is_noticed_and_mended_by_the_next_fetch() {
    let noise: String = (0..50_000_u32)
        .map(|n| format!("{:08x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let rig = Rig::with_files(&[("large", &noise)]);
    rig.fetch().unwrap();
    let Rig {
        store,
        folder,
        server,
        clone,
    } = rig;
    drop(store);
    let rig = Rig {
        server,
        clone,
        store: reopened(folder.path()),
        folder,
    };
    let pack = rig.packs().remove(0);
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 1000].fill(0);
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let snapshot = rig.snapshot("").unwrap();
    let damaged = snapshot.read(&snapshot.files()[0]);
    assert!(
        matches!(damaged, Err(ReadError::Damaged { .. })),
        "{damaged:?}"
    );
    assert_eq!(content(&rig.snapshot("").unwrap(), "large"), noise);
}

#[test]
fn lost_objects_come_back_with_the_next_fetch() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.fetch().unwrap();
    let Rig {
        store,
        folder,
        server,
        clone,
    } = rig;
    drop(store);
    let rig = Rig {
        server,
        clone,
        store: reopened(folder.path()),
        folder,
    };
    for pack in rig.packs() {
        fs::remove_file(pack.with_extension("idx")).unwrap();
        fs::remove_file(pack).unwrap();
    }
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "1");
}

#[test]
fn nothing_that_was_fetched_is_checked_out() {
    let rig = Rig::with_files(&[("a-very-special-name", "a very special content")]);
    rig.fetch().unwrap();
    let mut folders = vec![rig.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            assert!(!path.to_string_lossy().contains("a-very-special-name"));
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                assert!(!String::from_utf8_lossy(&bytes).contains("a very special content"));
            }
        }
    }
}
