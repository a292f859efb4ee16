//! `cargo xtask bench`: the numbers, from a release build.

use crate::bench::{Folder, Origin, Subject, run};
use crate::workspace::Workspace;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measure the operator on a local control plane beside Flux's kustomize-controller, and the command
/// line beside the real sops.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure; everything, if not given.
    subject: Option<Subject>,

    /// How many objects the operator is measured with.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(60..), value_name = "N")]
    objects: u16,

    /// How many of them are encrypted Secrets.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(12..), value_name = "N")]
    encrypted: u16,

    /// How many files the command line is measured with.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
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
        let folder = Folder::new(self.objects.into(), self.encrypted.into())?;
        let report = run(&workspace, origin, self.subject, folder, self.files.into())?;
        let mut stdout = std::io::stdout().lock();
        match self.format {
            Format::Text => write!(stdout, "{report}")?,
            Format::Json => writeln!(stdout, "{:#}", report.to_json())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
