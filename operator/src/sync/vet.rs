//! What a team may have in its files: pure checks on what was noted of each manifest.
//!
//! The API server knows nothing of these: it cannot see what was encrypted in Git, and it takes every
//! type and label from an account that may write Secrets. Messages hold names and places, no value; the
//! name of an object is left out, because it may have been encrypted, too.

use crate::trust::{CHECKS, Checks};
use kube::ResourceExt;
use lockstep_api::{DecryptedValues, FailureReason, SecretEncryption, Team};
use lockstep_manifests::{Encryption, Findings, Manifest, Mark, Power, matches};

/// Why an object, or the file it stands in, is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The reason the status gives.
    pub reason: FailureReason,
    /// What is the matter, and what would help.
    pub message: String,
}

/// Everything in the manifests of one file that the team may not have. If there is anything, nothing of
/// the file is applied: its author meant it as one.
pub(crate) fn vet(manifests: &[Manifest], team: &Team) -> Vec<Refused> {
    if CHECKS == Checks::LeftOut {
        return Vec::new();
    }
    let of_one = |manifest: &Manifest| {
        let findings = &manifest.findings;
        let mut refused: Vec<_> = powers(findings, manifest.line, team).collect();
        refused.extend(elsewhere(findings, team));
        refused.extend(in_clear(findings, team));
        refused
    };
    manifests.iter().flat_map(of_one).collect()
}

/// Marks that carry power elsewhere.
fn powers<'m>(
    findings: &'m Findings,
    line: usize,
    team: &'m Team,
) -> impl Iterator<Item = Refused> + 'm {
    let allowed = &team.spec.allowed;
    findings.powers.iter().filter_map(move |power| {
        let Power { mark, name } = power;
        let (what, field, list, reason) = match mark {
            Mark::SecretType => (
                "Secret type",
                "secretTypes",
                &allowed.secret_types,
                FailureReason::SecretTypeNotAllowed,
            ),
            Mark::Label => (
                "label",
                "labels",
                &allowed.labels,
                FailureReason::MetadataNotAllowed,
            ),
            Mark::Annotation => (
                "annotation",
                "annotations",
                &allowed.annotations,
                FailureReason::MetadataNotAllowed,
            ),
        };
        let message = if is_ours(power) {
            format!("line {line}: label {name} is for Lockstep itself to set; remove it")
        } else if list.iter().any(|pattern| matches(pattern, name)) {
            return None;
        } else {
            format!(
                "line {line}: {what} {name} carries power elsewhere; an administrator can list it in spec.allowed.{field} of Team {}",
                team.name_any()
            )
        };
        Some(Refused { reason, message })
    })
}

/// Is it a label by which we know whose object it is? No Team can allow those.
fn is_ours(power: &Power) -> bool {
    power.mark == Mark::Label && matches("lockstep.dev/*", &power.name)
}

/// Decrypted values where the cluster does not guard them.
fn elsewhere(findings: &Findings, team: &Team) -> Option<Refused> {
    let place = findings.encrypted_elsewhere.as_ref()?;
    match team.spec.decrypted_values {
        DecryptedValues::Anywhere => None,
        DecryptedValues::SecretData => Some(Refused {
            reason: FailureReason::DecryptedValueNotAllowed,
            message: format!(
                "{place}: encrypted in Git, and not under the data of a Secret; encrypt Secrets only, with encrypted_regex: ^(data|stringData)$ in .sops.yaml, or an administrator sets spec.decryptedValues of Team {} to Anywhere",
                team.name_any()
            ),
        }),
    }
}

/// Secrets that are less encrypted than the team's ought to be.
fn in_clear(findings: &Findings, team: &Team) -> Option<Refused> {
    let (place, what) = match (team.spec.secret_encryption, &findings.encryption) {
        (SecretEncryption::Optional, _)
        | (_, Encryption::NothingToEncrypt | Encryption::Full)
        | (SecretEncryption::Partial, Encryption::Partial(_)) => return None,
        (SecretEncryption::Full, Encryption::Partial(place)) => {
            (place, "this value of a Secret is not encrypted in Git")
        }
        (SecretEncryption::Full | SecretEncryption::Partial, Encryption::None(place)) => {
            (place, "a Secret of which nothing is encrypted in Git")
        }
    };
    Some(Refused {
        reason: FailureReason::PlaintextNotAllowed,
        message: format!(
            "{place}: {what}; run `lockstep encrypt -i` on the file and change the value, which is in the history, or an administrator changes spec.secretEncryption of Team {}",
            team.name_any()
        ),
    })
}

#[cfg(test)]
mod tests;
