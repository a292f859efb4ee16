//! From outcomes to what a person reads.

use super::*;
use crate::ledger::Moved;
use crate::sync::apply::Applied;
use crate::sync::failure::StepError;
use crate::sync::fixtures::{COMMIT, resolved};
use crate::sync::memory::FileMemory;
use crate::sync::preflight::clear;
use crate::sync::resolve::ResolveError;
use lockstep_apply::DriftedField;
use lockstep_apply::Verdict as Judgement;
use lockstep_names::ObjectKey;
use lockstep_names::RepoPath;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

fn key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        version: "v1".into(),
        kind: "Secret".into(),
        namespace: Some("team-a".into()),
        name: name.into(),
    }
}

fn ended(failures: Vec<Failure>, corrected: Vec<(ObjectKey, Moved)>) -> Ending {
    let cleared = clear(resolved(|_, _, _| {}), &"lockstep-system".parse().unwrap()).unwrap();
    let memory = FileMemory {
        blob: COMMIT.parse().unwrap(),
        objects: vec![key("db")],
        recipients: BTreeSet::from(["age1…".to_owned()]),
        opened_by: Some("age1…".to_owned()),
    };
    let applied = Applied {
        cleared,
        tree: COMMIT.parse().unwrap(),
        files: BTreeMap::from([("deploy/db.yaml".parse().unwrap(), memory)]),
        desired: BTreeSet::from([key("db")]),
        failures,
        transient: false,
        opened: 1,
        needed: BTreeSet::from(["age1…".to_owned()]),
        opened_by: BTreeMap::from([("deploy/db.yaml".parse().unwrap(), "age1…".to_owned())]),
        written: 1,
        corrected,
        adopted: Default::default(),
        whole: true,
        session: None,
    };
    Ending::Done(Box::new(Pruned {
        applied,
        deleted: 0,
        waits_for: None,
    }))
}

fn judged(ending: &Ending) -> (Verdict, SyncStatus) {
    let mut status = SyncStatus::default();
    let verdict = judge(
        ending,
        &Drift::default(),
        &mut status,
        Timestamp::UNIX_EPOCH,
    );
    (verdict, status)
}

fn failure(reason: FailureReason) -> Failure {
    let path: RepoPath = "deploy/bad.yaml".parse().unwrap();
    Failure::of_file(&path, reason, "what is wrong")
}

#[test]
fn success_names_the_revision() {
    let (verdict, status) = judged(&ended(Vec::new(), Vec::new()));
    let ready = verdict.ready.unwrap();
    assert_eq!(
        (ready.status, ready.reason),
        (ConditionStatus::True, "Succeeded")
    );
    assert_eq!(
        ready.message,
        format!("1 object in step with main@sha1:{COMMIT}")
    );
    assert_eq!(
        status.last_applied_revision,
        Some(format!("main@sha1:{COMMIT}"))
    );
    assert!(!verdict.stalled);
}

#[test]
fn one_bad_file_is_not_ready_and_is_named() {
    let (verdict, status) = judged(&ended(
        vec![failure(FailureReason::MacMismatch)],
        Vec::new(),
    ));
    let ready = verdict.ready.unwrap();
    assert_eq!(
        (ready.status, ready.reason),
        (ConditionStatus::False, "DecryptionFailed")
    );
    assert!(
        ready
            .message
            .starts_with("deploy/bad.yaml: what is wrong; the rest of"),
        "{}",
        ready.message
    );
    assert_eq!(status.last_applied_revision, None);
    assert!(status.last_attempted_revision.is_some());
    assert_eq!(status.failure_count, 1);
    assert!(verdict.stalled, "only a new commit helps");
}

#[test]
fn the_earliest_step_that_failed_gives_the_reason() {
    let order = [
        (FailureReason::KeyMissing, "KeyMissing"),
        (FailureReason::DecryptionFailed, "DecryptionFailed"),
        (FailureReason::ManifestInvalid, "BuildFailed"),
        (FailureReason::Conflict, "ApplyFailed"),
        (FailureReason::PruneFailed, "PruneFailed"),
    ];
    for first in 0..order.len() {
        let failures = order[first..]
            .iter()
            .rev()
            .map(|(reason, _)| failure(*reason))
            .collect();
        assert_eq!(
            judged(&ended(failures, Vec::new())).0.reason.as_str(),
            order[first].1
        );
    }
}

#[test]
fn a_correction_tells_field_manager_and_time() {
    let field = DriftedField {
        path: ".data.password".into(),
        manager: Some("kubectl-edit".into()),
        time: Some("2026-01-02T03:04:05Z".into()),
    };
    let moved = Moved::Judged(Judgement::Drifted(vec![field]));
    let (verdict, _) = judged(&ended(Vec::new(), vec![(key("db"), moved)]));
    let drifted = verdict
        .others
        .iter()
        .find(|one| one.about == ConditionType::Drifted)
        .unwrap();
    assert_eq!(
        drifted.message,
        "put back: Secret team-a/db: .data.password changed by kubectl-edit at 2026-01-02T03:04:05Z"
    );
}

#[test]
fn a_halt_keeps_what_was_known_and_says_why() {
    let error = StepError::Resolve(ResolveError::Repository("app".into()));
    let (verdict, status) = judged(&Ending::Halted(error, None));
    let ready = verdict.ready.unwrap();
    assert_eq!(ready.reason, "RepositoryNotFound");
    assert_eq!(
        ready.message,
        "there is no Repository app in this namespace"
    );
    assert_eq!(status, SyncStatus::default());
}

#[test]
fn ready_recovers_when_what_had_failed_is_back_and_nothing_has_changed() {
    let cleared = clear(resolved(|_, _, _| {}), &"lockstep-system".parse().unwrap()).unwrap();
    let idle = Ending::Idle(cleared);
    let mut status = SyncStatus::default();
    let now = Timestamp::UNIX_EPOCH;
    let away = Statement::new(
        ConditionType::Ready,
        ConditionStatus::False,
        SyncReason::RepositoryNotFound,
        "away",
    );
    lockstep_api::set(&mut status.conditions, &away, None, now);
    let ready = judge(&idle, &Drift::default(), &mut status, now).ready;
    let ready = ready.expect("the Sync must not stay unready");
    assert_eq!(ready.reason, "Succeeded");
    lockstep_api::set(&mut status.conditions, &ready, None, now);
    assert_eq!(
        judge(&idle, &Drift::default(), &mut status, now).ready,
        None,
        "a Sync that is ready says nothing again"
    );
}

#[test]
fn after_a_failed_prune_nobody_claims_that_nothing_was_deleted() {
    let failed = vec![Failure::of_object(
        &key("old"),
        FailureReason::PruneFailed,
        "no",
    )];
    let message = judged(&ended(failed, Vec::new())).0.ready.unwrap().message;
    assert!(!message.contains("nothing was deleted"), "{message}");
}
