//! Watching: what is there, what happens, and what happened while nobody could look.

use crate::team::Team;
use futures::StreamExt;
use lockstep_apply::{ApiError, Event, Verdict, Watched, watch, watch_client};
use serde_json::json;
use std::time::Duration;

/// Long enough for a busy machine; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn next(events: &mut (impl futures::Stream<Item = Event> + Unpin)) -> Event {
    tokio::time::timeout(PATIENCE, events.next())
        .await
        .unwrap()
        .unwrap()
}

async fn watched(team: &Team, sync: &str) -> Watched {
    Watched {
        resource: team.resource("Secret").await,
        namespace: Some(team.namespace.clone()),
        owner: team.owner(sync),
    }
}

#[tokio::test]
async fn a_watch_tells_everything_of_ours_and_nothing_else() {
    let team = Team::new("watch-all").await;
    let first = team.apply("app", json!({"a": "eA=="}), None).await.unwrap();
    team.run(&[
        "create",
        "secret",
        "generic",
        "foreign",
        "--from-literal=a=b",
    ]);
    let client = watch_client(&team.server, &team.account("deployer")).unwrap();
    let mut events = Box::pin(watch(client, watched(&team, "app").await));
    let Event::Relisted(all) = next(&mut events).await else {
        panic!("no list came first")
    };
    let [seen] = &all[..] else { panic!("{all:?}") };
    let manager = team.owner("app").manager();
    assert_eq!(
        first.recorded.judge(seen, &manager, &[]),
        Verdict::Unchanged
    );

    team.run(&["patch", "secret", "db", "-p", r#"{"data":{"a":"eQ=="}}"#]);
    let Event::Applied(seen) = next(&mut events).await else {
        panic!("the patch went unseen")
    };
    let Verdict::Drifted(fields) = first.recorded.judge(&seen, &manager, &[]) else {
        panic!("{seen:?}")
    };
    assert_eq!(fields[0].manager.as_deref(), Some("kubectl-patch"));

    team.run(&["label", "secret", "db", "lockstep.dev/sync-"]);
    let Event::Deleted(seen) = next(&mut events).await else {
        panic!("it left unseen")
    };
    assert_eq!(seen.uid, first.recorded.uid());
}

#[tokio::test]
async fn an_account_that_may_not_watch_is_reported_again_and_again() {
    let team = Team::new("watch-forbidden").await;
    let client = watch_client(&team.server, &team.account("operator")).unwrap();
    let mut events = Box::pin(watch(client, watched(&team, "app").await));
    for _ in 0..3 {
        assert_eq!(
            next(&mut events).await,
            Event::Failed(ApiError::ImpersonationForbidden)
        );
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages_but_whole() {
    let team = Team::new("watch-pages").await;
    let session = team.session("app");
    let mut planned = Vec::new();
    for n in 0..501 {
        planned.push(team.secret("app", &format!("s{n}"), json!({})).await);
    }
    let stop = std::sync::atomic::AtomicBool::new(false);
    let results = session.apply_all(planned, 16, &stop).await;
    assert!(results.iter().all(Result::is_ok));
    let client = watch_client(&team.server, &team.account("deployer")).unwrap();
    let mut events = Box::pin(watch(client, watched(&team, "app").await));
    let Event::Relisted(all) = next(&mut events).await else {
        panic!("no list came first")
    };
    assert_eq!(all.len(), 501);
}
