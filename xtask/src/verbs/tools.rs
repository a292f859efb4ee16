//! `cargo xtask tools`: the programs the tests need, found or built.

use anyhow::Result;
use clap::Args;
use lockstep_testbed::{Tool, tool};
use std::io::Write as _;
use std::process::ExitCode;

/// Find or build etcd, kube-apiserver, kubectl and sops, and print where they are.
#[derive(Args)]
pub(crate) struct Tools;

impl Tools {
    pub(crate) fn run(self) -> Result<ExitCode> {
        for each in Tool::ALL {
            let path = tool(each)?;
            writeln!(std::io::stdout(), "{}\t{}", each.name(), path.display())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
