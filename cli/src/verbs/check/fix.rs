//! `lockstep check --fix`: shows what changed since a file was sealed, and seals it again.

use super::{Planned, history};
use crate::Exit;
use crate::failure::{Failure, chain};
use crate::identities::Found;
use crate::terminal::Terminal;
use lockstep_repo::{Candidate, Checked, Depth, Finding, Shown, changes_since, seal_again};

/// Seals what can be sealed; gives how many files are left with findings.
pub(super) fn run(
    files: &[Planned],
    checked: &[Checked],
    yes: bool,
    found: &Found,
    terminal: Terminal,
) -> Result<usize, Failure> {
    let mut left = 0;
    let mut sealable = Vec::new();
    for ((file, plan), one) in files.iter().zip(checked) {
        let only_seal = one.findings.iter().all(Finding::is_of_the_seal);
        match plan {
            _ if one.findings.is_empty() => {}
            Ok(plan) if only_seal && one.depth == Depth::Inside => {
                show(file, found, terminal);
                sealable.push((file, plan));
            }
            _ => left += 1,
        }
    }
    if sealable.is_empty() {
        return Ok(left);
    }
    if !yes {
        let answer = terminal.ask(&format!("Seal {} as they are now?", sealable.len()));
        if answer != Some(true) {
            return Err(Failure::new(Exit::Unconfirmed, "nothing was sealed")
                .hint("if the list above is as it should be, add --yes"));
        }
    }
    for (file, plan) in sealable {
        match seal_again(file, plan, &found.identities) {
            Ok(()) => terminal.say(&format!("{}: sealed", Shown(&file.path))),
            Err(refusal) => {
                left += 1;
                let message = format!("{}: not sealed: {}", Shown(&file.path), chain(&refusal));
                terminal.fail(&Failure::new(Exit::Failure, message));
            }
        }
    }
    Ok(left)
}

/// Lists what differs from the newest version in Git whose seal is good: places, never values.
fn show(file: &Candidate, found: &Found, terminal: Terminal) {
    let path = Shown(&file.path);
    for version in history::versions(&file.path) {
        let Ok(Some(changes)) = changes_since(file, version.content, &found.identities) else {
            continue;
        };
        let commit = version.commit.get(..12).unwrap_or(&version.commit);
        if changes.is_empty() {
            terminal.say(&format!(
                "{path}: says what it said when it was sealed, in {commit}"
            ));
        }
        for change in changes {
            terminal.say(&format!("{path}: since {commit}: {change}"));
        }
        return;
    }
    terminal.say(&format!(
        "{path}: Git has no sealed version of it to compare with: look at all of it"
    ));
}
