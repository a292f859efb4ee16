//! The walls of the architecture, checked: who may use whom, what a pure crate may touch, and the
//! size and shape of every file.

mod dependencies;
mod programs;
mod sources;
mod walls;

use crate::workspace::Workspace;
use anyhow::Result;

/// Everything that breaks a rule, a sentence each.
pub(crate) fn violations(workspace: &Workspace) -> Result<Vec<String>> {
    let mut found = dependencies::check(workspace)?;
    found.extend(programs::check(workspace)?);
    found.extend(sources::check(workspace)?);
    Ok(found)
}
