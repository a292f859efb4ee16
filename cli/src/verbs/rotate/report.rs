//! What a rotation changes, for people and for programs.

use super::{Format, count};
use crate::failure::Failure;
use crate::terminal::Terminal;
use lockstep_age::Recipient;
use lockstep_repo::{Examined, Held, Shown};
use serde::Serialize;
use std::collections::BTreeMap;

/// What becomes of every file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    files: Vec<File>,
    /// Files that nobody at hand could open afterwards.
    #[serde(skip)]
    locked_out: usize,
}

#[derive(Debug, Serialize)]
struct File {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    gains: Vec<Person>,
    loses: Vec<Person>,
    /// Whether it keeps a selection of its own, which encrypts more than the policy asks for.
    keeps_selection: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    recipient: String,
    /// Both, as people read them: who gains access must be known exactly.
    #[serde(skip)]
    exactly: String,
}

impl Person {
    /// What they are called.
    fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.exactly)
    }
}

/// The report as a whole, for programs.
#[derive(Serialize)]
struct Document<'a> {
    rotated: bool,
    files: &'a [File],
    refused: Vec<&'a str>,
}

impl Report {
    pub(super) fn of<'a>(
        files: &[Examined],
        held: impl Iterator<Item = (&'a Recipient, &'a str)>,
    ) -> Self {
        let held: Vec<_> = held.map(|(recipient, _)| recipient).collect();
        let stays = |file: &Examined| {
            let mut recipients = file.plan.recipients.iter();
            recipients.any(|one| held.contains(&one) || *one == file.opened_by)
        };
        Self {
            locked_out: files.iter().filter(|file| !stays(file)).count(),
            files: files.iter().map(File::of).collect(),
        }
    }

    pub(super) fn anyone_gains(&self) -> bool {
        self.files.iter().any(|file| !file.gains.is_empty())
    }

    /// The report in lines.
    pub(super) fn text(&self) -> String {
        let (quiet, mut listed): (Vec<_>, Vec<_>) =
            self.files.iter().partition(|file| file.is_quiet());
        if quiet.len() <= LISTED {
            listed = self.files.iter().collect();
        }
        let mut lines: Vec<_> = listed.iter().map(|file| file.line()).collect();
        if listed.len() < self.files.len() {
            lines.push(format!("{}: recipients stay", count(quiet.len())));
        }
        lines.push(format!("{}: new data key", count(self.files.len())));
        for (who, files) in tally(&self.files, |file| &file.gains) {
            lines.push(format!("{who} gains access to {}", count(files)));
        }
        for (who, files) in tally(&self.files, |file| &file.loses) {
            lines.push(format!("{who} loses access to {}", count(files)));
        }
        if self.locked_out > 0 {
            lines.push(format!(
                "no identity at hand opens {} afterwards",
                count(self.locked_out)
            ));
        }
        lines.join("\n")
    }

    /// Gives the report as data.
    pub(super) fn tell(
        &self,
        format: Format,
        rotated: bool,
        refused: &[Failure],
        terminal: Terminal,
    ) -> Result<(), Failure> {
        let mut text = match format {
            Format::Text => self.text(),
            Format::Json => {
                let document = Document {
                    rotated,
                    files: &self.files,
                    refused: refused.iter().map(|one| one.message.as_str()).collect(),
                };
                serde_json::to_string_pretty(&document)
                    .expect("this holds because texts and lists are always JSON")
            }
        };
        text.push('\n');
        terminal.data(text.as_bytes())
    }

    /// Who lost access keeps what they have.
    pub(super) fn tell_what_remains(&self, terminal: Terminal) {
        let losers = tally(&self.files, |file| &file.loses);
        if losers.is_empty() {
            return;
        }
        let who: Vec<_> = losers.into_keys().collect();
        terminal.hint(&format!(
            "what {} could read stays readable for them in the Git history: change those values at their source",
            who.join(" and ")
        ));
    }
}

/// More files of which there is nothing to say are only counted.
const LISTED: usize = 10;

impl File {
    /// Whether there is nothing to say of it but that it gets a new data key.
    fn is_quiet(&self) -> bool {
        self.gains.is_empty() && self.loses.is_empty() && !self.keeps_selection
    }

    fn of(file: &Examined) -> Self {
        let standing = &file.plan.standing;
        let people = |recipients: &[String]| {
            let person = |recipient: &String| Person {
                name: standing.names.name_of(recipient).map(str::to_owned),
                recipient: recipient.clone(),
                exactly: standing.show(recipient),
            };
            recipients.iter().map(person).collect()
        };
        Self {
            path: Shown(&file.path).to_string(),
            team: standing.team.clone(),
            gains: people(&file.gains),
            loses: people(&file.loses),
            keeps_selection: file.held == Held::Own,
        }
    }

    fn line(&self) -> String {
        let joined = |people: &[Person]| {
            let names: Vec<_> = people.iter().map(Person::called).collect();
            names.join(", ")
        };
        let mut parts = Vec::new();
        if !self.gains.is_empty() {
            parts.push(format!("gained by {}", joined(&self.gains)));
        }
        if !self.loses.is_empty() {
            parts.push(format!("lost by {}", joined(&self.loses)));
        }
        if parts.is_empty() {
            parts.push("recipients stay".to_owned());
        }
        if self.keeps_selection {
            parts.push("it keeps encrypting more than the rule asks for".to_owned());
        }
        let team = self.team.as_ref();
        let team = team.map_or(String::new(), |team| format!(" (team {team})"));
        format!("{}{team}: {}", self.path, parts.join("; "))
    }
}

/// How many files each person is named in.
fn tally(files: &[File], people: impl Fn(&File) -> &[Person]) -> BTreeMap<&str, usize> {
    let mut tally = BTreeMap::new();
    for person in files.iter().flat_map(people) {
        *tally.entry(person.exactly.as_str()).or_default() += 1;
    }
    tally
}
