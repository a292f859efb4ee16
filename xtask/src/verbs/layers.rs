//! `cargo xtask layers`: the walls and the shape of the files.

use crate::layers::violations;
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;
use std::io::Write as _;
use std::process::ExitCode;

/// Check who depends on whom, that pure crates are pure, and how long files are.
#[derive(Args)]
pub(crate) struct Layers;

impl Layers {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let found = violations(&Workspace::read()?)?;
        let mut stdout = std::io::stdout().lock();
        for violation in &found {
            writeln!(stdout, "{violation}")?;
        }
        Ok(if found.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
