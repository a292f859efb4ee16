//! Writing the objects of one stage as the team, and noting what became of each.

use super::plan::Placed;
use super::{ApplyError, KIND_PATIENCE, Work};
use crate::sync::memory::Memory;
use crate::sync::report;
use lockstep_api::{Failure, FailureReason};
use lockstep_apply::{
    ApiError, Applied, Change, ConflictingField, Fingerprint, IgnoredField, SYNC_LABEL,
    SYNC_NAMESPACE_LABEL, Session, verify_account,
};
use lockstep_names::ObjectKey;
use std::sync::atomic::AtomicBool;
use tokio::time::Instant;

/// How many objects of one Sync are written at once.
const AT_ONCE: usize = 16;

impl Work<'_> {
    /// Writes the objects of one stage.
    pub(super) async fn write(
        &mut self,
        placed: Vec<Placed>,
        memory: &mut Memory,
        stop: &AtomicBool,
    ) -> Result<(), ApplyError> {
        if placed.is_empty() {
            return Ok(());
        }
        if self.session.is_none() {
            self.session = Some(self.connect().await?);
        }
        let placed = self.claim(placed, memory, stop).await;
        if placed.is_empty() {
            return Ok(());
        }
        self.intend(&placed, memory).await?;
        let Some(session) = &self.session else {
            return Ok(());
        };
        let (planned, notes): (Vec<_>, Vec<_>) = placed
            .into_iter()
            .map(|placed| {
                let kind = placed.planned.resource.clone();
                let place = (placed.source, placed.line);
                let ignored = placed.planned.ignored.clone();
                (
                    placed.planned,
                    (placed.key, place, (placed.fingerprint, ignored), kind),
                )
            })
            .unzip();
        let outcomes = session.apply_all(planned, AT_ONCE, stop).await;
        for (outcome, (key, (source, line), content, kind)) in outcomes.into_iter().zip(notes) {
            match outcome {
                Ok(applied) => self.note(key, content, applied, memory),
                Err(error) => {
                    if error == ApiError::KindUnknown {
                        self.context.kinds.forget(&kind);
                    }
                    self.transient |= error.may_heal();
                    let failure = Failure::of_object(&key, object_reason(&error), &explain(&error));
                    self.fail(failure.at(&source, Some(line)), &source);
                }
            }
        }
        Ok(())
    }

    /// Puts what is new into the inventory before it is in the cluster, or what could not be put there
    /// the last time.
    async fn intend(&self, placed: &[Placed], memory: &mut Memory) -> Result<(), ApplyError> {
        let before = memory.inventory.len();
        for object in placed {
            memory.inventory.entry(object.key.clone()).or_insert(None);
        }
        if memory.inventory.len() == before && !memory.undelivered {
            return Ok(());
        }
        report::intend(self.context, &self.resolved, memory)
            .await
            .map_err(ApplyError::Inventory)
    }

    async fn connect(&self) -> Result<Session, ApplyError> {
        let account = &self.resolved.account;
        verify_account(&self.context.client, account)
            .await
            .map_err(|cause| ApplyError::Account {
                account: account.to_string(),
                cause,
            })?;
        Ok(Session::connect(
            &self.context.server,
            account,
            self.resolved.owner.clone(),
        )?)
    }

    fn note(
        &mut self,
        key: ObjectKey,
        (fingerprint, ignored): (Fingerprint, Vec<IgnoredField>),
        applied: Applied,
        memory: &mut Memory,
    ) {
        memory
            .inventory
            .insert(key.clone(), Some(applied.recorded.uid().to_owned()));
        self.written += u64::from(applied.change != Change::Unchanged);
        if key.kind == "CustomResourceDefinition" {
            self.kinds_until = Some(Instant::now() + KIND_PATIENCE);
        }
        let version = applied.recorded.resource_version();
        let untouched = applied.change == Change::Unchanged
            || self
                .context
                .ledger
                .has_seen(&self.resolved.owner, &key, version);
        let (ledger, owner) = (&self.context.ledger, &self.resolved.owner);
        if let Some(moved) = self.moved.remove(&key) {
            ledger.put_back(owner, &key);
            if !untouched {
                self.corrected.push((key.clone(), moved));
            }
        }
        if !applied.took_over.is_empty() {
            self.adopted.insert(key.clone(), applied.took_over);
        }
        ledger.record(owner, key, fingerprint, applied.recorded, ignored);
    }
}

/// What a refusal of the API server means for the object.
pub(super) fn object_reason(error: &ApiError) -> FailureReason {
    match error {
        ApiError::Conflict { fields } if fields.iter().any(is_other_sync) => {
            FailureReason::OwnedByOther
        }
        ApiError::Conflict { .. } => FailureReason::Conflict,
        ApiError::Forbidden | ApiError::ImpersonationForbidden => FailureReason::Forbidden,
        ApiError::Invalid { .. } if error.is_immutable() => FailureReason::Immutable,
        ApiError::Invalid { .. }
        | ApiError::Malformed { .. }
        | ApiError::Denied { .. }
        | ApiError::TooLarge
        | ApiError::BadName => FailureReason::Rejected,
        ApiError::NamespaceNotFound | ApiError::Terminating => FailureReason::NamespaceUnavailable,
        ApiError::KindUnknown => FailureReason::KindNotFound,
        ApiError::Quota => FailureReason::QuotaExceeded,
        ApiError::Changed
        | ApiError::Unauthorized
        | ApiError::NotFound
        | ApiError::Throttled
        | ApiError::Unavailable { .. }
        | ApiError::Timeout
        | ApiError::Unreachable
        | ApiError::Expired
        | ApiError::Unreadable { .. }
        | ApiError::Stopped => FailureReason::ApplyFailed,
    }
}

/// Is the field a label that says whose object it is?
fn is_other_sync(field: &ConflictingField) -> bool {
    [SYNC_LABEL, SYNC_NAMESPACE_LABEL]
        .iter()
        .any(|label| field.path.ends_with(label))
}

/// The error, and what would help.
pub(super) fn explain(error: &ApiError) -> String {
    match (object_reason(error), error.hint()) {
        (FailureReason::OwnedByOther, _) => {
            format!("{error}; it belongs to another Sync, so remove it there or here")
        }
        (FailureReason::Conflict, _) => {
            format!(
                "{error}; remove them there, or set spec.conflictPolicy to Force to take them over"
            )
        }
        (_, Some(hint)) => format!("{error}; {hint}"),
        (_, None) => error.to_string(),
    }
}
