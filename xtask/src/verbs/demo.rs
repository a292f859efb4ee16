//! `cargo xtask demo`: the main job, end to end, before your eyes.

use crate::demo::{Ending, run};
use crate::workspace::Workspace;
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// Run the main job on a real local control plane and show what happens.
#[derive(Args)]
pub(crate) struct Demo {
    /// Leave everything up until Ctrl-C, and say what to try.
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let ending = if self.keep {
            Ending::Keep
        } else {
            Ending::Clean
        };
        run(&Workspace::read()?, ending)?;
        Ok(ExitCode::SUCCESS)
    }
}
