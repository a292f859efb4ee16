//! Building our own two programs.

use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use lockstep_testbed::{Binary, use_binaries_in};
use std::process::Command;

/// How the programs are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build: the same artefacts that the tests use.
    Dev,
    /// What is shipped: for numbers.
    Release,
}

/// Builds the operator without its own checks beside the real one, for the tests that show what the API
/// server refuses. The real one is built again afterwards: both have one name.
pub(crate) fn build_trusting(workspace: &Workspace) -> Result<()> {
    let build = |features: &[&str]| {
        let mut command = Command::new("cargo");
        // As in the test run, or cargo would compile shared dependencies twice.
        command.args(["build", "--locked", "--workspace", "--bins"]);
        let status = command
            .args(features)
            .current_dir(&workspace.root)
            .status()
            .context("running cargo build")?;
        if status.success() {
            Ok(())
        } else {
            bail!("cargo build failed: {status}")
        }
    };
    build(&["--features", "lockstep-operator/trusting"])?;
    let folder = workspace.target.join("debug");
    let built = folder.join(Binary::Operator.name());
    let kept = folder.join(Binary::TrustingOperator.name());
    std::fs::copy(&built, &kept).with_context(|| format!("keeping {}", kept.display()))?;
    build(&[])
}

/// Builds both programs and makes the test bed use them; cargo shows its own progress.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--locked"])
        .current_dir(&workspace.root);
    let folder = match profile {
        Profile::Dev => {
            // As in the test run, or cargo would compile shared dependencies twice.
            command.args(["--workspace", "--bins"]);
            "debug"
        }
        Profile::Release => {
            for program in [Binary::Cli, Binary::Operator] {
                command.args(["--package", program.name()]);
            }
            command.arg("--release");
            "release"
        }
    };
    let status = command.status().context("running cargo build")?;
    if !status.success() {
        bail!("cargo build failed: {status}");
    }
    use_binaries_in(workspace.target.join(folder));
    Ok(())
}
