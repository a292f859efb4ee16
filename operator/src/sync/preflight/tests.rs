//! One row for each reason to hold a Sync.

use super::clear;
use crate::sync::fixtures::{COMMIT, resolved};
use lockstep_api::SyncReason;
use serde_json::{Value, json};

fn reason(change: impl FnOnce(&mut Value, &mut Value, &mut Value)) -> SyncReason {
    let operator = "lockstep-system".parse().unwrap();
    clear(resolved(change), &operator).unwrap_err().reason
}

#[test]
fn a_sync_of_its_team_may_run_at_the_fetched_revision() {
    let cleared = clear(resolved(|_, _, _| {}), &"lockstep-system".parse().unwrap()).unwrap();
    assert_eq!(cleared.revision.commit.as_str(), COMMIT);
    assert_eq!(cleared.path.as_str(), "deploy");
}

#[test]
fn a_suspended_sync_is_held() {
    assert_eq!(
        reason(|sync, _, _| sync["spec"]["suspend"] = json!(true)),
        SyncReason::Suspended
    );
}

#[test]
fn the_operators_own_namespace_is_no_teams() {
    let held = clear(resolved(|_, _, _| {}), &"team-a".parse().unwrap()).unwrap_err();
    assert_eq!(held.reason, SyncReason::NamespaceNotAllowed);
}

#[test]
fn an_address_the_team_does_not_list_is_held() {
    let elsewhere = "https://git.example.com/team-b/app.git";
    let held = reason(|_, _, repository| repository["spec"]["url"] = json!(elsewhere));
    assert_eq!(held, SyncReason::RepositoryNotAllowed);
}

#[test]
fn a_path_out_of_the_repository_is_held() {
    assert_eq!(
        reason(|sync, _, _| sync["spec"]["path"] = json!("../x")),
        SyncReason::InvalidSpec
    );
}

#[test]
fn what_was_fetched_from_elsewhere_is_not_applied() {
    let moved = "https://git.example.com/team-a/other.git";
    assert_eq!(
        reason(|_, _, repository| repository["spec"]["url"] = json!(moved)),
        SyncReason::SourceNotReady
    );
    let branch = json!({"branch": "next"});
    assert_eq!(
        reason(|_, _, repository| repository["spec"]["ref"] = branch),
        SyncReason::SourceNotReady
    );
    assert_eq!(
        reason(|_, _, repository| repository["status"] = json!({})),
        SyncReason::SourceNotReady
    );
}
