//! Fetches that work, and what they leave.

use crate::rig::{Rig, branch, content, paths};
use lockstep_git::{FetchError, GitCredentials, SnapshotError};
use lockstep_secret::SecretString;
use std::sync::atomic::AtomicBool;

#[test]
fn a_first_fetch_brings_what_was_pushed() {
    let rig = Rig::new();
    let commit = rig.push(&[("apps/db.yaml", "kind: Secret\n"), ("README", "hello\n")]);
    let revision = rig.fetch().unwrap();
    assert_eq!(revision.to_string(), format!("main@sha1:{commit}"));
    let snapshot = rig.snapshot("").unwrap();
    assert_eq!(paths(&snapshot), ["README", "apps/db.yaml"]);
    assert_eq!(content(&snapshot, "apps/db.yaml"), "kind: Secret\n");
    assert!(snapshot.refused().is_empty());
}

#[test]
fn git_agrees_on_every_file_after_every_update() {
    let rig = Rig::new();
    for round in 0..6 {
        let large = format!("{}{round}\n", "line\n".repeat(2000));
        let name = format!("apps/Grüße {round}.yaml");
        rig.push(&[
            ("large.yaml", &large),
            (&name, &large),
            ("a/b/c/d", &round.to_string()),
        ]);
        let snapshot = rig.snapshot("").unwrap();
        let listed = rig.clone.git(&["ls-tree", "-r", "-z", "HEAD"]).unwrap();
        let mut expected: Vec<_> = listed
            .split_terminator('\0')
            .map(|line| line.split_once('\t').unwrap())
            .map(|(meta, path)| (path.to_owned(), meta.split(' ').nth(2).unwrap().to_owned()))
            .collect();
        expected.sort();
        let files = snapshot.files().iter();
        let ours: Vec<_> = files
            .map(|f| (f.path.to_string(), f.blob.to_string()))
            .collect();
        assert_eq!(ours, expected);
        for (path, _) in &expected {
            let theirs = rig.clone.git(&["show", &format!("HEAD:{path}")]).unwrap();
            assert_eq!(content(&snapshot, path), theirs, "{path}");
        }
    }
}

#[test]
fn a_fetch_with_nothing_new_asks_for_the_branches_only() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.fetch().unwrap();
    let packs = rig.packs();
    let (revision, requests) = rig.requests(|| rig.fetch());
    revision.unwrap();
    assert_eq!(requests, 2);
    assert_eq!(rig.packs(), packs);
}

#[test]
fn an_update_transfers_the_change_and_not_the_repository() {
    // Noise does not compress, so the size of a pack shows what is in it.
    let noise: String = (0..50_000_u32)
        .map(|n| format!("{:08x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let rig = Rig::with_files(&[("large", &noise), ("small", "1")]);
    rig.fetch().unwrap();
    let before = rig.packs();
    rig.push(&[("small", "2")]);
    let snapshot = rig.snapshot("").unwrap();
    assert_eq!(content(&snapshot, "small"), "2");
    assert_eq!(content(&snapshot, "large"), noise);
    let new: Vec<_> = rig
        .packs()
        .into_iter()
        .filter(|pack| !before.contains(pack))
        .collect();
    let [new] = new.as_slice() else {
        panic!("{new:?}")
    };
    assert!(new.metadata().unwrap().len() < 1000);
}

#[test]
fn a_folder_keeps_its_id_when_something_else_changes() {
    let rig = Rig::with_files(&[("apps/a", "1"), ("other/b", "1")]);
    let first = rig.snapshot("apps").unwrap();
    rig.push(&[("other/b", "2")]);
    let second = rig.snapshot("apps").unwrap();
    rig.push(&[("apps/a", "2")]);
    let third = rig.snapshot("apps").unwrap();
    assert_eq!(paths(&first), ["apps/a"]);
    assert_ne!(first.revision(), second.revision());
    assert_eq!(first.tree(), second.tree());
    assert_ne!(second.tree(), third.tree());
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let rig = Rig::with_files(&[("a", "1")]);
    let snapshot = rig.snapshot("").unwrap();
    rig.push(&[("a", "2")]);
    rig.fetch().unwrap();
    assert_eq!(content(&snapshot, "a"), "1");
}

#[test]
fn a_bearer_token_opens_the_repository_too() {
    let rig = Rig::with_files(&[("a", "1")]);
    let mut remote = rig.remote();
    let token = rig.server.token().to_owned();
    remote.credentials = Some(GitCredentials::Bearer(SecretString::new(token)));
    rig.fetch_from(&remote).unwrap();
}

#[test]
fn history_may_be_rewritten_and_go_back() {
    let rig = Rig::with_files(&[("a", "1")]);
    let first = rig.fetch().unwrap();
    rig.push(&[("a", "2")]);
    rig.fetch().unwrap();
    rig.clone
        .git(&["checkout", "--quiet", "--orphan", "other"])
        .unwrap();
    rig.clone.write("a", "3").unwrap();
    let rewritten = rig.clone.commit("rewritten").unwrap();
    rig.clone
        .git(&["push", "--quiet", "--force", "origin", "HEAD:main"])
        .unwrap();
    assert_eq!(rig.fetch().unwrap().commit.as_str(), rewritten);
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "3");
    let back = format!("{}:main", first.commit);
    rig.clone
        .git(&["push", "--quiet", "--force", "origin", &back])
        .unwrap();
    assert_eq!(rig.fetch().unwrap(), first);
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "1");
}

#[test]
fn other_branches_and_tags_stay_away() {
    let rig = Rig::with_files(&[("a", "1")]);
    rig.clone
        .git(&["push", "--quiet", "origin", "HEAD:team/next"])
        .unwrap();
    rig.clone.git(&["tag", "main"]).unwrap();
    rig.clone.write("a", "tagged").unwrap();
    rig.clone.commit("tagged").unwrap();
    rig.clone.git(&["tag", "--force", "main"]).unwrap();
    rig.clone
        .git(&["push", "--quiet", "origin", "refs/tags/main"])
        .unwrap();
    assert_eq!(content(&rig.snapshot("").unwrap(), "a"), "1");
    let next = branch("team/next");
    let revision = rig
        .store
        .fetch(&rig.remote(), &next, &AtomicBool::new(false))
        .unwrap();
    assert!(revision.to_string().starts_with("team/next@sha1:"));
}

#[test]
fn what_is_not_there_is_told_apart() {
    let rig = Rig::new();
    assert!(matches!(
        rig.fetch(),
        Err(FetchError::EmptyRepository { .. })
    ));
    rig.push(&[("apps/a", "1")]);
    let gone = rig
        .store
        .fetch(&rig.remote(), &branch("gone"), &AtomicBool::new(false));
    assert!(
        matches!(gone, Err(FetchError::BranchNotFound { .. })),
        "{gone:?}"
    );
    // A branch whose name begins with ours is not ours.
    let prefix = rig
        .store
        .fetch(&rig.remote(), &branch("mai"), &AtomicBool::new(false));
    assert!(
        matches!(prefix, Err(FetchError::BranchNotFound { .. })),
        "{prefix:?}"
    );
    let mut elsewhere = rig.remote();
    elsewhere.url = rig.server.url("no-such").parse().unwrap();
    let failure = rig.fetch_from(&elsewhere);
    assert!(
        matches!(failure, Err(FetchError::NotARepository { .. })),
        "{failure:?}"
    );
    assert!(matches!(
        rig.snapshot("nowhere"),
        Err(SnapshotError::PathNotFound { .. })
    ));
    assert!(matches!(
        rig.snapshot("apps/a"),
        Err(SnapshotError::NotAFolder { .. })
    ));
    assert!(matches!(
        rig.snapshot("apps/a/b"),
        Err(SnapshotError::NotAFolder { .. })
    ));
}

#[test]
fn a_failed_fetch_leaves_what_was_there() {
    let rig = Rig::with_files(&[("a", "1")]);
    let revision = rig.fetch().unwrap();
    rig.clone
        .git(&["push", "--quiet", "origin", "HEAD:other"])
        .unwrap();
    // Servers keep their first branch from being deleted by a push.
    std::fs::remove_file(rig.server.repository_folder("app").join("refs/heads/main")).unwrap();
    assert!(matches!(
        rig.fetch(),
        Err(FetchError::BranchNotFound { .. })
    ));
    let snapshot = rig.store.snapshot(&revision, &"".parse().unwrap()).unwrap();
    assert_eq!(content(&snapshot, "a"), "1");
}

#[test]
fn an_async_program_can_fetch_on_its_blocking_threads() {
    let rig = std::sync::Arc::new(Rig::with_files(&[("a", "1")]));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let worker = rig.clone();
    let fetch = runtime.spawn(async { tokio::task::spawn_blocking(move || worker.fetch()).await });
    runtime.block_on(fetch).unwrap().unwrap().unwrap();
}
