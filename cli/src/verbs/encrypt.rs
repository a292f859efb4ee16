//! `lockstep encrypt`.

mod many;

use crate::failure::Failure;
use crate::files::{Files, Job, Outcome, Sink, Types, deliver, read_standard_input};
use crate::policy_arguments::PolicyArguments;
use crate::terminal::Terminal;
use crate::{Exit, environment};
use lockstep_repo::{
    Change, Coverage, LARGEST_FILE, Plan, Policies, Privacy, RewriteError, SealError, Sealed,
    Shown, read_raw, rewrite,
};
use lockstep_secret::SecretBytes;
use lockstep_sops::Format;
use std::path::Path;

/// Encrypt files, for the recipients and in the way that the policy file says.
///
/// Of a folder, the Kubernetes Secrets that a rule is for are encrypted; other files in it are left
/// alone, and files that are already encrypted are skipped.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        lockstep encrypt -i db-secret.yaml     one file, in place\n  \
        lockstep encrypt -i .                  every Secret below the current folder\n  \
        lockstep encrypt secret.yaml > x.yaml  one file, to standard output")]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    policy: PolicyArguments,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let job = arguments.files.job()?;
    let current = environment::current_folder()?;
    let mut policies = Policies::new(arguments.policy.overrides()?, &current);
    match job {
        Job::One { from, name, to } => {
            let types = arguments.files.types();
            one(
                &mut policies,
                from.as_deref(),
                (&name, types),
                &to,
                terminal,
            )
        }
        Job::Many(files) => many::run(&mut policies, files, terminal),
    }
}

fn one(
    policies: &mut Policies,
    from: Option<&Path>,
    (name, types): (&Path, Types),
    to: &Sink,
    terminal: Terminal,
) -> Result<(), Failure> {
    if name.as_os_str().is_empty() {
        return Err(Failure::new(
            Exit::Conflict,
            "standard input has no name by which to find its rule",
        )
        .hint("add --filename-override NAME"));
    }
    let shown = from.unwrap_or(name);
    // What cannot be read is said before what is wrong with its policy.
    let content = match from {
        Some(path) => read_raw(path, LARGEST_FILE)?.content,
        None => read_standard_input()?,
    };
    let format = types.to_encrypt(name)?;
    let plan = policies
        .plan(name)
        .map_err(|error| Failure::policy(shown, &error))?;
    warn(policies, terminal);
    if matches!(to, Sink::InPlace) {
        drop(content);
        return in_place(shown, format, &plan, terminal);
    }
    let sealed = lockstep_repo::encrypt(content, format, &plan)
        .map_err(|error| Failure::sealing(shown, &error))?;
    deliver(to, sealed.text.as_bytes(), Privacy::AsUsual, terminal)?;
    Done::of(&sealed).warn(shown, terminal);
    Ok(())
}

fn in_place(path: &Path, format: Format, plan: &Plan, terminal: Terminal) -> Result<(), Failure> {
    let work = |_: &&Path, content| seal(content, format, plan);
    for result in rewrite(&[path], |path| path, work) {
        let done = result.map_err(|error| failure_of(path, error))?;
        done.warn(path, terminal);
    }
    if terminal.is_watched() {
        terminal.say(&format!("{}: encrypted {}", Shown(path), for_whom(plan)));
    }
    Ok(())
}

/// What became of a file, and what to look after.
#[derive(Debug, Clone, Copy)]
enum Done {
    Sealed(Coverage, Option<usize>),
    Not(Outcome),
}

impl Done {
    fn of(sealed: &Sealed) -> Self {
        Self::Sealed(sealed.coverage, sealed.copy_in_clear)
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Sealed(..) => Outcome::Done,
            Self::Not(outcome) => outcome,
        }
    }

    fn warn(self, path: &Path, terminal: Terminal) {
        let Self::Sealed(coverage, copy_in_clear) = self else {
            return;
        };
        warn_of_coverage(path, coverage, terminal);
        if let Some(line) = copy_in_clear {
            terminal.warn(&format!(
                "{}: line {line}: last-applied-configuration holds a copy of the object in clear: \
                 remove this annotation, and change the values if the file was ever shared",
                Shown(path)
            ));
        }
    }
}

/// Somebody who encrypts a file hardly means to leave all of it readable.
fn warn_of_coverage(path: &Path, coverage: Coverage, terminal: Terminal) {
    if coverage == Coverage::Nothing {
        terminal.warn(&format!(
            "{}: nothing in it is encrypted: the rule selects none of its values",
            Shown(path)
        ));
    }
}

fn seal(content: SecretBytes, format: Format, plan: &Plan) -> Result<Change<Done>, SealError> {
    let sealed = lockstep_repo::encrypt(content, format, plan)?;
    let done = Done::of(&sealed);
    Ok(Change::Write(
        SecretBytes::new(sealed.text.into_bytes()),
        done,
    ))
}

fn for_whom(plan: &Plan) -> String {
    let recipients = match plan.recipients.len() {
        1 => "for 1 recipient".to_owned(),
        several => format!("for {several} recipients"),
    };
    match &plan.rule {
        Some(rule) => format!(
            "{recipients} (rule {} of {})",
            rule.number,
            Shown(&rule.file)
        ),
        None => recipients,
    }
}

fn failure_of(path: &Path, error: RewriteError<SealError>) -> Failure {
    Failure::rewriting(error, |error| Failure::sealing(path, &error))
}

fn warn(policies: &Policies, terminal: Terminal) {
    for warning in policies.warnings() {
        terminal.warn(warning);
    }
}
