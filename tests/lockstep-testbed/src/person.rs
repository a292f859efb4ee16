//! Somebody with `lockstep` on their laptop, an age identity and nothing else.

use crate::binaries::{Binary, binary};
use crate::scratch::Scratch;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A person whose environment is their own: no key and no setting of the user who runs the test.
#[derive(Debug)]
pub struct Person {
    home: Scratch,
    identity: PathBuf,
    recipient: String,
}

impl Person {
    /// Makes a person and, by `lockstep keygen`, their identity.
    ///
    /// # Errors
    /// When `lockstep` is not built or fails.
    pub fn new() -> Result<Self> {
        let home = Scratch::new()?;
        let identity = home.path().join("identity.txt");
        let mut this = Self {
            home,
            identity,
            recipient: String::new(),
        };
        let file = this.identity.clone();
        let file = file
            .to_str()
            .context("the scratch folder's name is not UTF-8")?;
        this.lockstep(this.home.path(), &["keygen", "-o", file])?;
        this.recipient = this
            .identity_text()?
            .lines()
            .find_map(|line| line.strip_prefix("# public key: "))
            .context("the identity file names no recipient")?
            .to_owned();
        Ok(this)
    }

    /// What others encrypt to.
    #[must_use]
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// The identity file's text.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn identity_text(&self) -> Result<String> {
        std::fs::read_to_string(&self.identity)
            .with_context(|| format!("reading {}", self.identity.display()))
    }

    /// `lockstep` in `folder`, ready to be given arguments and pipes.
    ///
    /// # Errors
    /// When it is not built.
    pub fn command(&self, folder: &Path) -> Result<Command> {
        Ok(self.equipped(Command::new(binary(Binary::Cli)?), folder))
    }

    /// Runs `lockstep` in `folder` and gives what it wrote to standard output.
    ///
    /// # Errors
    /// With what it wrote to standard error when it exits with anything but 0.
    pub fn lockstep(&self, folder: &Path, arguments: &[&str]) -> Result<String> {
        let mut command = self.command(folder)?;
        let output = command.args(arguments).stdin(Stdio::null()).output();
        finish("lockstep", arguments, output.context("running lockstep")?)
    }

    /// Runs `program`, say the real sops, with the same environment.
    ///
    /// # Errors
    /// As [`Person::lockstep`].
    pub fn run(&self, program: &Path, folder: &Path, arguments: &[&str]) -> Result<String> {
        let mut command = self.equipped(Command::new(program), folder);
        let output = command.args(arguments).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("running {}", program.display()))?;
        finish(&program.display().to_string(), arguments, output)
    }

    fn equipped(&self, mut command: Command, folder: &Path) -> Command {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("SOPS_AGE_KEY_FILE", &self.identity)
            .current_dir(folder);
        command
    }
}

fn finish(program: &str, arguments: &[&str], output: Output) -> Result<String> {
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} {}: {}\n{message}",
            arguments.join(" "),
            output.status
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} wrote no UTF-8"))
}
