//! `lockstep rotate`.

mod report;

use crate::failure::Failure;
use crate::files::{Listed, Many, Origin, list};
use crate::identities::{self, Found};
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{
    Candidate, Examined, Holds, Nested, NotRotated, Overrides, Plan, Policies, examine,
    find_repository, gather,
};
use report::Report;
use std::path::{Path, PathBuf};

/// Bring encrypted files to what the policy file says, with a new data key: all of them or none.
///
/// Each file is opened with the identities at hand, which verifies it, and compared with its rule in
/// .sops.yaml. Who gains and who loses access is listed; nobody gains any without a yes. Every value is
/// then encrypted again under a new data key, also where the recipients stay. A file that is encrypted
/// for somebody whom the policy does not know there is refused, and then no file is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        lockstep rotate shop          every encrypted file in a folder\n  \
        lockstep rotate --dry-run .   what would change, and for whom\n\
        sops's --add-age and --rm-age have no counterpart: recipients come from .sops.yaml.")]
pub(crate) struct Arguments {
    /// Files or folders; the whole repository if there is none.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Do not ask, whoever gains access.
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,

    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to report. JSON goes to standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// The policy file, instead of the search for `.sops.yaml`. Also SOPS_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// As sops spells it; files are always rotated in place.
    #[arg(short, long, hide = true)]
    in_place: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let current = environment::current_folder()?;
    let whole = arguments.paths.is_empty();
    let paths = if whole {
        vec![repository(&current)?]
    } else {
        arguments.paths.clone()
    };
    let overrides = Overrides {
        config: arguments.config.clone().or_else(environment::config),
        ..Overrides::default()
    };
    let mut policies = Policies::new(overrides, &current);
    let found = identities::find();
    let survey = survey(list(&paths, Nested::LeaveOut), &mut policies, &found);
    for warning in policies.warnings() {
        terminal.warn(warning);
    }
    found.tell_warnings(terminal);
    let named = match &paths[..] {
        [path] if !whole && !path.is_dir() => Named::OneFile,
        _ => Named::Several,
    };
    let report = Report::of(&survey.files, found.identities.recipients());
    if !survey.failures.is_empty() {
        return refuse(arguments, survey, &report, named, &found, terminal);
    }
    if arguments.dry_run {
        return report.tell(arguments.format, false, &[], terminal);
    }
    let asks = !arguments.yes && (whole || report.anyone_gains());
    if asks || arguments.format == Format::Text {
        terminal.say(&report.text());
    }
    if asks {
        confirm(whole, survey.files.len(), terminal)?;
    }
    let files = &survey.files;
    let result = lockstep_repo::rotate(files, &found.identities, || {
        policies.check_unchanged().map_err(Stopped::from)
    });
    if let Err(stopped) = result {
        return Err(stopped.told(named, files.len(), terminal));
    }
    if arguments.format == Format::Json {
        return report.tell(arguments.format, true, &[], terminal);
    }
    terminal.say(&format!("{} rotated", count(files.len())));
    report.tell_what_remains(terminal);
    Ok(())
}

/// Whether one file was named: then the exit code says what is the matter with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    OneFile,
    Several,
}

/// Files that can be rotated, and those that cannot.
#[derive(Debug, Default)]
struct Survey {
    files: Vec<Examined>,
    failures: Vec<Failure>,
}

fn survey(many: Many, policies: &mut Policies, found: &Found) -> Survey {
    let mut survey = Survey::default();
    survey
        .failures
        .extend(many.unreadable.into_iter().map(Failure::from));
    let paths: Vec<_> = many.files.iter().map(|file| file.path.clone()).collect();
    let mut planned = Vec::new();
    for (listed, candidate) in many.files.iter().zip(gather(&paths)) {
        let result = candidate.map_err(Failure::from);
        match result.and_then(|candidate| plan(listed, candidate, policies)) {
            Ok(Some(file)) => planned.push(file),
            Ok(None) => {}
            Err(failure) => survey.failures.push(failure),
        }
    }
    for result in examine(planned, &found.identities) {
        match result {
            Ok(examined) => survey.files.push(examined),
            Err(refused) => survey.failures.push(Failure::rotating(refused)),
        }
    }
    survey
}

/// The plan for a file; none for one that was only found and is not encrypted.
fn plan(
    listed: &Listed,
    candidate: Candidate,
    policies: &mut Policies,
) -> Result<Option<(Candidate, Plan)>, Failure> {
    match (listed.origin, candidate.holds) {
        (Origin::Found, Holds::ClearSecret | Holds::Other) => return Ok(None),
        (Origin::Found, Holds::Encrypted | Holds::Unreadable) | (Origin::Named, _) => {}
    }
    match policies.plan(&listed.path) {
        Ok(plan) => Ok(Some((candidate, plan))),
        Err(error) => Err(Failure::policy(&listed.path, &error)),
    }
}

/// The root of the repository, as it is called from the current folder.
fn repository(current: &Path) -> Result<PathBuf, Failure> {
    let Some(root) = find_repository(current) else {
        return Err(
            Failure::new(Exit::Failure, "no path is named, and this is no repository")
                .hint("name the files or folders to rotate"),
        );
    };
    let below = current.strip_prefix(&root).unwrap_or(Path::new(""));
    let up: PathBuf = below.components().map(|_| "..").collect();
    Ok(if up.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        up
    })
}

fn refuse(
    arguments: &Arguments,
    survey: Survey,
    report: &Report,
    named: Named,
    found: &Found,
    terminal: Terminal,
) -> Result<(), Failure> {
    for failure in &survey.failures {
        terminal.fail(failure);
    }
    if survey.failures.iter().any(|one| one.exit == Exit::NoKey) {
        found.tell_problems(terminal);
    }
    let (refused, good) = (survey.failures.len(), survey.files.len());
    terminal.say(&format!(
        "nothing was changed: {refused} of {} cannot be rotated",
        count(refused + good)
    ));
    if arguments.format == Format::Json {
        report.tell(arguments.format, false, &survey.failures, terminal)?;
    }
    let exit = match (named, &survey.failures[..]) {
        (Named::OneFile, [failure]) => failure.exit,
        _ => Exit::Failure,
    };
    Err(Failure::new(exit, ""))
}

fn confirm(whole: bool, files: usize, terminal: Terminal) -> Result<(), Failure> {
    let which = if whole {
        " of the whole repository"
    } else {
        ""
    };
    match terminal.ask(&format!("Rotate {}{which}?", count(files))) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Exit::Unconfirmed, "nothing was changed")),
        None => Err(Failure::new(
            Exit::Unconfirmed,
            "nothing was changed: nobody is there to confirm it",
        )
        .hint("if the list above is as it should be, add --yes")),
    }
}

/// Why nothing was published after all.
enum Stopped {
    Files(NotRotated),
    Policy(lockstep_repo::PolicyError),
}

impl From<NotRotated> for Stopped {
    fn from(not_rotated: NotRotated) -> Self {
        Self::Files(not_rotated)
    }
}

impl From<lockstep_repo::PolicyError> for Stopped {
    fn from(error: lockstep_repo::PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl Stopped {
    fn told(self, named: Named, files: usize, terminal: Terminal) -> Failure {
        let NotRotated { refused, replaced } = match self {
            Self::Files(not_rotated) => not_rotated,
            Self::Policy(error) => {
                let failure = Failure::new(Exit::Failure, format!("nothing was changed: {error}"));
                return match error.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                };
            }
        };
        let failures: Vec<_> = refused.into_iter().map(Failure::rotating).collect();
        for failure in &failures {
            terminal.fail(failure);
        }
        let exit = match (named, &failures[..]) {
            (Named::OneFile, [failure]) => failure.exit,
            _ => Exit::Failure,
        };
        let failed = failures.len();
        if replaced == 0 {
            let told = format!("nothing was changed: {failed} of {} failed", count(files));
            return Failure::new(exit, told);
        }
        let told = format!(
            "{replaced} of {} rotated all the same, and could not be put back or not be flushed to disk",
            count(files)
        );
        Failure::new(Exit::Failure, told)
            .hint("each file is whole, old or new; look at git status, and run this again")
    }
}

fn count(files: usize) -> String {
    match files {
        1 => "1 file".to_owned(),
        several => format!("{several} files"),
    }
}
