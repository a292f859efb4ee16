//! Whose file it is, and who is known there: what tells a file that somebody left from one that
//! somebody planted.

use super::{PolicyError, PolicyFile};
use crate::Shown;
use lockstep_rules::{Names, RecipientText};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Whose file it is.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The team, if the policy file has one for this path.
    pub team: Option<String>,
    /// Whom the policy file knows for this path: the rule's recipients, the team's, and former ones, by
    /// their names as they are compared.
    pub known: BTreeSet<String>,
    /// What recipients are called.
    pub names: Arc<Names>,
}

impl Standing {
    /// Looks at what `guard` says about `target`, as the file is called there, whose rule, the `rule`-th
    /// of `file`, names `recipients`.
    pub(super) fn of(
        target: &str,
        guard: &PolicyFile,
        file: &PolicyFile,
        rule: usize,
        recipients: &[RecipientText],
    ) -> Result<Self, PolicyError> {
        if guard.path != file.path && !file.rules.teams().is_empty() {
            return Err(PolicyError::NestedTeams {
                policy: file.path.clone(),
                guard: guard.path.clone(),
            });
        }
        let teams = guard.rules.teams();
        let team = teams.team_of(target);
        let former = team.map_or(teams.former(), |team| team.former());
        let members = team.map_or(&[][..], |team| team.recipients());
        let who = |one: &RecipientText| shown(&guard.names, &one.text);
        for one in recipients {
            if former.iter().any(|left| left.name() == one.name()) {
                return Err(PolicyError::Former {
                    policy: file.path.clone(),
                    line: one.line,
                    rule,
                    who: who(one),
                });
            }
            if let Some(team) = team
                && !members.is_empty()
                && members.iter().all(|member| member.name() != one.name())
            {
                return Err(PolicyError::NotOfTeam {
                    policy: file.path.clone(),
                    line: one.line,
                    rule,
                    who: who(one),
                    team: team.name().to_owned(),
                });
            }
        }
        let known = recipients.iter().chain(members).chain(former);
        Ok(Self {
            team: team.map(|team| team.name().to_owned()),
            known: known.map(RecipientText::name).collect(),
            names: Arc::clone(&guard.names),
        })
    }
}

impl Standing {
    /// A recipient for people: its name, if it has one, and itself, escaped and cut, for a file may name
    /// anything.
    #[must_use]
    pub fn show(&self, recipient: &str) -> String {
        shown(&self.names, recipient)
    }

    /// Several recipients for people. A hostile file names thousands; ten are listed.
    #[must_use]
    pub fn show_all(&self, recipients: &[String]) -> String {
        const LISTED: usize = 10;
        let listed: Vec<_> = recipients
            .iter()
            .take(LISTED)
            .map(|one| self.show(one))
            .collect();
        let mut text = listed.join(", ");
        if recipients.len() > LISTED {
            text.push_str(&format!(" and {} more", recipients.len() - LISTED));
        }
        text
    }
}

fn shown(names: &Names, recipient: &str) -> String {
    const LONGEST: usize = 80;
    if let Some(name) = names.name_of(recipient) {
        return format!("{name} ({recipient})");
    }
    let cut: String = recipient.chars().take(LONGEST).collect();
    let more = if cut.len() < recipient.len() {
        "…"
    } else {
        ""
    };
    format!("{}{more}", Shown(Path::new(&cut)))
}
