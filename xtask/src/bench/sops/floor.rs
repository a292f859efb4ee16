//! The floor: what the `age` library and the disk cost for the same number of files, nothing else done.

use super::Verb;
use crate::bench::report::{Figure, Unit};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use lockstep_testbed::Scratch;
use std::process::Command;
use std::time::Duration;

/// Times in milliseconds.
pub(super) struct Floor {
    wrap: f64,
    unwrap: f64,
    write: f64,
}

impl Floor {
    /// Builds and runs the example `floor` of `lockstep-age`.
    pub(super) fn measure(workspace: &Workspace, files: usize, recipients: usize) -> Result<Self> {
        let scratch = Scratch::new()?;
        let mut command = Command::new("cargo");
        command
            .args(["run", "--quiet", "--locked", "--release"])
            .args(["--package", "lockstep-age", "--example", "floor", "--"])
            .args([files.to_string(), recipients.to_string()])
            .arg(scratch.path())
            .current_dir(&workspace.root);
        let output = command.output().context("running cargo")?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the floor: {message}");
        let text = String::from_utf8(output.stdout)?;
        let times: Vec<f64> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
        let [wrap, unwrap, write] = times[..] else {
            anyhow::bail!("the floor has other lines: {text}");
        };
        Ok(Self {
            wrap,
            unwrap,
            write,
        })
    }

    pub(super) fn figures(&self, files: usize) -> Vec<Figure> {
        let one = |what: String, time| Figure::new(what, Unit::Milliseconds, vec![time]);
        vec![
            one(
                format!("floor: age wraps {files} keys, on one thread"),
                self.wrap,
            ),
            one(
                format!("floor: age unwraps {files} keys, on one thread"),
                self.unwrap,
            ),
            one(
                format!("floor: {files} files written and flushed"),
                self.write,
            ),
        ]
    }

    /// How much longer a batch takes than its floor.
    pub(super) fn ratio(&self, verb: Verb, took: &[Duration]) -> Figure {
        let floor = self.write
            + match verb {
                Verb::Encrypt => self.wrap,
                Verb::Rotate => self.wrap + self.unwrap,
                Verb::Decrypt => self.unwrap,
            };
        let took = Figure::times("", took).median();
        Figure::new(
            "… lockstep takes longer than the floor by",
            Unit::Times,
            vec![took / floor],
        )
    }
}
