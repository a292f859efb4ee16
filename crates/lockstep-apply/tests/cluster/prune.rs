//! Deleting: only the very object, and only while it says it is ours.

use crate::team::Team;
use lockstep_apply::{Inventoried, Kept, Pruned};
use serde_json::json;
use std::sync::atomic::AtomicBool;

async fn with_secret(namespace: &str) -> (Team, Inventoried) {
    let team = Team::new(namespace).await;
    let applied = team.apply("app", json!({"a": "eA=="}), None).await.unwrap();
    let object = Inventoried {
        resource: team.resource("Secret").await,
        namespace: Some(team.namespace.clone()),
        name: "db".into(),
        uid: Some(applied.recorded.uid().to_owned()),
    };
    (team, object)
}

async fn prune(team: &Team, sync: &str, object: &Inventoried) -> Pruned {
    let session = team.session(sync);
    let pruned = session
        .prune(object, &AtomicBool::new(false))
        .await
        .unwrap();
    session.close().await;
    pruned
}

#[tokio::test]
async fn what_is_ours_is_deleted_once() {
    let (team, object) = with_secret("prune-ours").await;
    assert_eq!(prune(&team, "app", &object).await, Pruned::Deleted);
    assert!(
        !team
            .kubectl()
            .exists(&["secret", "db", "-n", "prune-ours"])
            .unwrap()
    );
    assert_eq!(prune(&team, "app", &object).await, Pruned::Gone);
}

#[tokio::test]
async fn an_object_made_again_is_kept() {
    let (team, object) = with_secret("prune-again").await;
    team.run(&["delete", "secret", "db"]);
    team.apply("app", json!({"a": "eA=="}), None).await.unwrap();
    assert_eq!(
        prune(&team, "app", &object).await,
        Pruned::Kept(Kept::AnotherObject)
    );
    team.live("db");
}

#[tokio::test]
async fn what_another_sync_has_is_kept() {
    let (team, object) = with_secret("prune-other").await;
    assert_eq!(
        prune(&team, "other", &object).await,
        Pruned::Kept(Kept::NotLabelled)
    );
    team.run(&["label", "secret", "db", "lockstep.dev/sync-"]);
    assert_eq!(
        prune(&team, "app", &object).await,
        Pruned::Kept(Kept::NotLabelled)
    );
    team.live("db");
}

#[tokio::test]
async fn what_asks_to_be_kept_is_kept() {
    let (team, object) = with_secret("prune-asked").await;
    team.run(&["annotate", "secret", "db", "lockstep.dev/prune=Disabled"]);
    assert_eq!(
        prune(&team, "app", &object).await,
        Pruned::Kept(Kept::Asked)
    );
    team.live("db");
}

#[tokio::test]
async fn what_is_held_by_a_finalizer_is_deleted_once() {
    let (team, object) = with_secret("prune-finalizer").await;
    let hold = r#"{"metadata":{"finalizers":["example.com/hold"]}}"#;
    team.run(&["patch", "secret", "db", "-p", hold]);
    assert_eq!(prune(&team, "app", &object).await, Pruned::Deleted);
    assert_eq!(prune(&team, "app", &object).await, Pruned::Deleted);
    team.run(&[
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
}

#[tokio::test]
async fn without_a_uid_the_object_must_name_our_manager() {
    let (team, mut object) = with_secret("prune-intent").await;
    object.uid = None;
    let labels = [
        "lockstep.dev/sync=app",
        "lockstep.dev/sync-namespace=prune-intent",
    ];
    team.run(&["create", "secret", "generic", "copy", "--from-literal=a=b"]);
    team.run(&[&["label", "secret", "copy"][..], &labels].concat());
    let copy = Inventoried {
        name: "copy".into(),
        ..object.clone()
    };
    assert_eq!(
        prune(&team, "app", &copy).await,
        Pruned::Kept(Kept::AnotherObject)
    );
    assert_eq!(prune(&team, "app", &object).await, Pruned::Deleted);
}
