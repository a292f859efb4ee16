//! `cargo xtask test`: everything that must hold before a change is merged.

use crate::testing::Run;
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// Run every check and test: format, lints, docs, unit, sops, a real cluster, end to end.
#[derive(Args)]
pub(crate) struct Test;

impl Test {
    pub(crate) fn run(self) -> Result<ExitCode> {
        // The report names what failed, so an error here needs no second telling.
        Ok(match Run::new(Workspace::read()?).all() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        })
    }
}
