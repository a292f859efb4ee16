//! Applying: what is written, what is kept, what is taken back.

use crate::team::Team;
use lockstep_apply::{ApiError, Change, ConflictPolicy, ConflictingField, Previous};
use serde_json::json;
use std::sync::atomic::AtomicBool;

#[tokio::test]
async fn a_secret_is_made_changed_and_left_alone() {
    let team = Team::new("apply-plain").await;
    let first = team
        .apply("app", json!({"password": "b25l"}), None)
        .await
        .unwrap();
    assert_eq!(first.change, Change::Created);
    let fields: Vec<_> = first.recorded.fields().iter().collect();
    assert_eq!(
        fields,
        [
            ".data.password",
            ".metadata.labels.lockstep.dev/sync",
            ".metadata.labels.lockstep.dev/sync-namespace"
        ]
    );

    let again = team
        .apply("app", json!({"password": "b25l"}), Some(&first.recorded))
        .await
        .unwrap();
    assert_eq!(again.change, Change::Unchanged);
    assert_eq!(again.recorded, first.recorded);

    let changed = team
        .apply("app", json!({"user": "eA=="}), Some(&again.recorded))
        .await
        .unwrap();
    assert_eq!(changed.change, Change::Configured);
    assert_eq!(team.live("db")["data"], json!({"user": "eA=="}));
}

#[tokio::test]
async fn what_never_was_ours_is_not_taken_unless_told() {
    let team = Team::new("apply-conflict").await;
    team.run(&[
        "create",
        "secret",
        "generic",
        "db",
        "--from-literal=password=x",
    ]);
    let conflict = team
        .apply("app", json!({"password": "b25l"}), None)
        .await
        .unwrap_err();
    let field = ConflictingField {
        path: ".data.password".into(),
        manager: "kubectl-create".into(),
    };
    assert_eq!(
        conflict,
        ApiError::Conflict {
            fields: vec![field.clone()]
        }
    );
    assert_eq!(team.live("db")["data"], json!({"password": "eA=="}));

    let session = team.session("app");
    let mut planned = team.secret("app", "db", json!({"password": "b25l"})).await;
    planned.conflicts = ConflictPolicy::Force;
    let applied = session
        .apply(planned, &AtomicBool::new(false))
        .await
        .unwrap();
    assert_eq!(applied.forced, [field]);
    assert_eq!(team.live("db")["data"], json!({"password": "b25l"}));
}

#[tokio::test]
async fn what_was_ours_is_taken_back_without_being_told() {
    let team = Team::new("apply-back").await;
    let ours = json!({"password": "b25l"});
    let first = team.apply("app", ours.clone(), None).await.unwrap();
    team.run(&[
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"data":{"password":"dHdv","extra":"eA=="}}"#,
    ]);
    let back = team
        .apply("app", ours, Some(&first.recorded))
        .await
        .unwrap();
    assert_eq!(back.forced[0].manager, "kubectl-patch");
    assert_eq!(
        team.live("db")["data"],
        json!({"password": "b25l", "extra": "eA=="})
    );
}

#[tokio::test]
async fn two_syncs_cannot_have_one_object() {
    let team = Team::new("apply-two").await;
    team.apply("first", json!({"a": "eA=="}), None)
        .await
        .unwrap();
    let error = team
        .apply("second", json!({"b": "eA=="}), None)
        .await
        .unwrap_err();
    let ApiError::Conflict { fields } = error else {
        panic!("{error}")
    };
    assert_eq!(fields[0].manager, "lockstep/apply-two/first");
    assert_eq!(fields[0].path, ".metadata.labels.lockstep.dev/sync");
}

#[tokio::test]
async fn many_are_applied_at_once_and_a_stop_spares_the_rest() {
    let team = Team::new("apply-many").await;
    let session = team.session("app");
    let mut planned = Vec::new();
    for n in 0..20 {
        planned.push(
            team.secret("app", &format!("s{n}"), json!({"a": "eA=="}))
                .await,
        );
    }
    let results = session.apply_all(planned, 8, &AtomicBool::new(false)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let stopped = vec![team.secret("app", "late", json!({})).await];
    let results = session.apply_all(stopped, 8, &AtomicBool::new(true)).await;
    assert_eq!(results, [Err(ApiError::Stopped)]);
    let live = team.run(&["get", "secrets", "-o", "name"]);
    assert_eq!(live.lines().count(), 20);
    assert!(!live.contains("late"));
}

#[tokio::test]
async fn after_a_restart_the_inventory_says_what_is_ours() {
    let team = Team::new("apply-restart").await;
    let first = team.apply("app", json!({"a": "b25l"}), None).await.unwrap();
    team.run(&["patch", "secret", "db", "-p", r#"{"data":{"a":"dHdv"}}"#]);
    let inherit = async |uid: &str| {
        let session = team.session("app");
        let mut planned = team.secret("app", "db", json!({"a": "b25l"})).await;
        planned.conflicts = ConflictPolicy::ForceOn { uid: uid.into() };
        session.apply(planned, &AtomicBool::new(false)).await
    };
    let other = inherit("11111111-2222-3333-4444-555555555555").await;
    assert!(matches!(other, Err(ApiError::Conflict { .. })));
    assert_eq!(
        inherit(first.recorded.uid()).await.unwrap().forced[0].path,
        ".data.a"
    );

    let mut rival = team.secret("rival", "db", json!({"a": "dHdv"})).await;
    rival.conflicts = ConflictPolicy::Force;
    rival.previous = Some(Previous::Sync(team.owner("app")));
    team.session("rival")
        .apply(rival, &AtomicBool::new(false))
        .await
        .unwrap();
    let displaced = inherit(first.recorded.uid()).await;
    assert!(matches!(displaced, Err(ApiError::Conflict { .. })));
}

/// List items are told apart by keys, and both sides must spell those alike.
#[tokio::test]
async fn a_field_in_a_list_is_taken_back_too() {
    let team = Team::new("apply-list").await;
    let deployment = async |recorded| {
        let container = json!({"name": "web", "image": "example.com/web:1",
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "env": [{"name": "A", "value": "1"}]});
        let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": team.owner("app").labels()},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}}});
        let mut planned = team.secret("app", "web", json!({})).await;
        planned.resource = team.resource("Deployment").await;
        planned.body = lockstep_secret::SecretBytes::new(body.to_string().into_bytes());
        planned.recorded = recorded;
        team.session("app")
            .apply(planned, &AtomicBool::new(false))
            .await
            .unwrap()
    };
    let first = deployment(None).await;
    let patch = r#"{"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"web",
        "image":"example.com/evil:1","env":[{"name":"A","value":"2"}]}]}}}}"#;
    team.run(&["patch", "deployment", "web", "-p", patch]);
    let back = deployment(Some(first.recorded)).await;
    let mut forced: Vec<_> = back
        .forced
        .iter()
        .map(|field| field.path.as_str())
        .collect();
    forced.sort_unstable();
    let container = ".spec.template.spec.containers[name=\"web\"]";
    assert_eq!(
        forced,
        [
            format!("{container}.env[name=\"A\"].value"),
            format!("{container}.image")
        ]
    );
    let get = ["deployment", "web", "-n", "apply-list"];
    let live = team.kubectl().json(&get).unwrap();
    assert_eq!(
        live["spec"]["template"]["spec"]["containers"][0]["image"],
        "example.com/web:1"
    );
    assert_eq!(live["spec"]["replicas"], 3);
}
