//! Test programs: cargo builds them, and they run a few at a time, since most of their time is waiting.

use super::count::Count;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// How many run at once. Each may have a cluster of its own.
const AT_ONCE: usize = 3;

/// One built test target.
pub(super) struct TestProgram {
    name: String,
    file: PathBuf,
    /// Where cargo would run it.
    folder: PathBuf,
}

/// Builds test targets; `command` is a `cargo test` with what to build.
///
/// # Errors
/// When they do not build.
pub(super) fn build(mut command: Command) -> Result<Vec<TestProgram>> {
    command.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let said = crate::workspace::output(&mut command)?;
    let messages = said.lines().map(serde_json::from_str::<Value>);
    messages
        .filter_map(|message| {
            message
                .map(|message| TestProgram::read(&message))
                .transpose()
        })
        .collect::<Result<_, _>>()
        .context("reading what cargo says")
}

impl TestProgram {
    fn read(message: &Value) -> Option<Self> {
        let is_test = message["profile"]["test"].as_bool()?;
        let manifest = PathBuf::from(message["manifest_path"].as_str()?);
        is_test.then_some(Self {
            name: message["target"]["name"].as_str()?.to_owned(),
            file: message["executable"].as_str()?.into(),
            folder: manifest.parent()?.to_owned(),
        })
    }
}

/// Runs the programs with `arguments`, each set up by `equip`; what one says is shown when it has ended.
///
/// # Errors
/// When any fails.
pub(super) fn run(
    programs: Vec<TestProgram>,
    arguments: &[String],
    equip: impl Fn(&mut Command) + Sync,
    count: &mut Count,
) -> Result<()> {
    let queue = Mutex::new(programs.into_iter());
    let total = Mutex::new((Count::default(), Vec::new()));
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(program) = next else {
                return Ok(());
            };
            let (counted, passed) = program.run(arguments, &equip)?;
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            total.0 += counted;
            if !passed {
                total.1.push(program.name);
            }
        }
    };
    let ended = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
            .collect::<Result<Vec<()>>>()
    });
    let (counted, failed) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    *count += counted;
    ended?;
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

impl TestProgram {
    fn run(&self, arguments: &[String], equip: &impl Fn(&mut Command)) -> Result<(Count, bool)> {
        let started = Instant::now();
        let mut command = Command::new(&self.file);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        equip(&mut command);
        let output = command
            .output()
            .with_context(|| format!("running {}", self.file.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut counted = Count::default();
        for line in said.lines() {
            counted += Count::read(line);
        }
        let took = started.elapsed().as_secs_f64();
        write!(
            std::io::stdout(),
            "\n--- {} ({took:.0} s)\n{said}",
            self.name
        )?;
        if !output.status.success() && counted.failed == 0 {
            // It ended before it could say so.
            counted.failed = 1;
        }
        Ok((counted, output.status.success()))
    }
}
