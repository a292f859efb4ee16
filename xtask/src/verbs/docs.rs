//! `cargo xtask docs`: the pages and manifests that are made from the code, made anew from the code.

use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use clap::Args;
use std::process::{Command, ExitCode};

/// Rewrite docs/reference, deploy/rbac.yaml and deploy/crds.yaml from the code; tests fail while they are stale.
#[derive(Args)]
pub(crate) struct Docs;

impl Docs {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let workspace = Workspace::read()?;
        // The tests that compare the pages with the code write them when they are told to.
        let status = Command::new("cargo")
            .args(["test", "--workspace", "--locked", "--quiet"])
            .args(["--test", "reference", "--test", "deploy"])
            .env("UPDATE_DOCS", "1")
            .current_dir(&workspace.root)
            .status()
            .context("running cargo test")?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
