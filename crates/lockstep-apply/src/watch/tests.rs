//! Watches that end, start anew, stumble and fail.

use super::*;
use crate::kinds::Scope;
use crate::script::Script;
use futures::StreamExt;
use std::pin::Pin;

const EMPTY: &str = r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#;

fn start(script: &Script) -> Pin<Box<dyn Stream<Item = Event> + Send>> {
    let resource = Resource {
        group: String::new(),
        version: "v1".into(),
        kind: "Secret".into(),
        plural: "secrets".into(),
        scope: Scope::Namespaced,
    };
    let owner = Owner {
        namespace: "team-a".parse().unwrap(),
        sync: "app".parse().unwrap(),
    };
    let namespace = Some("team-a".parse().unwrap());
    let watched = Watched {
        resource: Arc::new(resource),
        namespace,
        owner,
    };
    Box::pin(watch(script.client(), watched))
}

fn event(kind: &str, version: &str) -> String {
    format!(
        "{{\"type\":\"{kind}\",\"object\":{{\"metadata\":{{\"name\":\"db\",\"uid\":\"u\",\
         \"resourceVersion\":\"{version}\"}}}}}}\n"
    )
}

/// The resource versions that watches started from.
fn versions(script: &Script) -> Vec<String> {
    let version = |asked: &String| Some(asked.split_once("resourceVersion=")?.1.to_owned());
    script.asked().iter().filter_map(version).collect()
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_ended() {
    let script = Script::default()
        .then(200, EMPTY)
        .then(200, &(event("ADDED", "6") + &event("BOOKMARK", "9")))
        .then(200, &event("DELETED", "10"));
    let mut events = start(&script);
    assert_eq!(events.next().await, Some(Event::Relisted(Vec::new())));
    assert!(matches!(events.next().await, Some(Event::Applied(seen)) if seen.name == "db"));
    assert!(matches!(events.next().await, Some(Event::Deleted(_))));
    assert_eq!(versions(&script), ["5", "9"]);
    let asked = script.asked();
    assert!(asked[0].starts_with(
        "GET /api/v1/namespaces/team-a/secrets?labelSelector=lockstep.dev%2Fsync%3Dapp%2C"
    ));
    assert!(asked[1].contains("watch=true&allowWatchBookmarks=true"));
}

#[tokio::test(start_paused = true)]
async fn a_version_too_old_means_a_new_list() {
    let gone = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n";
    let script = Script::default()
        .then(200, EMPTY)
        .then(200, gone)
        .then(200, EMPTY)
        .then(410, r#"{"kind":"Status","code":410}"#)
        .then(200, EMPTY);
    let mut events = start(&script);
    for _ in 0..3 {
        assert_eq!(events.next().await, Some(Event::Relisted(Vec::new())));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_object_is_passed_over() {
    let broken = "{\"type\":\"ADDED\",\"object\":{\"metadata\":5}}\n";
    let script = Script::default()
        .then(200, EMPTY)
        .then(200, &(broken.to_owned() + &event("MODIFIED", "7")));
    let mut events = start(&script);
    events.next().await;
    assert!(matches!(events.next().await, Some(Event::Applied(_))));
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_come_further_and_further_apart() {
    let mut script = Script::default().then(200, EMPTY);
    for _ in 0..8 {
        script = script.then(200, "");
    }
    script = script.then(200, &event("ADDED", "6"));
    let mut events = start(&script);
    events.next().await;
    let started = tokio::time::Instant::now();
    assert!(matches!(events.next().await, Some(Event::Applied(_))));
    // 0.2 s doubled eight times is more than half a minute, however the jitter falls.
    assert!(started.elapsed() > Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn one_failure_is_borne_in_silence_and_two_are_told() {
    let script = Script::default()
        .then(503, "")
        .then(200, EMPTY)
        .then(503, "")
        .then(503, "")
        .then(200, &event("ADDED", "6"));
    let mut events = start(&script);
    assert_eq!(events.next().await, Some(Event::Relisted(Vec::new())));
    assert_eq!(
        events.next().await,
        Some(Event::Failed(ApiError::Unavailable { status: 503 }))
    );
    assert_eq!(
        events.next().await,
        Some(Event::Resumed),
        "a failure that is over must not be believed until somebody writes"
    );
    assert!(matches!(events.next().await, Some(Event::Applied(_))));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_at_once() {
    let script = Script::default().then(403, r#"{"kind":"Status","reason":"Forbidden"}"#);
    let mut events = start(&script);
    assert_eq!(
        events.next().await,
        Some(Event::Failed(ApiError::Forbidden))
    );
}

#[tokio::test(start_paused = true)]
async fn pages_are_put_together() {
    let page = |next: &str, name: &str| {
        format!(
            r#"{{"metadata":{{"resourceVersion":"5","continue":"{next}"}},
                "items":[{{"metadata":{{"name":"{name}","uid":"u"}}}}]}}"#
        )
    };
    let script = Script::default()
        .then(200, &page("a/b=", "one"))
        .then(200, &page("", "two"));
    let mut events = start(&script);
    let Some(Event::Relisted(all)) = events.next().await else {
        panic!("no list")
    };
    let names: Vec<_> = all.iter().map(|seen| seen.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(script.asked()[1].ends_with("&continue=a%2Fb%3D"));
}
