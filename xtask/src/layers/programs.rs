//! What cargo links into each program, and into each pure package.

use super::walls::{PROGRAMS, PURE};
use crate::workspace::{Workspace, output};
use anyhow::Result;
use std::process::Command;

/// The feature that leaves the operator's own checks out.
const UNCHECKED: &str = "trusting";

pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for program in PROGRAMS {
        unwanted(workspace, program.package, program.without, &mut found)?;
    }
    for package in PURE {
        unwanted(workspace, package, &["tokio"], &mut found)?;
    }
    Ok(found)
}

fn unwanted(
    workspace: &Workspace,
    package: &str,
    without: &[&str],
    found: &mut Vec<String>,
) -> Result<()> {
    let tree = output(
        Command::new("cargo")
            .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p} {f}", "--package", package])
            .current_dir(&workspace.root),
    )?;
    if tree
        .lines()
        .next()
        .is_some_and(|own| own.contains(UNCHECKED))
    {
        found.push(format!(
            "{package}: built with the feature {UNCHECKED}, which is for tests"
        ));
    }
    for unwanted in without {
        if tree
            .lines()
            .any(|line| line.split(' ').next() == Some(unwanted))
        {
            found.push(format!(
                "{package}: {unwanted} is linked into it (`cargo tree -p {package} -e normal -i \
                 {unwanted}` says why)"
            ));
        }
    }
    Ok(())
}
