//! A Git server with one repository, somebody who pushes to it, and a store that fetches from it.

use lockstep_git::{
    CaBundle, FetchError, GitCredentials, Remote, Snapshot, SnapshotError, Store, StoreError,
};
use lockstep_names::{BranchName, RepoPath, Revision};
use lockstep_secret::SecretString;
use lockstep_testbed::{Access, GitServer, WorkClone};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(crate) struct Rig {
    pub(crate) server: GitServer,
    pub(crate) clone: WorkClone,
    pub(crate) store: Store,
    pub(crate) folder: tempfile::TempDir,
}

impl Rig {
    /// A private, empty repository.
    pub(crate) fn new() -> Self {
        let server = GitServer::start(Access::Private).unwrap();
        server.create_repository("app").unwrap();
        let clone = WorkClone::new(&server, "app").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_or_create(folder.path()).unwrap();
        Self {
            server,
            clone,
            store,
            folder,
        }
    }

    /// A repository with a first commit.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        let rig = Self::new();
        rig.push(files);
        rig
    }

    /// Commits and pushes files; gives the commit's id.
    pub(crate) fn push(&self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            self.clone.write(path, content).unwrap();
        }
        self.clone.push("change").unwrap()
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote {
            url: self.server.url("app").parse().unwrap(),
            credentials: Some(self.basic(self.server.password())),
            ca: Some(CaBundle::from_pem(self.server.authority().as_bytes()).unwrap()),
            timeout: Duration::from_secs(30),
        }
    }

    pub(crate) fn basic(&self, password: &str) -> GitCredentials {
        GitCredentials::Basic {
            user: SecretString::new(self.server.user().to_owned()),
            password: SecretString::new(password.to_owned()),
        }
    }

    pub(crate) fn fetch(&self) -> Result<Revision, FetchError> {
        self.fetch_from(&self.remote())
    }

    pub(crate) fn fetch_from(&self, remote: &Remote) -> Result<Revision, FetchError> {
        self.store
            .fetch(remote, &branch("main"), &AtomicBool::new(false))
    }

    pub(crate) fn snapshot(&self, under: &str) -> Result<Snapshot, SnapshotError> {
        self.store
            .snapshot(&self.fetch().unwrap(), &under.parse().unwrap())
    }

    /// How many requests `action` causes.
    pub(crate) fn requests<T>(&self, action: impl FnOnce() -> T) -> (T, usize) {
        let before = self.server.handled().len();
        let result = action();
        (result, self.server.handled().len() - before)
    }

    /// The files of the store whose names end in `.pack`.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        let mut packs = Vec::new();
        for repository in entries(self.folder.path()) {
            let pack = repository.join("objects/pack");
            if pack.is_dir() {
                packs.extend(
                    entries(&pack)
                        .into_iter()
                        .filter(|p| p.extension().is_some_and(|e| e == "pack")),
                );
            }
        }
        packs
    }
}

/// Opens a store that was just closed. A `git` that another test is starting holds its lock until it
/// is `git`, so the first try may be too early.
pub(crate) fn reopened(folder: &Path) -> Store {
    for _ in 0..1000 {
        match Store::open_or_create(folder) {
            Err(StoreError::InUse { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened.unwrap(),
        }
    }
    Store::open_or_create(folder).unwrap()
}

pub(crate) fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

/// The paths of a snapshot's files.
pub(crate) fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot
        .files()
        .iter()
        .map(|file| file.path.as_str())
        .collect()
}

/// The content of one file.
pub(crate) fn content(snapshot: &Snapshot, path: &str) -> String {
    let path: RepoPath = path.parse().unwrap();
    let file = snapshot
        .files()
        .iter()
        .find(|file| file.path == path)
        .unwrap();
    String::from_utf8(snapshot.read(file).unwrap()).unwrap()
}

pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}
