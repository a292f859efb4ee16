//! Requests that the server asks to repeat, or answers with nonsense.

use super::*;
use crate::apply::{Change, ConflictPolicy, Planned};
use crate::kinds::Scope;
use crate::script::Script;
use lockstep_secret::SecretBytes;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const OBJECT: &str = r#"{"metadata":{"name":"db","uid":"u","resourceVersion":"1"}}"#;

fn session(script: &Script) -> Session {
    Session {
        client: script.client(),
        owner: Owner {
            namespace: "team-a".parse().unwrap(),
            sync: "app".parse().unwrap(),
        },
        connections: Connections::default(),
    }
}

fn planned() -> Planned {
    let resource = Resource {
        group: String::new(),
        version: "v1".into(),
        kind: "Secret".into(),
        plural: "secrets".into(),
        scope: Scope::Namespaced,
    };
    Planned {
        resource: Arc::new(resource),
        namespace: Some("team-a".parse().unwrap()),
        name: "db".into(),
        body: SecretBytes::new(b"{}".to_vec()),
        recorded: None,
        conflicts: ConflictPolicy::Refuse,
        ignored: Vec::new(),
        seen: None,
        previous: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_given_the_time_it_asks_for() {
    let script = Script::default()
        .then_with(429, "slow down", &[("retry-after", "7")])
        .then(
            503,
            r#"{"kind":"Status","details":{"retryAfterSeconds":5}}"#,
        )
        .then(201, OBJECT);
    let started = tokio::time::Instant::now();
    let applied = session(&script)
        .apply(planned(), &AtomicBool::new(false))
        .await
        .unwrap();
    assert_eq!(applied.change, Change::Created);
    assert!(started.elapsed() >= Duration::from_secs(12));
    let path = "PATCH /api/v1/namespaces/team-a/secrets/db?fieldManager=lockstep%2Fteam-a%2Fapp";
    assert_eq!(script.asked(), [path, path, path]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_busy_is_left_alone_in_the_end() {
    let mut script = Script::default();
    for _ in 0..9 {
        script = script.then(429, "");
    }
    let error = session(&script)
        .apply(planned(), &AtomicBool::new(false))
        .await
        .unwrap_err();
    assert_eq!(error, ApiError::Throttled);
    assert_eq!(script.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_an_error_without_its_text() {
    let script = Script::default().then(200, r#"{"metadata":{"uid":"hunter2"#);
    let error = session(&script)
        .apply(planned(), &AtomicBool::new(false))
        .await
        .unwrap_err();
    assert_eq!(error, ApiError::Unreadable { status: 200 });
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_is_run_again() {
    let lost = r#"{"kind":"Status","reason":"Conflict","details":{"kind":"secrets"}}"#;
    let script = Script::default().then(409, lost).then(200, OBJECT);
    let applied = session(&script)
        .apply(planned(), &AtomicBool::new(false))
        .await
        .unwrap();
    assert_eq!(applied.change, Change::Configured);
}
