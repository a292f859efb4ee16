//! What the status says of drift: pure, from what the watches know to the `Drifted` condition.

use crate::ledger::{Held, Moved};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use lockstep_api::{ConditionStatus, ConditionType, DriftMode, DriftedReason, Statement};
use lockstep_apply::{Suspicion, Verdict as Judgement};
use lockstep_names::ObjectKey;
use std::collections::BTreeMap;

/// What the watches know.
#[derive(Default)]
pub(in crate::sync) struct Drift {
    /// What has moved and was not put back.
    pub moved: BTreeMap<ObjectKey, Moved>,
    /// Those of them that are left because somebody moves them again and again.
    pub held: BTreeMap<ObjectKey, Held>,
    /// Why nothing can be seen, if so.
    pub blind: Option<String>,
}

/// The `Drifted` condition. After a correction it tells what was put back until the next one.
pub(super) fn drifted(
    corrected: &[(ObjectKey, Moved)],
    drift: &Drift,
    mode: DriftMode,
    before: &[Condition],
) -> Vec<Statement> {
    let say = |status, reason: DriftedReason, message: String| {
        vec![Statement::new(
            ConditionType::Drifted,
            status,
            reason,
            message,
        )]
    };
    if mode == DriftMode::Disabled {
        return say(
            ConditionStatus::Unknown,
            DriftedReason::Disabled,
            "changes by others are not looked for".to_owned(),
        );
    }
    let list = |all: &mut dyn Iterator<Item = (&ObjectKey, &Moved)>| {
        all.take(3)
            .map(|(key, moved)| describe(key, moved))
            .collect::<Vec<_>>()
            .join("; ")
    };
    if let Some(why) = &drift.blind {
        return say(
            ConditionStatus::Unknown,
            DriftedReason::NotWatched,
            why.clone(),
        );
    }
    let moved = &drift.moved;
    if mode == DriftMode::Enabled && !drift.held.is_empty() {
        return say(ConditionStatus::True, DriftedReason::TugOfWar, tug(drift));
    }
    if !moved.is_empty() {
        let reason = if mode == DriftMode::Warn {
            DriftedReason::Detected
        } else {
            DriftedReason::CorrectionFailed
        };
        return say(ConditionStatus::True, reason, list(&mut moved.iter()));
    }
    if corrected.is_empty() {
        return if stays(before, mode) {
            Vec::new()
        } else {
            let text = "nobody else has changed what was applied".to_owned();
            say(ConditionStatus::False, DriftedReason::InStep, text)
        };
    }
    let text = list(&mut corrected.iter().map(|(key, moved)| (key, moved)));
    say(
        ConditionStatus::False,
        DriftedReason::Corrected,
        format!("put back: {text}"),
    )
}

/// Does what the condition said before still hold when nothing has moved?
fn stays(before: &[Condition], mode: DriftMode) -> bool {
    let told = before
        .iter()
        .find(|condition| condition.type_ == ConditionType::Drifted.as_str());
    told.is_some_and(|told| {
        // Found before a restart, and left since.
        let is_left = mode == DriftMode::Warn && told.reason == DriftedReason::Detected.as_str();
        is_left || told.status == ConditionStatus::False.as_str()
    })
}

/// Who pulls at what, and until when it is left.
fn tug(drift: &Drift) -> String {
    let one = |(key, held): (&ObjectKey, &Held)| {
        let what = drift.moved.get(key).map(|moved| describe(key, moved));
        let what = what.unwrap_or_else(|| key.to_string());
        let until = held.until.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!(
            "{what}; put back {} times, not again before {until}",
            held.times
        )
    };
    let list: Vec<_> = drift.held.iter().take(3).map(one).collect();
    format!(
        "{}; spec.driftDetection.ignore leaves a field to whoever changes it",
        list.join("; ")
    )
}

/// What happened to an object, for people: the field, the declared manager and the time, never a value.
pub(in crate::sync) fn describe(key: &ObjectKey, moved: &Moved) -> String {
    match moved {
        Moved::Gone => format!("{key} was deleted or lost its label"),
        Moved::Unwatched => format!("{key} was written while the watch was interrupted"),
        Moved::Judged(Judgement::Recreated) => format!("{key} was deleted and made anew"),
        Moved::Judged(Judgement::Suspect(why)) => {
            let why = match why {
                Suspicion::EntryMissing => "its managedFields no longer name us",
                Suspicion::WrittenAsUs => "somebody wrote under our field manager's name",
                Suspicion::NewCoOwner => "somebody else now owns fields of ours, too",
                Suspicion::Unexplained => "it was written, and no field manager says by whom",
            };
            format!("{key} may differ: {why}")
        }
        Moved::Judged(Judgement::Drifted(fields)) => {
            let fields: Vec<_> = fields.iter().take(5).map(field).collect();
            format!("{key}: {}", fields.join(", "))
        }
        Moved::Judged(Judgement::Unchanged | Judgement::Foreign) => format!("{key} is as it was"),
    }
}

fn field(field: &lockstep_apply::DriftedField) -> String {
    let path = lockstep_api::shown(&field.path);
    match (&field.manager, &field.time) {
        (Some(manager), Some(time)) => format!(
            "{path} changed by {} at {time}",
            lockstep_api::shown(manager)
        ),
        (Some(manager), None) => format!("{path} changed by {}", lockstep_api::shown(manager)),
        (None, _) => format!("{path} removed"),
    }
}
