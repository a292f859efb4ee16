//! What a Sync reports about keys: which it needs, which are held, and what each opened.

use crate::text::shown;
use kube::KubeSchema;
use lockstep_names::RepoPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many recipients are listed on each side.
const RECIPIENTS: usize = 50;

/// How many files are listed that one recipient opened.
const OPENED: usize = 10;

/// Which keys a revision needs, and which are held. Only public halves.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipientReport {
    /// The recipients the encrypted files name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub needed: Vec<String>,

    /// The recipients the Team holds the identities of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub held: Vec<String>,

    /// The recipients whose identities the Team held before, and does not now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub held_before: Vec<String>,

    /// Which of the held ones opened how many files. Of several keys that could open a file, the one does that
    /// `spec.keys` of the Team lists first: what a key still opens when it is listed last would be lost
    /// with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub opened: Vec<OpenedBy>,
}

/// What the identity of one recipient opened.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenedBy {
    /// The recipient.
    pub recipient: String,

    /// How many files.
    pub files: i64,

    /// Their paths, at most 10.
    pub paths: Vec<String>,
}

impl RecipientReport {
    /// Sorted, each once, and at most 50 on each side. `opened` are files, sorted, each with the
    /// recipient whose identity opened it.
    #[must_use]
    pub fn new<'a>(
        needed: impl IntoIterator<Item = String>,
        held: impl IntoIterator<Item = String>,
        opened: impl IntoIterator<Item = (&'a RepoPath, &'a str)>,
    ) -> Self {
        fn list(recipients: impl IntoIterator<Item = String>) -> Vec<String> {
            let mut list: Vec<_> = recipients.into_iter().map(|text| shown(&text)).collect();
            list.sort_unstable();
            list.dedup();
            list.truncate(RECIPIENTS);
            list
        }
        Self {
            needed: list(needed),
            held: list(held),
            held_before: Vec::new(),
            opened: by_recipient(opened),
        }
    }

    /// Remembers what the `earlier` report says was held, now or before, at most 50.
    #[must_use]
    pub fn after(mut self, earlier: Option<&Self>) -> Self {
        let all = earlier
            .into_iter()
            .flat_map(|report| report.held_before.iter().chain(&report.held));
        for recipient in all {
            let known = self.held.contains(recipient) || self.held_before.contains(recipient);
            if !known && self.held_before.len() < RECIPIENTS {
                self.held_before.push(recipient.clone());
            }
        }
        self
    }
}

fn by_recipient<'a>(opened: impl IntoIterator<Item = (&'a RepoPath, &'a str)>) -> Vec<OpenedBy> {
    let mut all = BTreeMap::<&str, OpenedBy>::new();
    for (path, recipient) in opened {
        let one = all.entry(recipient).or_insert_with(|| OpenedBy {
            recipient: shown(recipient),
            files: 0,
            paths: Vec::new(),
        });
        one.files += 1;
        if one.paths.len() < OPENED {
            one.paths.push(shown(path.as_str()));
        }
    }
    all.into_values().take(RECIPIENTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_say_how_many_files_they_opened_and_name_a_few() {
        let paths: Vec<RepoPath> = (0..30)
            .map(|number| format!("file-{number:03}.yaml").parse().unwrap())
            .collect();
        let by = |number: usize| if number == 7 { "age1old" } else { "age1new" };
        let opened = paths.iter().enumerate().map(|(n, path)| (path, by(n)));
        let report = RecipientReport::new([], [], opened);
        let told: Vec<_> = report
            .opened
            .iter()
            .map(|one| (one.recipient.as_str(), one.files, one.paths.len()))
            .collect();
        assert_eq!(told, [("age1new", 29, 10), ("age1old", 1, 1)]);
        assert_eq!(report.opened[1].paths, ["file-007.yaml"]);
    }

    #[test]
    fn what_was_held_before_is_remembered_until_it_is_held_again() {
        let report = |held: &[&str], earlier: Option<&RecipientReport>| {
            let held = held.iter().map(|one| (*one).to_owned());
            RecipientReport::new([], held, []).after(earlier)
        };
        let first = report(&["age1a", "age1b"], None);
        let second = report(&["age1b"], Some(&first));
        let third = report(&["age1c"], Some(&second));
        assert_eq!(third.held_before, ["age1a", "age1b"]);
        assert_eq!(
            report(&["age1a"], Some(&third)).held_before,
            ["age1b", "age1c"]
        );
    }
}
