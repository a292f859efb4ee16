//! What a figure depends on besides the code: the machine, its load, and the versions of all parts.

use super::Origin;
use crate::workspace::{Workspace, output};
use anyhow::{Context as _, Result};
use lockstep_testbed::{Binary, Tool, binary, tool};
use serde_json::{Value, json};
use std::fmt;
use std::path::Path;
use std::process::Command;

/// The machine, when the measurements began.
pub(super) struct Machine {
    processors: usize,
    processor: String,
    memory_mib: f64,
    kernel: String,
    /// Processes that wanted a processor in the minute before, on average.
    load: f64,
    programs: String,
    versions: Vec<String>,
}

impl Machine {
    /// Looks around.
    pub(super) fn look(workspace: &Workspace, origin: &Origin) -> Result<Self> {
        let load = read("/proc/loadavg")?;
        let load = load.split(' ').next().context("no load average")?;
        let memory = field(&read("/proc/meminfo")?, "MemTotal").context("no MemTotal")?;
        let memory_kib: f64 = memory
            .trim_end_matches(" kB")
            .parse()
            .context("reading MemTotal")?;
        Ok(Self {
            processors: std::thread::available_parallelism()
                .context("counting processors")?
                .get(),
            processor: field(&read("/proc/cpuinfo")?, "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            memory_mib: memory_kib / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.parse().context("reading the load average")?,
            programs: match origin {
                Origin::Built => format!("release build of {}", commit(workspace)?),
                Origin::Given(folder) => format!("programs from {}", folder.display()),
            },
            versions: versions()?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "processors": self.processors,
            "processor": self.processor,
            "memoryMiB": self.memory_mib.round(),
            "kernel": self.kernel,
            "loadBefore": self.load,
            "programs": self.programs,
            "versions": self.versions,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} × {}, {:.1} GiB, Linux {}, load {} before",
            self.processors,
            self.processor,
            self.memory_mib / 1024.0,
            self.kernel,
            self.load
        )?;
        writeln!(f, "{}", self.programs)?;
        writeln!(f, "{}", self.versions.join(", "))
    }
}

fn commit(workspace: &Workspace) -> Result<String> {
    let git = |arguments: &[&str]| {
        output(
            Command::new("git")
                .args(arguments)
                .current_dir(&workspace.root),
        )
    };
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let note = if changes.is_empty() {
        ""
    } else {
        " with uncommitted changes"
    };
    Ok(format!("{}{note}", commit.trim()))
}

/// What every part says of itself, in one line each.
fn versions() -> Result<Vec<String>> {
    let asked = [
        (binary(Binary::Cli)?, &["--version"][..]),
        (
            tool(Tool::Sops)?,
            &["--version", "--disable-version-check"][..],
        ),
        (tool(Tool::ApiServer)?, &["--version"][..]),
        (tool(Tool::Etcd)?, &["--version"][..]),
        (Path::new("git").to_owned(), &["--version"][..]),
        (Path::new("rustc").to_owned(), &["--version"][..]),
    ];
    asked
        .iter()
        .map(|(program, arguments)| {
            let said = output(Command::new(program).args(*arguments))?;
            let first = said.lines().next().unwrap_or_default();
            Ok(first.replace(" Version:", "").trim().to_owned())
        })
        .collect()
}

/// The first value of `name` in lines of the form `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {path}"))
}
