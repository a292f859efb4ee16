//! `lockstep updatekeys`.

use crate::failure::Failure;
use crate::identities::{self, Found};
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{Examined, Overrides, Policies, Shown, examine, format_of, gather, rewrap};
use lockstep_sops::Format;
use std::path::{Path, PathBuf};

/// Bring a file's recipients to what the policy file says, under the data key it has.
///
/// Who gains and who loses access is listed and confirmed. Values, MAC and time stay as they are. Whoever
/// loses access could still open what the file will hold later, with the data key: rotate makes a new one.
/// What rotate refuses is refused here, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The encrypted files; they are changed in place.
    files: Vec<PathBuf>,

    /// Do not ask.
    #[arg(short, long)]
    yes: bool,

    /// The policy file, instead of the search for `.sops.yaml`. Also SOPS_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    if arguments.files.is_empty() {
        return Err(Failure::new(Exit::NoFile, "no file is named"));
    }
    let overrides = Overrides {
        config: arguments.config.clone().or_else(environment::config),
        ..Overrides::default()
    };
    let mut policies = Policies::new(overrides, &environment::current_folder()?);
    let found = identities::find();
    let mut failures = Vec::new();
    for file in &arguments.files {
        if let Err(failure) = update(file, arguments, &mut policies, &found, terminal) {
            terminal.fail(&failure);
            if failure.exit == Exit::NoKey {
                found.tell_problems(terminal);
            }
            failures.push(failure.exit);
        }
    }
    for warning in policies.warnings() {
        terminal.warn(warning);
    }
    match (&failures[..], arguments.files.len()) {
        ([], _) => Ok(()),
        ([exit], 1) => Err(Failure::new(*exit, "")),
        _ => Err(Failure::new(Exit::Failure, "")),
    }
}

fn update(
    file: &Path,
    arguments: &Arguments,
    policies: &mut Policies,
    found: &Found,
    terminal: Terminal,
) -> Result<(), Failure> {
    let failed = |message: &str| Failure::new(Exit::Failure, format!("{}: {message}", Shown(file)));
    if file.is_dir() {
        return Err(failed("this is a folder").hint("lockstep rotate takes folders"));
    }
    let gathered = gather(&[file.to_owned()]).pop();
    let candidate = gathered
        .expect("this holds because one path was given")
        // sops has no code of its own for a file that is not there, here.
        .map_err(|error| {
            let failure = Failure::from(error);
            let exit = Exit::Failure;
            Failure { exit, ..failure }
        })?;
    if format_of(file) != Format::Yaml {
        return Err(failed("only YAML files for now")
            .hint("lockstep rotate changes the recipients, with a new data key"));
    }
    let plan = policies.plan(file);
    let plan = plan.map_err(|error| Failure::policy(file, &error))?;
    let examined = examine(vec![(candidate, plan)], &found.identities).pop();
    let examined = examined
        .expect("this holds because one file was given")
        .map_err(Failure::rotating)?;
    if examined.gains.is_empty() && examined.loses.is_empty() {
        terminal.say(&format!("{}: already up to date", Shown(file)));
        return Ok(());
    }
    terminal.say(&changes(&examined));
    if !arguments.yes {
        confirm(file, terminal)?;
    }
    policies
        .check_unchanged()
        .map_err(|error| Failure::policy(file, &error))?;
    rewrap(&examined, &found.identities).map_err(|refused| Failure::rotating(*refused))?;
    terminal.say(&format!("{}: updated", Shown(file)));
    if !examined.loses.is_empty() {
        terminal.hint(
            "the data key stays, so that whoever lost access could still use it: lockstep rotate makes a new one",
        );
    }
    Ok(())
}

/// Who gains and who loses, exactly.
fn changes(file: &Examined) -> String {
    let standing = &file.plan.standing;
    let shown = Shown(&file.path);
    let gains = file.gains.iter().map(|who| ("gains", who));
    let loses = file.loses.iter().map(|who| ("loses", who));
    let lines: Vec<_> = gains
        .chain(loses)
        .map(|(what, who)| format!("{shown}: {} {what} access", standing.show(who)))
        .collect();
    lines.join("\n")
}

fn confirm(file: &Path, terminal: Terminal) -> Result<(), Failure> {
    let unconfirmed =
        |message: &str| Failure::new(Exit::Unconfirmed, format!("{}: {message}", Shown(file)));
    match terminal.ask("Is this okay?") {
        Some(true) => Ok(()),
        Some(false) => Err(unconfirmed("left unchanged")),
        None => Err(unconfirmed("left unchanged: nobody is there to confirm it")
            .hint("if this is as it should be, add --yes")),
    }
}
