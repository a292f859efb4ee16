//! What the status says of an outcome: pure, from an [`Ending`] to conditions.

mod drift;

use super::Ending;
use super::failure::Next;
use super::preflight::Cleared;
use super::prune::Pruned;
use crate::explain::explain;
use drift::drifted;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use lockstep_api::{
    ConditionStatus, ConditionType, DecryptedReason, Failure, FailureReason, RecipientReport,
    Statement, SyncReason, SyncStatus,
};

pub(super) use drift::{Drift, describe};

/// What to say of an outcome.
pub(super) struct Verdict {
    /// Why the Sync is ready or not.
    pub reason: SyncReason,
    /// The `Ready` condition; nothing where it stays as it is.
    pub ready: Option<Statement>,
    /// The conditions that come with it.
    pub others: Vec<Statement>,
    /// Does only a change help?
    pub stalled: bool,
}

/// Judges how a reconcile ended, and fills in everything of `status` but conditions and inventory.
/// `drift` is what the watches know after it.
pub(super) fn judge(
    ending: &Ending,
    drift: &Drift,
    status: &mut SyncStatus,
    now: Timestamp,
) -> Verdict {
    match ending {
        Ending::Idle(cleared) => {
            status.last_attempted_revision = Some(cleared.revision.to_string());
            status.last_applied_revision = Some(cleared.revision.to_string());
            Verdict {
                reason: SyncReason::Succeeded,
                ready: recovered(status, cleared),
                others: drifted(
                    &[],
                    drift,
                    cleared.resolved.sync.spec.drift_detection.mode,
                    &status.conditions,
                ),
                stalled: false,
            }
        }
        Ending::Halted(error, revision) => {
            if let Some(revision) = revision {
                status.last_attempted_revision = Some(revision.to_string());
                status.remember(revision, error.reason().as_str(), now);
            }
            let reason = error.reason();
            let message = explain(error, None);
            Verdict {
                reason,
                ready: Some(Statement::new(
                    ConditionType::Ready,
                    ConditionStatus::False,
                    reason,
                    message,
                )),
                others: Vec::new(),
                stalled: error.next() == Next::Wait && reason != SyncReason::Suspended,
            }
        }
        Ending::Done(pruned) => done(pruned, drift, status, now),
    }
}

/// What to say when nothing had to be done but `Ready` still tells of a step that failed meanwhile, such
/// as a Repository that was away.
fn recovered(status: &SyncStatus, cleared: &Cleared) -> Option<Statement> {
    let is_ready = |condition: &Condition| {
        condition.type_ == ConditionType::Ready.as_str()
            && condition.status == ConditionStatus::True.as_str()
    };
    if status.conditions.iter().any(is_ready) {
        return None;
    }
    let inventory = status.inventory.iter();
    let objects: usize = inventory.map(|inventory| inventory.entries.len()).sum();
    Some(Statement::new(
        ConditionType::Ready,
        ConditionStatus::True,
        SyncReason::Succeeded,
        format!("{objects} objects are in step with {}", cleared.revision),
    ))
}

fn done(pruned: &Pruned, drift: &Drift, status: &mut SyncStatus, now: Timestamp) -> Verdict {
    let applied = &pruned.applied;
    let revision = &applied.cleared.revision;
    let resolved = &applied.cleared.resolved;
    let reason = reason(&applied.failures);
    status.team = Some(resolved.team.name_any());
    status.last_attempted_revision = Some(revision.to_string());
    if reason == SyncReason::Succeeded {
        status.last_applied_revision = Some(revision.to_string());
    }
    status.set_failures(applied.failures.clone());
    status.remember(revision, reason.as_str(), now);
    let needed = applied.needed.iter().cloned();
    let held = resolved
        .keys
        .identities
        .recipients()
        .map(|(recipient, _)| recipient.to_string());
    let opened = applied.opened_by.iter();
    let opened = opened.map(|(path, recipient)| (path, recipient.as_str()));
    let report = RecipientReport::new(needed, held, opened);
    status.recipients = Some(report.after(status.recipients.as_ref()));
    let ready = if reason == SyncReason::Succeeded {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let mut others = vec![decrypted(pruned)];
    others.extend(drifted(
        &applied.corrected,
        drift,
        resolved.sync.spec.drift_detection.mode,
        &status.conditions,
    ));
    Verdict {
        reason,
        ready: Some(Statement::new(
            ConditionType::Ready,
            ready,
            reason,
            message(pruned),
        )),
        others,
        stalled: reason != SyncReason::Succeeded && !applied.transient,
    }
}

/// The reason that tells most about a list of failures.
fn reason(failures: &[Failure]) -> SyncReason {
    let worst = failures
        .iter()
        .map(|failure| class(&failure.reason))
        .min_by_key(|(rank, _)| *rank);
    worst.map_or(SyncReason::Succeeded, |(_, reason)| reason)
}

/// How far up the pipeline a failure lies, and what it makes of the Sync.
fn class(reason: &str) -> (u8, SyncReason) {
    let is = |reasons: &[FailureReason]| reasons.iter().any(|one| one.as_str() == reason);
    if is(&[FailureReason::KeyMissing]) {
        (0, SyncReason::KeyMissing)
    } else if is(&[
        FailureReason::MacMismatch,
        FailureReason::SealBroken,
        FailureReason::SealMissing,
        FailureReason::DecryptionFailed,
        FailureReason::MetadataInvalid,
    ]) {
        (1, SyncReason::DecryptionFailed)
    } else if is(&[
        FailureReason::EntryRefused,
        FailureReason::TooLarge,
        FailureReason::Unreadable,
        FailureReason::SyntaxInvalid,
        FailureReason::ManifestInvalid,
        FailureReason::DuplicateObject,
        FailureReason::Unsupported,
    ]) {
        (2, SyncReason::BuildFailed)
    } else if is(&[FailureReason::PruneFailed]) {
        (4, SyncReason::PruneFailed)
    } else {
        (3, SyncReason::ApplyFailed)
    }
}

fn message(pruned: &Pruned) -> String {
    let applied = &pruned.applied;
    let revision = &applied.cleared.revision;
    let objects = applied.desired.len();
    let Some(first) = applied.failures.first() else {
        let waits = pruned.waits_for.as_ref().map_or_else(String::new, |other| {
            format!("; what left Git stays until it is known whether Sync {other} wants it")
        });
        return format!(
            "{} in step with {revision}{waits}",
            count(objects, "object")
        );
    };
    let place = match (&first.object, first.path.as_str()) {
        (Some(object), "") => object.clone(),
        (Some(object), path) => format!("{path}: {object}"),
        (None, path) => path.to_owned(),
    };
    let more = match applied.failures.len() {
        1 => String::new(),
        count => format!(" (and {} more, see status.failures)", count - 1),
    };
    let is_pruned = |failure: &Failure| failure.reason == FailureReason::PruneFailed.as_str();
    let rest = if applied.failures.iter().all(is_pruned) {
        format!("{revision} is applied")
    } else {
        format!("the rest of {revision} is applied, and nothing was deleted")
    };
    format!("{place}: {}{more}; {rest}", first.message)
}

fn decrypted(pruned: &Pruned) -> Statement {
    let applied = &pruned.applied;
    let say = |status, reason: DecryptedReason, message: String| {
        Statement::new(ConditionType::Decrypted, status, reason, message)
    };
    let missing = &applied.cleared.resolved.keys.missing;
    let failed = |wanted: FailureReason| {
        applied
            .failures
            .iter()
            .filter(move |failure| failure.reason == wanted.as_str())
            .count()
    };
    let opened = applied.opened;
    for (failure, reason) in [
        (FailureReason::KeyMissing, DecryptedReason::KeyMissing),
        (FailureReason::MacMismatch, DecryptedReason::MacMismatch),
        (FailureReason::SealBroken, DecryptedReason::SealBroken),
        (FailureReason::SealMissing, DecryptedReason::SealMissing),
        (
            FailureReason::DecryptionFailed,
            DecryptedReason::DecryptionFailed,
        ),
        (
            FailureReason::MetadataInvalid,
            DecryptedReason::DecryptionFailed,
        ),
    ] {
        if failed(failure) > 0 {
            let keys: String = missing.iter().map(|key| format!("; {key}")).collect();
            return say(
                ConditionStatus::False,
                reason,
                format!(
                    "{} could not be opened, {opened} could{keys}",
                    count(failed(failure), "file")
                ),
            );
        }
    }
    match opened {
        0 => say(
            ConditionStatus::True,
            DecryptedReason::NothingEncrypted,
            "no file is encrypted".to_owned(),
        ),
        _ => say(
            ConditionStatus::True,
            DecryptedReason::Succeeded,
            format!("{} verified and opened", count(opened, "encrypted file")),
        ),
    }
}

/// A number of things, as people say it.
fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

#[cfg(test)]
mod tests;
