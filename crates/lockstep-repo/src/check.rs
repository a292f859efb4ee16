//! Checks files against their policy, and as far as the identities at hand go, their MACs and seals;
//! seals files again whose seal is missing or wrong and that are otherwise as they should be.

use crate::folder::{Holds, format_of};
use crate::pool::{Width, parallel};
use crate::rotation::{compare_recipients, compare_selection, conflict_in, read};
use crate::seal::fill;
use crate::write::{publish, stage};
use crate::{Candidate, Expected, Plan, Privacy, Refusal};
use lockstep_age::{Identities, unwrap};
use lockstep_secret::SecretBytes;
use lockstep_sops::{Change as Difference, OpenErrorKind, Parsed, Seal, parse_as};

/// One thing that is not as it should be.
#[derive(Debug)]
pub enum Finding {
    /// A Secret stands in clear where a rule would encrypt it.
    InClear,
    /// A Secret stands in clear and no rule is for it, or a file is encrypted and has no policy.
    NoPolicy(String),
    /// It looks like a Secret or an encrypted file and cannot be read.
    Unreadable,
    /// What rotation would refuse as well.
    Refused(Refusal),
    /// The file's recipients are not those of the policy.
    Recipients {
        /// Whom the policy names and the file does not.
        lacks: Vec<String>,
        /// Whom the file names and the policy does not any more.
        has: Vec<String>,
    },
    /// There is no MAC.
    NoMac,
    /// There is no seal.
    NoSeal,
    /// It was sealed for another team than the policy says.
    OtherTeam {
        /// For whom.
        sealed: Option<String>,
        /// For whom it should be.
        wanted: Option<String>,
    },
}

/// What was seen of a file.
#[derive(Debug)]
pub struct Checked {
    /// What is not as it should be; empty if all is well.
    pub findings: Vec<Finding>,
    /// How far it could be looked into.
    pub depth: Depth,
}

/// How far a file could be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// It is not encrypted, and nothing has to be.
    Clear,
    /// No identity at hand opens it: its MAC and its seal were not verified.
    Outside,
    /// Every value, the MAC and the seal were looked at.
    Inside,
}

/// Checks every file against its plan, or why it has none. Each is tried.
pub fn check(files: &[(Candidate, Result<Plan, String>)], identities: &Identities) -> Vec<Checked> {
    parallel(Width::Processors, files, |(file, plan)| {
        let mut checked = Checked {
            findings: Vec::new(),
            depth: Depth::Clear,
        };
        match (file.holds, plan) {
            (Holds::Other, _) => {}
            (Holds::Unreadable, _) => checked.findings.push(match conflict_in(&file.source.text) {
                Some(line) => Finding::Refused(Refusal::Conflict { line }),
                None => Finding::Unreadable,
            }),
            (Holds::ClearSecret, Ok(_)) => checked.findings.push(Finding::InClear),
            (Holds::ClearSecret, Err(error)) => {
                checked.findings.push(Finding::NoPolicy(error.clone()));
            }
            (Holds::Encrypted, plan) => encrypted(file, plan.as_ref(), identities, &mut checked),
        }
        checked
    })
}

fn encrypted(
    file: &Candidate,
    plan: Result<&Plan, &String>,
    identities: &Identities,
    checked: &mut Checked,
) {
    checked.depth = Depth::Outside;
    let document = match read(&file.path, &file.source.text) {
        Ok(document) => document,
        Err(refusal) => return checked.findings.push(Finding::Refused(refusal)),
    };
    let findings = &mut checked.findings;
    let metadata = document.metadata().clone();
    match plan {
        Err(error) => findings.push(Finding::NoPolicy(error.clone())),
        Ok(plan) => {
            match compare_recipients(&metadata, plan) {
                Err(refusal) => findings.push(Finding::Refused(refusal)),
                Ok((lacks, has)) if lacks.is_empty() && has.is_empty() => {}
                Ok((lacks, has)) => findings.push(Finding::Recipients { lacks, has }),
            }
            if let Err(refusal) = compare_selection(&document, plan) {
                findings.push(Finding::Refused(refusal));
            }
        }
    }
    if !metadata.has_mac() {
        findings.push(Finding::NoMac);
    }
    if !metadata.has_seal() {
        findings.push(Finding::NoSeal);
    }
    let Ok(unwrapped) = unwrap(&metadata, identities) else {
        return;
    };
    checked.depth = Depth::Inside;
    match document.open(&unwrapped.key) {
        Err(error) => findings.push(Finding::Refused(Refusal::Open(error))),
        Ok(opened) => {
            let wanted = plan.ok().map(|plan| plan.standing.team.clone());
            if let (Seal::Verified { team }, Some(wanted)) = (opened.seal(), wanted)
                && *team != wanted
            {
                let sealed = team.clone();
                findings.push(Finding::OtherTeam { sealed, wanted });
            }
        }
    }
}

impl Finding {
    /// A stable name, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::InClear => "InClear",
            Self::NoPolicy(_) => "NoPolicy",
            Self::Unreadable => "Unreadable",
            Self::Refused(Refusal::Strangers { .. }) => "Strangers",
            Self::Refused(Refusal::Weaker { .. } | Refusal::WeakerMac) => "WeakerThanPolicy",
            Self::Refused(Refusal::Open(error)) => match error.kind() {
                OpenErrorKind::Seal => "SealBroken",
                OpenErrorKind::Mac => "MacMismatch",
                OpenErrorKind::Value => "DecryptionFailed",
                OpenErrorKind::Unsupported => "Unsupported",
            },
            Self::Refused(_) => "Unreadable",
            Self::Recipients { .. } => "Recipients",
            Self::NoMac => "MacMissing",
            Self::NoSeal => "SealMissing",
            Self::OtherTeam { .. } => "SealedForOther",
        }
    }

    /// Whether a new seal would mend it.
    #[must_use]
    pub fn is_of_the_seal(&self) -> bool {
        matches!(self.name(), "SealBroken" | "SealMissing" | "SealedForOther")
    }
}

/// What a file says differently from `older`, an earlier version of it whose seal is verified; nothing
/// where that has none.
///
/// # Errors
/// [`Refusal`], if either cannot be opened.
pub fn changes_since(
    file: &Candidate,
    older: SecretBytes,
    identities: &Identities,
) -> Result<Option<Vec<Difference>>, Refusal> {
    let newer = read(&file.path, &file.source.text)?;
    let Parsed::Encrypted(older) = parse_as(older, format_of(&file.path))? else {
        return Err(Refusal::NotEncrypted);
    };
    if !older.metadata().has_seal() {
        return Ok(None);
    }
    let key = unwrap(newer.metadata(), identities)?.key;
    let older_key = unwrap(older.metadata(), identities)?.key;
    Ok(Some(newer.changes_since(&key, older, &older_key)?))
}

/// Seals a file over what it says now, after verifying its values and its MAC. One that changed since it
/// was gathered is left as it is.
///
/// # Errors
/// [`Refusal`]; the file is then as it was.
pub fn seal_again(file: &Candidate, plan: &Plan, identities: &Identities) -> Result<(), Refusal> {
    if file.path.is_symlink() {
        return Err(Refusal::Symlink);
    }
    let document = read(&file.path, &file.source.text)?;
    let key = unwrap(document.metadata(), identities)?.key;
    let document = document.sealed_for(plan.standing.team.as_deref());
    let sealed = document.seal_again(&key, &mut fill)?;
    let expected = Expected::Unchanged(file.source.fingerprint);
    let staged = stage(&file.path, sealed.as_bytes(), expected, Privacy::AsUsual)?;
    let mut published = publish(vec![staged]).into_iter();
    Ok(published.next().unwrap_or(Ok(()))?)
}
