//! `cargo xtask long`: what takes too long for every change.

use crate::testing::Run;
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// Run the long suites: faults at every request, random kills, soak. `cargo xtask test` has a sample.
#[derive(Args)]
pub(crate) struct Long {
    /// Only tests whose name has this in it.
    filter: Option<String>,
}

impl Long {
    pub(crate) fn run(self) -> Result<ExitCode> {
        // The report names what failed, so an error here needs no second telling.
        Ok(match Run::new(Workspace::read()?).long(self.filter) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        })
    }
}
