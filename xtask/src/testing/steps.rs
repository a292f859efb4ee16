//! The steps of a test run. The cheap ones come first, and the first that fails is the last.

use super::count::Count;
use super::deny::cargo_deny;
use super::programs;
use super::rig::Rig;
use crate::layers;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A run over one workspace.
pub(crate) struct Run {
    workspace: Workspace,
    count: Count,
    done: Vec<(&'static str, Duration)>,
}

impl Run {
    pub(crate) fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            count: Count::default(),
            done: Vec::new(),
        }
    }

    /// Takes every step, then says how long each took and how many tests passed.
    ///
    /// # Errors
    /// The first step that failed; the counts are printed all the same.
    pub(crate) fn all(mut self) -> Result<()> {
        let outcome = self.steps();
        self.summary(outcome)
    }

    /// Runs the tests that are marked as long, those with `filter` in their names if there is one.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub(crate) fn long(mut self, filter: Option<String>) -> Result<()> {
        let mut arguments = vec!["--ignored".to_owned(), "--test-threads=1".to_owned()];
        arguments.extend(filter);
        let outcome = self.real_parts(&[("cluster", "long suites on a real cluster")], &arguments);
        self.summary(outcome)
    }

    /// Says how long each step took and how many tests passed.
    fn summary(mut self, outcome: Result<()>) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout)?;
        for (name, took) in &self.done {
            writeln!(stdout, "{:>7.1} s  {name}", took.as_secs_f64())?;
        }
        if let Err(error) = &outcome {
            writeln!(stdout, "FAILED: {error:#}")?;
            // A step that is no test counts as one failure: nobody may read it as a success.
            self.count.failed = self.count.failed.max(1);
        }
        writeln!(
            stdout,
            "\n{} passed, {} failed",
            self.count.passed, self.count.failed
        )?;
        outcome
    }

    fn steps(&mut self) -> Result<()> {
        self.step("format", |run| run.cargo(&["fmt", "--all", "--check"]))?;
        self.step("layers", Self::layers)?;
        self.step("licences, bans and sources", Self::deny)?;
        let lints = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
        ];
        self.step("lints", |run| {
            run.cargo(&[&lints[..], &["--", "-D", "warnings"]].concat())
        })?;
        self.step("documentation", |run| {
            let mut command = run.command(&["doc", "--workspace", "--no-deps", "--locked"]);
            succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
        })?;
        self.step("unit tests", |run| {
            let tests = run.command(&["test", "--workspace", "--no-fail-fast", "--locked"]);
            run.tests(tests)
        })?;
        let suites = [
            ("conformance", "conformance with sops"),
            ("cluster", "real cluster, end to end"),
        ];
        self.real_parts(&suites, &[])
    }

    /// Runs the suites that need a feature, which stands for real parts, once the parts are there.
    fn real_parts(&mut self, suites: &[(&str, &'static str)], arguments: &[String]) -> Result<()> {
        self.step("programs", |run| {
            crate::programs::build_trusting(&run.workspace)
        })?;
        let rig = self.step("etcd, kube-apiserver, kubectl, sops", |run| {
            Rig::ready(&run.workspace)
        })?;
        for (feature, name) in suites {
            self.step(name, |run| run.real(feature, &rig, arguments))?;
        }
        Ok(())
    }

    fn step<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        writeln!(std::io::stdout(), "\n=== {name}")?;
        let start = Instant::now();
        let outcome = work(self).context(name);
        self.done.push((name, start.elapsed()));
        outcome
    }

    fn layers(&mut self) -> Result<()> {
        let found = layers::violations(&self.workspace)?;
        if !found.is_empty() {
            bail!("{} violations:\n{}", found.len(), found.join("\n"));
        }
        Ok(())
    }

    fn deny(&mut self) -> Result<()> {
        succeed(
            Command::new(cargo_deny()?)
                .args([
                    "--log-level",
                    "error",
                    "check",
                    "bans",
                    "licenses",
                    "sources",
                ])
                .current_dir(&self.workspace.root),
        )
    }

    /// Runs the test targets that need `feature`; `arguments` go to the tests.
    fn real(&mut self, feature: &str, rig: &Rig, arguments: &[String]) -> Result<()> {
        let mut command = self.command(&["test", "--workspace", "--locked"]);
        let mut found = false;
        for package in &self.workspace.packages {
            let needs = |required: &[String]| required.iter().any(|name| name == feature);
            for test in package
                .tests
                .iter()
                .filter(|test| needs(&test.required_features))
            {
                found = true;
                command.args(["--test", &test.name]);
                command
                    .arg("--features")
                    .arg(format!("{}/{feature}", package.name));
            }
        }
        if !found {
            bail!("no test target requires the feature `{feature}`");
        }
        let programs = programs::build(command)?;
        programs::run(
            programs,
            arguments,
            |command| rig.equip(command),
            &mut self.count,
        )
    }

    /// Runs tests, shows what they say and counts them.
    fn tests(&mut self, mut command: Command) -> Result<()> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("running cargo")?;
        let stdout = child
            .stdout
            .take()
            .context("cargo has no standard output")?;
        for line in BufReader::new(stdout).lines() {
            let line = line.context("reading what cargo says")?;
            writeln!(std::io::stdout(), "{line}")?;
            self.count += Count::read(&line);
        }
        let status = child.wait().context("waiting for cargo")?;
        if !status.success() {
            bail!("cargo test failed: {status}");
        }
        Ok(())
    }

    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        succeed(&mut self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(arguments)
            .current_dir(&self.workspace.root)
            .stdin(Stdio::null());
        command
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}
