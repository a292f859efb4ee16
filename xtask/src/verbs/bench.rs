//! `cargo xtask bench`: the numbers, from a release build.

use crate::bench::{Origin, Subject, run};
use crate::workspace::Workspace;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measure the operator on a local control plane, and the command line beside the real sops.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure; everything, if not given.
    subject: Option<Subject>,

    /// How many files the command line is measured with.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    files: u16,

    /// Measure the release builds in this folder instead of building them.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,

    /// Form of the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Form of the report.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table for people.
    Text,
    /// Every sample, for programs.
    Json,
}

impl Bench {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let workspace = Workspace::read()?;
        let origin = match self.programs {
            Some(folder) => Origin::Given(folder),
            None => Origin::Built,
        };
        let report = run(&workspace, origin, self.subject, usize::from(self.files))?;
        let mut stdout = std::io::stdout().lock();
        match self.format {
            Format::Text => write!(stdout, "{report}")?,
            Format::Json => writeln!(stdout, "{:#}", report.to_json())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
