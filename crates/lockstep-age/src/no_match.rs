//! What is said when none of the identities at hand opens a file.

use crate::identities::Held;
use crate::{Recipient, Unusable};
use lockstep_sops::Metadata;
use std::fmt::Write as _;
use std::sync::Arc;

/// What a file wants and what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoMatch {
    /// The age recipients that the file names.
    pub wants: Vec<String>,
    /// Keys of other kinds that could open it: how many of which.
    pub wants_others: Vec<(String, usize)>,
    /// The public halves at hand, each with where its identity came from.
    pub held: Vec<(Recipient, String)>,
    /// What was found and is of a kind that is not supported.
    pub unusable: Vec<Unusable>,
    /// How the data key is split, if it is; then `wants` is what the groups want that do not open.
    pub split: Option<Split>,
}

/// A data key that is split over key groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// How many groups there are.
    pub groups: usize,
    /// How many of them are needed.
    pub needed: usize,
    /// How many of them open.
    pub opened: usize,
}

impl NoMatch {
    pub(crate) fn new(metadata: &Metadata, tried: &[Arc<Held>], unusable: Vec<Unusable>) -> Self {
        let wants = metadata
            .age()
            .iter()
            .map(|entry| entry.recipient.trim().to_owned())
            .collect();
        let others = metadata
            .other_keys()
            .iter()
            .map(|keys| (keys.kind.clone(), keys.count));
        let mut held = Vec::<(Recipient, String)>::new();
        for one in tried {
            // One identity is often found in two places.
            if held.iter().all(|(known, _)| known != &one.recipient) {
                held.push((one.recipient.clone(), one.origin.clone()));
            }
        }
        Self {
            wants,
            wants_others: others.collect(),
            held,
            unusable,
            split: None,
        }
    }

    /// Says that the data key is split, and that the groups at `missing` do not open.
    pub(crate) fn split_over(&mut self, metadata: &Metadata, missing: &[usize]) {
        let groups = metadata.groups().enumerate();
        let closed = groups.filter(|(index, _)| missing.contains(index));
        let wants = closed.flat_map(|(_, entries)| entries);
        self.wants = wants
            .map(|entry| entry.recipient.trim().to_owned())
            .collect();
        self.split = Some(Split {
            groups: metadata.key_groups(),
            needed: metadata.threshold(),
            opened: metadata.key_groups() - missing.len(),
        });
    }

    /// Where identities are to be put is for the program to say.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = if self.wants.is_empty() {
            "only age keys are supported: have an age recipient added to the file"
        } else if self.held.is_empty() {
            return None;
        } else {
            "have somebody who can open the file encrypt it for a recipient that is held, too"
        };
        Some(hint.to_owned())
    }
}

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut wants: Vec<String> = self.wants.iter().map(|text| shown(text)).collect();
        wants.extend(
            self.wants_others
                .iter()
                .map(|(kind, count)| format!("{count} {kind}")),
        );
        if let Some(split) = self.split {
            let Split {
                groups,
                needed,
                opened,
            } = split;
            write!(
                f,
                "of its {groups} key groups {needed} are needed, and {opened} open; the others want {}",
                one_of(&wants)
            )?;
        } else {
            let wants = one_of(&wants);
            write!(f, "no identity at hand opens it; it wants {wants}")?;
        }
        let held: Vec<String> = self
            .held
            .iter()
            .map(|(held, origin)| format!("{held} ({origin})"))
            .collect();
        if held.is_empty() {
            f.write_str("; none is held")?;
        } else {
            write!(f, "; held: {}", held.join(", "))?;
        }
        for unusable in &self.unusable {
            write!(
                f,
                "; {}, line {}: {}",
                unusable.origin, unusable.line, unusable.why
            )?;
        }
        Ok(())
    }
}

/// A hostile file names thousands; this many are listed.
const LISTED: usize = 10;

fn one_of(names: &[String]) -> String {
    match names {
        [] => "no key at all".to_owned(),
        [one] => one.clone(),
        several if several.len() <= LISTED => format!("one of {}", several.join(", ")),
        several => {
            let (listed, rest) = several.split_at(LISTED);
            format!("one of {} and {} more", listed.join(", "), rest.len())
        }
    }
}

/// A recipient as an untrusted file names it: escaped and cut.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (position, character) in text.chars().enumerate() {
        if position == 80 {
            shown.push('…');
            break;
        }
        if character.is_control() {
            write!(shown, "{}", character.escape_unicode())
                .expect("this holds because writing to a String cannot fail");
        } else {
            shown.push(character);
        }
    }
    shown
}
