//! What a policy file says under `lockstep:`, for which SOPS has no words: which files are which
//! team's, who may read them, and who could once. sops ignores it.

use crate::error::{RulesError, TeamProblem};
use crate::raw;
use crate::readers::add_texts;
use crate::rules::RecipientText;

/// The teams of one policy file, and who left where there are none.
#[derive(Debug, Default)]
pub struct Teams {
    teams: Vec<Team>,
    former: Vec<RecipientText>,
}

/// One team.
#[derive(Debug)]
pub struct Team {
    name: String,
    line: u64,
    paths: Vec<String>,
    recipients: Vec<RecipientText>,
    former: Vec<RecipientText>,
}

impl Teams {
    pub(crate) fn new(raw: Option<raw::Lockstep>) -> Result<Self, RulesError> {
        let Some(raw) = raw else {
            return Ok(Self::default());
        };
        let mut teams = Vec::new();
        for (name, team) in raw.teams.unwrap_or_default() {
            let team = Team::new(name, team)?;
            check_apart(&team, &teams)?;
            teams.push(team);
        }
        Ok(Self {
            teams,
            former: texts(0, raw.former.as_ref()),
        })
    }

    /// Whether the policy file says nothing of teams and of who left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.teams.is_empty() && self.former.is_empty()
    }

    /// The team that a file belongs to, by its path below the policy file's folder.
    #[must_use]
    pub fn team_of(&self, path: &str) -> Option<&Team> {
        self.teams
            .iter()
            .find(|team| team.paths.iter().any(|folder| lies_in(path, folder)))
    }

    /// Who could once read the files that belong to no team.
    #[must_use]
    pub fn former(&self) -> &[RecipientText] {
        &self.former
    }
}

impl Team {
    fn new(name: String, raw: serde_saphyr::Spanned<raw::Team>) -> Result<Self, RulesError> {
        let line = raw.referenced.line();
        let raw = raw.value;
        let failed = |problem| RulesError::Team {
            line,
            team: name.clone(),
            problem,
        };
        if !is_kubernetes_name(&name) {
            return Err(failed(TeamProblem::Name));
        }
        let namespaces = raw.namespaces.map(|texts| texts.0).unwrap_or_default();
        if let Some((_, namespace)) = namespaces.iter().find(|(_, one)| !is_kubernetes_name(one)) {
            return Err(failed(TeamProblem::Namespace(namespace.clone())));
        }
        let paths =
            raw.paths.0.into_iter().map(|(_, path)| {
                clean(&path).ok_or_else(|| failed(TeamProblem::Path(path.clone())))
            });
        let paths: Vec<_> = paths.collect::<Result<_, _>>()?;
        if paths.is_empty() {
            return Err(failed(TeamProblem::NoPath));
        }
        let recipients = texts(line, raw.recipients.as_ref());
        let former = texts(line, raw.former.as_ref());
        if let Some(both) = former
            .iter()
            .find(|one| recipients.iter().any(|other| other.is(one)))
        {
            return Err(failed(TeamProblem::StillThere { line: both.line }));
        }
        Ok(Self {
            name,
            line,
            paths,
            recipients,
            former,
        })
    }

    /// Its name, which is also that of its Team in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who may read its files; if nobody is named, whoever the rules name.
    #[must_use]
    pub fn recipients(&self) -> &[RecipientText] {
        &self.recipients
    }

    /// Who could once read its files and is to lose them.
    #[must_use]
    pub fn former(&self) -> &[RecipientText] {
        &self.former
    }
}

/// Refuses a team with a path in another team's, or around it: a file belongs to one team.
fn check_apart(team: &Team, others: &[Team]) -> Result<(), RulesError> {
    for other in others {
        for path in &team.paths {
            let meets = |theirs: &String| lies_in(path, theirs) || lies_in(theirs, path);
            if other.paths.iter().any(meets) {
                return Err(RulesError::Team {
                    line: team.line,
                    team: team.name.clone(),
                    problem: TeamProblem::Shared {
                        path: path.clone(),
                        other: other.name.clone(),
                    },
                });
            }
        }
    }
    Ok(())
}

/// Whether `path` is `folder` or lies in it; the empty folder holds everything below the policy file.
fn lies_in(path: &str, folder: &str) -> bool {
    if folder.is_empty() {
        return !path.starts_with('/');
    }
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path as files are called in rules, without a slash at its end; `None` for one that could be
/// taken for more or less than it says.
fn clean(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path == "." {
        return Some(String::new());
    }
    let plain = !path.contains(['*', '?', '[', '\\', '^', '$'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    plain.then(|| path.to_owned())
}

/// What Kubernetes takes for the name of a namespace.
fn is_kubernetes_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn texts(line: u64, raw: Option<&raw::Texts>) -> Vec<RecipientText> {
    let mut found = Vec::new();
    add_texts(line, raw, &mut found);
    found
}
