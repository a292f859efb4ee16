//! Trees that no honest client would have pushed.

use crate::rig::{Rig, content, paths};
use lockstep_git::{ReadError, Refusal, SnapshotError};
use lockstep_testbed::{Access, GitServer};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Writes objects straight into the server's repository, without any of `git`'s checks.
struct Forge(PathBuf);

impl Forge {
    fn at(rig: &Rig) -> Self {
        Self(rig.server.repository_folder("app"))
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(&self.0)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Ada")))
            .envs(
                ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ada@example.com")),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn blob(&self, content: &[u8]) -> String {
        self.git(&["hash-object", "-w", "--stdin"], content)
    }

    fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            let digits = (0..40)
                .step_by(2)
                .map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap());
            bytes.extend(digits);
        }
        self.git(
            &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
            &bytes,
        )
    }

    fn publish(&self, tree: &str) {
        let commit = self.git(&["commit-tree", "-m", "hostile", tree], b"");
        self.git(&["update-ref", "refs/heads/main", &commit], b"");
    }
}

#[test]
fn entries_that_are_no_files_are_refused_and_the_rest_is_read() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    let blob = forge.blob(b"content");
    let folder = forge.tree(&[("100644", b"inside", &blob)]);
    let submodule = "0123456789abcdef0123456789abcdef01234567";
    let tree = forge.tree(&[
        ("40000", b"..", &folder),
        ("40000", b".GIT", &folder),
        ("40000", b".git", &folder),
        ("100644", b"a/b", &blob),
        ("100644", b"back\\slash", &blob),
        ("100644", b"good.yaml", &blob),
        ("40000", b"good", &folder),
        ("120000", b"link", &blob),
        ("160000", b"module", submodule),
        ("100644", b"not\xffutf8", &blob),
        ("100644", b"twice", &blob),
        ("40000", b"twice", &folder),
        ("100755", b"tool", &blob),
    ]);
    forge.publish(&tree);
    let snapshot = rig.snapshot("").unwrap();
    assert_eq!(paths(&snapshot), ["good.yaml", "good/inside", "tool"]);
    assert_eq!(content(&snapshot, "good/inside"), "content");
    let refused: Vec<_> = snapshot
        .refused()
        .iter()
        .map(|entry| (entry.path.as_str(), entry.why))
        .collect();
    assert_eq!(
        refused,
        [
            ("..", Refusal::Name),
            (".GIT", Refusal::DotGit),
            (".git", Refusal::DotGit),
            ("a/b", Refusal::Name),
            ("back\\slash", Refusal::Name),
            ("link", Refusal::Symlink),
            ("module", Refusal::Submodule),
            ("not\\xffutf8", Refusal::Name),
            ("twice", Refusal::Duplicate),
            ("twice", Refusal::Duplicate),
        ]
    );
}

#[test]
fn a_link_is_no_way_to_a_folder() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    let blob = forge.blob(b"real");
    let folder = forge.tree(&[("100644", b"inside", &blob)]);
    forge.publish(&forge.tree(&[("120000", b"link", &blob), ("40000", b"real", &folder)]));
    assert!(matches!(
        rig.snapshot("link"),
        Err(SnapshotError::NotAFolder { .. })
    ));
    assert!(matches!(
        rig.snapshot("link/inside"),
        Err(SnapshotError::NotAFolder { .. })
    ));
}

#[test]
fn a_folder_that_is_there_twice_is_not_entered() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    let blob = forge.blob(b"content");
    let one = forge.tree(&[("100644", b"one", &blob)]);
    let other = forge.tree(&[("100644", b"other", &blob)]);
    forge.publish(&forge.tree(&[("40000", b"apps", &one), ("40000", b"apps", &other)]));
    assert!(matches!(
        rig.snapshot("apps"),
        Err(SnapshotError::NotAFolder { .. })
    ));
}

#[test]
fn folders_are_not_followed_without_end() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    let blob = forge.blob(b"deep");
    let mut tree = forge.tree(&[("100644", b"file", &blob)]);
    for _ in 0..100 {
        tree = forge.tree(&[("40000", b"d", &tree)]);
    }
    forge.publish(&tree);
    let snapshot = rig.snapshot("").unwrap();
    assert!(snapshot.files().is_empty());
    assert_eq!(snapshot.refused().len(), 1);
    assert_eq!(snapshot.refused()[0].why, Refusal::TooDeep);
}

#[test]
fn a_small_repository_cannot_list_millions_of_files() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    let mut tree = forge.tree(&[("100644", b"file", &forge.blob(b"bomb"))]);
    for _ in 0..8 {
        let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let entries: Vec<_> = names
            .iter()
            .map(|n| ("40000", n.as_bytes(), tree.as_str()))
            .collect();
        tree = forge.tree(&entries);
    }
    forge.publish(&tree);
    assert!(matches!(
        rig.snapshot(""),
        Err(SnapshotError::TooManyEntries { .. })
    ));
}

#[test]
fn files_that_are_too_long_or_elsewhere_are_not_read() {
    let rig = Rig::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    rig.push(&[
        ("long", &"x".repeat((5 << 20) + 1)),
        ("limit", &"x".repeat(5 << 20)),
        ("lfs", pointer),
    ]);
    let snapshot = rig.snapshot("").unwrap();
    let read = |path: &str| {
        let file = snapshot
            .files()
            .iter()
            .find(|file| file.path.as_str() == path)
            .unwrap();
        snapshot.read(file)
    };
    assert!(matches!(
        read("long"),
        Err(ReadError::TooLarge {
            size: 5_242_881,
            ..
        })
    ));
    assert_eq!(read("limit").unwrap().len(), 5 << 20);
    assert!(matches!(read("lfs"), Err(ReadError::LfsPointer { .. })));
}

#[test]
fn filters_and_attributes_change_nothing() {
    let rig = Rig::new();
    rig.push(&[
        (
            ".gitattributes",
            "* text eol=crlf export-subst ident filter=evil\n",
        ),
        ("a", "$Id$\n$Format:%H$\n"),
    ]);
    assert_eq!(
        content(&rig.snapshot("").unwrap(), "a"),
        "$Id$\n$Format:%H$\n"
    );
}

#[test]
fn submodules_are_fetched_from_nowhere() {
    let rig = Rig::new();
    let elsewhere = GitServer::start(Access::Public).unwrap();
    let url = elsewhere.create_repository("other").unwrap();
    let forge = Forge::at(&rig);
    let modules = format!("[submodule \"m\"]\n\tpath = m\n\turl = {url}\n\tupdate = !touch x\n");
    let modules = forge.blob(modules.as_bytes());
    let link = forge.blob(b"/etc/passwd");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for mode in ["100644", "120000"] {
        let settings = if mode == "120000" { &link } else { &modules };
        forge.publish(&forge.tree(&[
            (mode, b".gitmodules", settings),
            ("100644", b"good.yaml", &modules),
            ("160000", b"m", commit),
        ]));
        let snapshot = rig.snapshot("").unwrap();
        assert!(paths(&snapshot).contains(&"good.yaml"));
        let refused: Vec<_> = snapshot.refused().iter().map(|entry| entry.why).collect();
        assert!(refused.contains(&Refusal::Submodule), "{refused:?}");
    }
    assert!(elsewhere.handled().is_empty());
}

#[test]
fn a_branch_that_points_to_a_tag_or_a_tree_is_an_error() {
    let rig = Rig::with_files(&[("a", "1")]);
    let known = rig.fetch().unwrap();
    let forge = Forge::at(&rig);
    let tag = format!(
        "object {}\ntype commit\ntag main\ntagger A <a@b> 0 +0000\n\nx\n",
        known.commit
    );
    let tag = forge.git(
        &["hash-object", "-t", "tag", "-w", "--stdin"],
        tag.as_bytes(),
    );
    for id in [tag, forge.tree(&[])] {
        std::fs::write(forge.0.join("refs/heads/main"), format!("{id}\n")).unwrap();
        assert_eq!(rig.fetch().unwrap_err().reason(), "ProtocolError");
        let snapshot = rig.store.snapshot(&known, &"".parse().unwrap()).unwrap();
        assert_eq!(content(&snapshot, "a"), "1");
    }
}

#[test]
fn an_empty_tree_is_an_empty_snapshot() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    forge.publish(&forge.tree(&[]));
    assert!(rig.snapshot("").unwrap().files().is_empty());
}

#[test]
fn a_branch_that_points_to_no_commit_is_an_error() {
    let rig = Rig::new();
    let forge = Forge::at(&rig);
    let blob = forge.blob(b"no commit");
    std::fs::create_dir_all(forge.0.join("refs/heads")).unwrap();
    std::fs::write(forge.0.join("refs/heads/main"), format!("{blob}\n")).unwrap();
    assert_eq!(rig.fetch().unwrap_err().reason(), "ProtocolError");
}

#[test]
fn a_file_that_would_fill_the_memory_is_not_fetched() {
    let rig = Rig::with_files(&[("a", "1")]);
    let before = rig.fetch().unwrap();
    let file = std::fs::File::create(rig.clone.path().join("huge")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    rig.clone.push("huge").unwrap();
    assert_eq!(rig.fetch().unwrap_err().reason(), "FileTooLarge");
    let snapshot = rig.store.snapshot(&before, &"".parse().unwrap()).unwrap();
    assert_eq!(content(&snapshot, "a"), "1");
}
