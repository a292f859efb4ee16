//! The real kubectl against one cluster: what a person would do, and what tests look at.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{error, fmt};

/// kubectl with one kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

/// kubectl said no.
#[derive(Debug)]
pub struct KubectlFailed {
    /// The arguments, joined by spaces.
    pub arguments: String,
    /// What it wrote to standard error.
    pub message: String,
}

impl fmt::Display for KubectlFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kubectl {}: {}", self.arguments, self.message.trim_end())
    }
}

impl error::Error for KubectlFailed {}

impl Kubectl {
    /// kubectl that acts by `kubeconfig` and keeps its discovery cache in `cache`.
    pub(crate) fn new(program: PathBuf, kubeconfig: PathBuf, cache: PathBuf) -> Self {
        Self {
            program,
            kubeconfig,
            cache,
        }
    }

    /// The kubeconfig it acts by.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The same kubectl as somebody else.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: PathBuf) -> Self {
        Self {
            kubeconfig,
            ..self.clone()
        }
    }

    /// A command that can still be given arguments and pipes, for watches and the like.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache);
        command
    }

    /// Runs kubectl and gives what it wrote to standard output.
    ///
    /// # Errors
    /// [`KubectlFailed`] when it exits with anything but 0.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().args(arguments).stdin(Stdio::null()).output();
        finish(arguments, output.context("running kubectl")?)
    }

    /// Runs kubectl with `input` on standard input.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("running kubectl")?;
        let mut stdin = child
            .stdin
            .take()
            .context("kubectl has no standard input")?;
        let input = input.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().context("waiting for kubectl")?;
        // kubectl may refuse before it has read everything; its own message says more.
        let _ = writer.join();
        finish(arguments, output)
    }

    /// Applies manifests by server-side apply, as field manager `kubectl`.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn apply(&self, manifests: &str) -> Result<String> {
        self.run_with_input(&["apply", "--server-side", "-f", "-"], manifests)
    }

    /// Gets objects as JSON: `json(&["secret", "db", "-n", "team-a"])`.
    ///
    /// # Errors
    /// As [`Kubectl::run`], or when the answer is no JSON.
    pub fn json(&self, what: &[&str]) -> Result<Value> {
        let text = self.run(&[&["get"], what, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("reading {what:?} as JSON"))
    }

    /// Whether the object is there.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn exists(&self, what: &[&str]) -> Result<bool> {
        let found = self.run(&[&["get"], what, &["--ignore-not-found", "-o", "name"]].concat())?;
        Ok(!found.trim().is_empty())
    }

    /// Changes an object by a JSON merge patch: `patch(&["secret", "db", "-n", "team-a"], "{…}")`.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn patch(&self, what: &[&str], patch: &str) -> Result<String> {
        self.run(&[&["patch"], what, &["--type", "merge", "-p", patch]].concat())
    }
}

fn finish(arguments: &[&str], output: Output) -> Result<String> {
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(KubectlFailed {
            arguments: arguments.join(" "),
            message,
        }
        .into());
    }
    String::from_utf8(output.stdout).context("kubectl wrote something that is not UTF-8")
}
