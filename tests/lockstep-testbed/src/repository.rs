//! A working clone of a repository on the [`GitServer`]: what a person has on their laptop.

use crate::git_server::{GitServer, isolated_git};
use crate::scratch::Scratch;
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};

/// A clone on branch `main` whose `git` knows the server's authority and password, and nothing of
/// the configuration of the user who runs the test.
#[derive(Debug)]
pub struct WorkClone {
    scratch: Scratch,
    folder: PathBuf,
}

impl WorkClone {
    /// Clones the repository `name`, which may be empty.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn new(server: &GitServer, name: &str) -> Result<Self> {
        let scratch = Scratch::new()?;
        let authority = scratch.write("authority.pem", &server.authority())?;
        let basic = STANDARD.encode(format!("{}:{}", server.user(), server.password()));
        // Credentials go into a file that only we can read, not into the URL or an argument.
        let configuration = format!(
            "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n\
             [http]\n\tsslCAInfo = {}\n\textraHeader = Authorization: Basic {basic}\n\
             [commit]\n\tgpgSign = false\n[gc]\n\tauto = 0\n",
            authority.display()
        );
        scratch.write(".gitconfig", &configuration)?;
        let folder = scratch.path().join(name);
        let this = Self { scratch, folder };
        let url = server.url(name);
        this.git_in(this.scratch.path(), &["clone", "--quiet", &url, name])?;
        Ok(this)
    }

    /// The folder with the files.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes a file, with the folders it needs.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &str) -> Result<()> {
        let file = self.folder.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("making {}", folder.display()))?;
        }
        std::fs::write(&file, content).with_context(|| format!("writing {}", file.display()))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there or no UTF-8.
    pub fn read(&self, path: &str) -> Result<String> {
        let file = self.folder.join(path);
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&self, path: &str) -> Result<()> {
        let file = self.folder.join(path);
        std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))
    }

    /// Commits everything as it is now, even if nothing changed, and gives the commit's id.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Commits everything and pushes it to `main`; gives the commit's id.
    ///
    /// # Errors
    /// When `git` fails.
    pub fn push(&self, message: &str) -> Result<String> {
        let commit = self.commit(message)?;
        self.git(&["push", "--quiet", "origin", "HEAD:main"])?;
        Ok(commit)
    }

    /// Runs any `git` command in the clone and gives what it wrote to standard output.
    ///
    /// # Errors
    /// When it exits with anything but 0.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        self.git_in(&self.folder, arguments)
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> Result<String> {
        let output = isolated_git(self.scratch.path())
            .args(arguments)
            .current_dir(folder)
            .output()
            .context("running git")?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("git {}: {}", arguments.join(" "), message.trim_end());
        }
        String::from_utf8(output.stdout).context("git wrote something that is not UTF-8")
    }
}
