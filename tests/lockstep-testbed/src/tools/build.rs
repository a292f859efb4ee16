//! Building one Go program, with a line that says how far it is.

use super::{Module, Tool};
use anyhow::{Context as _, Result, bail};
use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// How many of the compiler's last lines an error shows.
const KEPT_LINES: usize = 15;

/// Builds `tool` and puts it at `path`, which is there complete or not at all.
pub(super) fn build(tool: Tool, module: &Module, path: &Path) -> Result<()> {
    let label = format!("{} {}", tool.name(), module.version);
    let partial = path.with_extension("partial");
    let mut progress = Progress::start(&label);
    let mut go = Command::new("go")
        .args([
            "build",
            "-v",
            "-trimpath",
            "-ldflags",
            &linker_flags(tool, &module.version),
            "-o",
        ])
        .arg(&partial)
        .arg(tool.package())
        .current_dir(&module.folder)
        // A Go workspace around the checkout would replace the module's own pins.
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| {
            format!(
                "running `go` to build {label}: install Go, or name built programs with \
                 KUBEBUILDER_ASSETS (etcd, kube-apiserver, kubectl) and LOCKSTEP_SOPS"
            )
        })?;
    let mut last = VecDeque::with_capacity(KEPT_LINES);
    if let Some(errors) = go.stderr.take() {
        for line in BufReader::new(errors).lines() {
            let line = line.context("reading what go says")?;
            progress.saw(&line);
            if last.len() == KEPT_LINES {
                last.pop_front();
            }
            last.push_back(line);
        }
    }
    let status = go.wait().context("waiting for go")?;
    if !status.success() {
        bail!(
            "building {label} failed ({status}):\n{}",
            Vec::from(last).join("\n")
        );
    }
    std::fs::rename(&partial, path).with_context(|| format!("putting {} there", path.display()))?;
    progress.done();
    Ok(())
}

/// Kubernetes reports v0.0.0 unless the linker is told the version.
fn linker_flags(tool: Tool, version: &str) -> String {
    let mut flags = "-s -w".to_owned();
    if matches!(tool, Tool::ApiServer | Tool::Kubectl) {
        let mut parts = version.trim_start_matches('v').split('.');
        let set = "-X k8s.io/component-base/version";
        flags.push_str(&format!(" {set}.gitVersion={version}"));
        for (name, part) in ["gitMajor", "gitMinor"].into_iter().zip(&mut parts) {
            flags.push_str(&format!(" {set}.{name}={part}"));
        }
    }
    flags
}

/// One line on a terminal that is written over; in a pipe only the first and the last.
struct Progress {
    label: String,
    start: Instant,
    packages: usize,
    terminal: bool,
}

impl Progress {
    fn start(label: &str) -> Self {
        let terminal = io::stderr().is_terminal();
        let this = Self {
            label: label.to_owned(),
            start: Instant::now(),
            packages: 0,
            terminal,
        };
        this.say(
            if terminal { "" } else { "\n" },
            "building it from source, once",
        );
        this
    }

    fn saw(&mut self, line: &str) {
        // go says `go: downloading …` per module and names each package it has compiled.
        if !line.starts_with("go: ") {
            self.packages += 1;
        }
        if self.terminal {
            let elapsed = self.start.elapsed().as_secs();
            self.say(
                "",
                &format!("{} packages compiled, {elapsed} s", self.packages),
            );
        }
    }

    fn done(&self) {
        self.say(
            "\n",
            &format!("built in {} s", self.start.elapsed().as_secs()),
        );
    }

    fn say(&self, end: &str, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        let mut stderr = io::stderr().lock();
        // Progress is a courtesy: a closed standard error must not stop the build.
        let _ = write!(stderr, "{clear}{}: {text}{end}", self.label);
        let _ = stderr.flush();
    }
}
