//! A folder with a home of its own, and the program run in it.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Test keys: the first is from the age library's own tests.
pub(crate) const ALICE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
pub(crate) const ALICE_KEY: &str =
    "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
pub(crate) const BOB: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

/// The value that must not be seen where it does not belong.
pub(crate) const CANARY: &str = "hunter2-canary";

/// A Secret whose values are all [`CANARY`].
pub(crate) fn secret(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name} # who needs it\nstringData:\n  password: {CANARY}\n"
    )
}

pub(crate) struct Scratch {
    folder: TempDir,
}

/// What a run said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scratch {
    /// An empty repository, and no identity anywhere.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("repo/.git")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// A repository with a rule for Secrets, and Alice's identity at hand.
    pub(crate) fn with_policy() -> Self {
        let scratch = Self::new();
        scratch.write(
            ".sops.yaml",
            &format!(
                "creation_rules:\n  - path_regex: secret\n    encrypted_regex: ^(data|stringData)$\n    age: {ALICE}\n"
            ),
        );
        scratch.hold(ALICE_KEY);
        scratch
    }

    /// Puts an identity where sops looks for it.
    pub(crate) fn hold(&self, key: &str) {
        let folder = self.home().join(".config/sops/age");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("keys.txt");
        fs::write(&path, format!("# a test key\n{key}\n")).unwrap();
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.repo().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every file below the repository, for what should not be there.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.repo()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let below = path.strip_prefix(self.repo()).unwrap();
                    files.push(below.to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// The program in the repository, with nothing of the caller's environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(program());
        command
            .current_dir(self.repo())
            .env_clear()
            .env("HOME", self.home());
        command
    }

    /// Runs the program in the repository.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.command().args(arguments))
    }

    /// Runs a prepared command.
    pub(crate) fn finish(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.home().to_str().unwrap(), "~")
                .replace(self.repo().to_str().unwrap(), "REPO")
        };
        Ran {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lockstep"))
}

impl Ran {
    /// Asserts success without a word to people.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""));
        self.stdout
    }

    /// Asserts success, nothing on standard output, and what is said.
    #[track_caller]
    pub(crate) fn said(self, says: &str) {
        assert_eq!(self.stderr, says);
        assert_eq!((self.code, self.stdout.as_str()), (0, ""));
    }

    /// Asserts a failure: its code, nothing on standard output, and what is said.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, says: &str) {
        assert_eq!(self.stderr, says);
        assert_eq!((self.code, self.stdout.as_str()), (code, ""));
    }
}
