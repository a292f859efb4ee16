//! Where every child of the test run finds the tools, our programs and room for files.

use crate::workspace::Workspace;
use anyhow::Result;
use lockstep_testbed::{Scratch, Tool, tool};
use std::path::PathBuf;
use std::process::Command;

/// What the tests against real parts need; everything they leave behind goes with it.
pub(super) struct Rig {
    scratch: Scratch,
    sops: PathBuf,
    programs: PathBuf,
}

impl Rig {
    /// Finds or builds every tool.
    pub(super) fn ready(workspace: &Workspace) -> Result<Self> {
        for each in Tool::ALL {
            tool(each)?;
        }
        Ok(Self {
            scratch: Scratch::new()?,
            sops: tool(Tool::Sops)?,
            programs: workspace.target.join("debug"),
        })
    }

    /// Tells `command` where everything is.
    pub(super) fn equip(&self, command: &mut Command) {
        command
            .env("LOCKSTEP_SOPS", &self.sops)
            .env("LOCKSTEP_BIN_DIR", &self.programs)
            // A test that is killed removes nothing; this run does.
            .env("TMPDIR", self.scratch.path());
    }
}
