//! What was found, for people and for programs.

use lockstep_repo::{Candidate, Depth, Finding, Plan};
use serde::Serialize;
use std::path::Path;

/// A file of the report.
#[derive(Serialize)]
pub(super) struct File {
    path: String,
    /// Whether the MAC and the seal were looked at.
    verified: bool,
    findings: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    name: &'static str,
    message: String,
}

impl File {
    pub(super) fn of(path: &Path, depth: Depth, findings: &[Finding], plan: Option<&Plan>) -> Self {
        let tell = |finding: &Finding| Told {
            name: finding.name(),
            message: message(finding, plan),
        };
        Self {
            path: lockstep_repo::Shown(path).to_string(),
            verified: depth == Depth::Inside,
            findings: findings.iter().map(tell).collect(),
        }
    }

    /// Its findings in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let told = self.findings.iter();
        told.map(|told| format!("{}: {}: {}", self.path, told.name, told.message))
            .collect()
    }
}

/// What a finding says; never a value.
fn message(finding: &Finding, plan: Option<&Plan>) -> String {
    let people = |recipients: &[String]| match plan {
        Some(plan) => plan.standing.show_all(recipients),
        None => recipients.join(", "),
    };
    let team = |team: &Option<String>| match team {
        Some(team) => format!("team {team}"),
        None => "no team".to_owned(),
    };
    match finding {
        Finding::InClear => "a Secret stands in clear, and a rule is for it".to_owned(),
        Finding::NoPolicy(why) => why.clone(),
        Finding::Unreadable => {
            "it looks like a Secret or an encrypted file, and cannot be read".to_owned()
        }
        Finding::Refused(refusal) => crate::failure::chain(refusal),
        Finding::Recipients { lacks, has } => {
            let mut parts = Vec::new();
            if !lacks.is_empty() {
                parts.push(format!("the policy also names {}", people(lacks)));
            }
            if !has.is_empty() {
                parts.push(format!("the policy no longer names {}", people(has)));
            }
            parts.join("; ")
        }
        Finding::NoMac => "the file has no MAC".to_owned(),
        Finding::NoSeal => {
            "the file has no seal: sops wrote it, or somebody took the seal away".to_owned()
        }
        Finding::OtherTeam { sealed, wanted } => format!(
            "it was sealed for {}, and the policy gives this path to {}",
            team(sealed),
            team(wanted)
        ),
    }
}

/// Whether a file is one that a check is about.
pub(super) fn is_ours(file: &Candidate) -> bool {
    file.holds != lockstep_repo::Holds::Other
}
