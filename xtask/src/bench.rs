//! The numbers: what the operator and the command line cost, on this machine, in a release build.

mod beside;
mod comparison;
mod machine;
mod manifests;
mod metrics;
mod operator;
mod process;
mod report;
mod sops;
mod stopwatch;

pub(crate) use manifests::Folder;
pub(crate) use report::Report;

use crate::programs::{self, Profile};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use lockstep_testbed::{Tool, tool, use_binaries_in};
use machine::Machine;
use std::io::Write as _;
use std::path::PathBuf;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Subject {
    /// The operator, on a real API server and a real Git server, and beside Flux's.
    Operator,
    /// The command line, beside the real sops.
    Sops,
}

/// Where the measured programs come from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// This checkout, as a release build.
    Built,
    /// A folder with both of them.
    Given(PathBuf),
}

/// Gets the programs, then measures `subject`, or everything; the operator on `folder`, the command
/// line on `files` files.
pub(crate) fn run(
    workspace: &Workspace,
    origin: Origin,
    subject: Option<Subject>,
    folder: Folder,
    files: usize,
) -> Result<Report> {
    if let Origin::Given(folder) = &origin {
        use_binaries_in(folder.canonicalize().context("looking for the programs")?);
    } else {
        programs::build(workspace, Profile::Release)?;
    }
    for each in Tool::ALL {
        tool(each)?;
    }
    let wanted = |one| subject.is_none_or(|subject| subject == one);
    if wanted(Subject::Operator) {
        tool(Tool::KustomizeController)?;
    }
    let machine = Machine::look(workspace, &origin)?;
    let (mut sections, mut comparisons) = (Vec::new(), Vec::new());
    if wanted(Subject::Operator) {
        sections.push(operator::measure(folder)?);
        comparisons.push(beside::measure(folder)?);
    }
    if wanted(Subject::Sops) {
        sections.push(sops::measure(workspace, files)?);
    }
    Ok(Report {
        machine,
        sections,
        comparisons,
    })
}

/// Says on standard error what is going on, so that standard output is the report alone.
fn progress(text: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{text}").context("writing progress")
}
