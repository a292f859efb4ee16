//! `lockstep check`.

mod fix;
mod history;
mod report;

use crate::failure::Failure;
use crate::files::{Listed, list};
use crate::identities::{self, Found};
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{Candidate, Checked, Depth, Nested, Overrides, Plan, Policies, check, gather};
use report::{File, is_ours};
use std::path::PathBuf;

/// Check that no Secret is in clear, that encrypted files are to policy, and that nobody changed them.
///
/// Without an identity, what is visible is checked: Secrets that a rule would encrypt, recipients, what
/// is encrypted, and whether there is a MAC and a seal. Files that an identity at hand opens are
/// verified as well, with their MAC and their seal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        lockstep check                everything below the current folder\n  \
        lockstep check --fix db.yaml  what changed since it was sealed; then a new seal")]
pub(crate) struct Arguments {
    /// Files or folders; the current folder if there is none.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Seal files again whose seal is missing or wrong, after showing what changed. Nothing is sealed
    /// whose MAC fails or that is not to policy.
    #[arg(long)]
    fix: bool,

    /// Do not ask before sealing.
    #[arg(short, long, requires = "fix")]
    yes: bool,

    /// How to report. JSON goes to standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// The policy file, instead of the search for `.sops.yaml`. Also SOPS_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// A file with what the policy wants of it, or why it wants nothing.
type Planned = (Candidate, Result<Plan, String>);

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let current = environment::current_folder()?;
    let paths = match arguments.paths.as_slice() {
        [] => vec![PathBuf::from(".")],
        paths => paths.to_vec(),
    };
    let overrides = Overrides {
        config: arguments.config.clone().or_else(environment::config),
        ..Overrides::default()
    };
    let mut policies = Policies::new(overrides, &current);
    let many = list(&paths, Nested::LeaveOut);
    let mut failed = 0_usize;
    for error in many.unreadable {
        failed += 1;
        terminal.fail(&error.into());
    }
    let files = planned(&many.files, &mut policies, &mut failed, terminal);
    for warning in policies.warnings() {
        terminal.warn(warning);
    }
    let found = identities::find();
    found.tell_warnings(terminal);
    let checked = check(&files, &found.identities);
    let left = if arguments.fix {
        fix::run(&files, &checked, arguments.yes, &found, terminal)?
    } else {
        checked
            .iter()
            .filter(|one| !one.findings.is_empty())
            .count()
    };
    tell(arguments, &files, &checked, &found, terminal)?;
    match failed + left {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Failure, "")),
    }
}

fn planned(
    listed: &[Listed],
    policies: &mut Policies,
    failed: &mut usize,
    terminal: Terminal,
) -> Vec<Planned> {
    let paths: Vec<_> = listed.iter().map(|file| file.path.clone()).collect();
    let mut planned = Vec::new();
    for (path, gathered) in paths.iter().zip(gather(&paths)) {
        match gathered {
            Ok(candidate) if is_ours(&candidate) => {
                let plan = policies.plan(path).map_err(|error| error.to_string());
                planned.push((candidate, plan));
            }
            Ok(_) => {}
            Err(error) => {
                *failed += 1;
                terminal.fail(&error.into());
            }
        }
    }
    planned
}

fn tell(
    arguments: &Arguments,
    files: &[Planned],
    checked: &[Checked],
    found: &Found,
    terminal: Terminal,
) -> Result<(), Failure> {
    let report: Vec<_> = files
        .iter()
        .zip(checked)
        .map(|((file, plan), one)| {
            File::of(&file.path, one.depth, &one.findings, plan.as_ref().ok())
        })
        .collect();
    if arguments.format == Format::Json {
        let mut text = serde_json::to_string_pretty(&report)
            .expect("this holds because texts and lists are always JSON");
        text.push('\n');
        return terminal.data(text.as_bytes());
    }
    for line in report.iter().flat_map(File::lines) {
        terminal.say(&line);
    }
    let count = |depth: Depth| checked.iter().filter(|one| one.depth == depth).count();
    let bad = checked
        .iter()
        .filter(|one| !one.findings.is_empty())
        .count();
    let outside = count(Depth::Outside);
    terminal.say(&format!(
        "{} checked, {} verified with a key, {bad} with findings",
        checked.len(),
        count(Depth::Inside)
    ));
    if outside > 0 {
        terminal.hint(&format!(
            "{outside} not opened: no identity at hand is among their recipients, so their MACs and seals were not verified"
        ));
        found.tell_problems(terminal);
    }
    if !arguments.fix
        && checked
            .iter()
            .flat_map(|one| &one.findings)
            .any(|one| one.is_of_the_seal())
    {
        terminal.hint(
            "lockstep check --fix shows what changed since a file was sealed, and seals it again",
        );
    }
    Ok(())
}
