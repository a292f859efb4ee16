//! `lockstep encrypt` of several files and of folders.

use super::{Done, failure_of, seal, warn};
use crate::failure::Failure;
use crate::files::{Listed, Many, Origin, Outcome, Tally};
use crate::terminal::Terminal;
use lockstep_repo::{
    Change, Holds, Plan, Policies, PolicyError, Shown, format_of, look_at, look_into, rewrite,
};

pub(super) fn run(policies: &mut Policies, many: Many, terminal: Terminal) -> Result<(), Failure> {
    let mut tally = Tally::of(many.unreadable, terminal);
    let mut work = Vec::new();
    for file in many.files {
        match plan(policies, &file, terminal) {
            Ok(Some(plan)) => work.push((file, plan)),
            Ok(None) => tally.count(Outcome::LeftAlone),
            Err(failure) => tally.fail(&failure, terminal),
        }
    }
    warn(policies, terminal);
    let results = rewrite(
        &work,
        |(file, _)| file.path.as_path(),
        |(file, plan), content| match (look_at(&content, format_of(&file.path)), file.origin) {
            (Holds::Encrypted, _) => Ok(Change::Leave(Done::Not(Outcome::Skipped))),
            (Holds::Other, Origin::Found) => Ok(Change::Leave(Done::Not(Outcome::LeftAlone))),
            (Holds::ClearSecret | Holds::Unreadable, _) | (Holds::Other, Origin::Named) => {
                seal(content, format_of(&file.path), plan)
            }
        },
    );
    for ((file, _), result) in work.iter().zip(results) {
        match result {
            Ok(done) => {
                tally.count(done.outcome());
                done.warn(&file.path, terminal);
            }
            Err(error) => tally.fail(&failure_of(&file.path, error), terminal),
        }
    }
    tally.finish("encrypted", terminal)
}

/// The plan for one of many files; none if it was only found in a folder and no policy is for it.
fn plan(
    policies: &mut Policies,
    file: &Listed,
    terminal: Terminal,
) -> Result<Option<Plan>, Failure> {
    let error = match policies.plan(&file.path) {
        Ok(plan) => return Ok(Some(plan)),
        Err(error) => error,
    };
    if file.origin == Origin::Found {
        match look_into(&file.path) {
            Ok(Holds::ClearSecret | Holds::Unreadable) => {}
            Ok(Holds::Encrypted | Holds::Other) | Err(_) => return Ok(None),
        }
        if matches!(error, PolicyError::NoMatch { .. }) {
            terminal.warn(&format!(
                "{}: holds a Secret in clear, and {error}",
                Shown(&file.path)
            ));
            return Ok(None);
        }
    }
    Err(Failure::policy(&file.path, &error))
}
