//! What the API server refuses, and that the refusal says nothing it should not.

use crate::team::Team;
use lockstep_apply::{ApiError, Kinds, Planned, verify_account};
use lockstep_secret::SecretBytes;
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;

const CANARY: &str = "hunter2-canary";

async fn refuse(team: &Team, planned: Planned) -> ApiError {
    let session = team.session("app");
    let error = session
        .apply(planned, &AtomicBool::new(false))
        .await
        .unwrap_err();
    session.close().await;
    error
}

#[tokio::test]
async fn the_team_may_what_its_role_says_and_no_more() {
    let team = Team::new("refused-rbac").await;
    let other = Team::new("refused-rbac-other").await;
    let mut elsewhere = team.secret("app", "db", json!({})).await;
    elsewhere.namespace = Some(other.namespace.clone());
    let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}});
    elsewhere.body = SecretBytes::new(body.to_string().into_bytes());
    assert_eq!(refuse(&team, elsewhere).await, ApiError::Forbidden);

    let mut wrong_kind = team.secret("app", "db", json!({})).await;
    wrong_kind.resource = team.resource("ConfigMap").await;
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "db"}});
    wrong_kind.body = SecretBytes::new(body.to_string().into_bytes());
    assert_eq!(refuse(&team, wrong_kind).await, ApiError::Forbidden);
}

#[tokio::test]
async fn only_the_teams_account_can_be_acted_as() {
    let team = Team::new("refused-account").await;
    let session =
        lockstep_apply::Session::connect(&team.server, &team.account("default"), team.owner("app"))
            .unwrap();
    let planned = team.secret("app", "db", json!({})).await;
    let error = session
        .apply(planned, &AtomicBool::new(false))
        .await
        .unwrap_err();
    assert_eq!(error, ApiError::ImpersonationForbidden);
}

#[tokio::test]
async fn the_account_is_verified_by_its_uid() {
    let team = Team::new("refused-verify").await;
    let uid = verify_account(&team.operator(), &team.account("deployer"))
        .await
        .unwrap();
    let live = team
        .kubectl()
        .json(&["serviceaccount", "deployer", "-n", "refused-verify"]);
    assert_eq!(live.unwrap()["metadata"]["uid"], uid.as_str());
    team.run(&["delete", "serviceaccount", "deployer"]);
    assert_eq!(
        verify_account(&team.operator(), &team.account("deployer")).await,
        Err(ApiError::NotFound)
    );
    assert_eq!(
        verify_account(&team.operator(), &team.account("another")).await,
        Err(ApiError::Forbidden)
    );
}

#[tokio::test]
async fn an_unknown_kind_is_unknown() {
    let team = Team::new("refused-kind").await;
    let kinds = Kinds::new(team.operator());
    assert_eq!(
        kinds.resolve(&team.key("Nothing")).await.unwrap_err(),
        ApiError::KindUnknown
    );
    assert_eq!(
        kinds.resolve(&team.key("Secret")).await.unwrap().plural,
        "secrets"
    );
    assert_eq!(
        kinds.resolve(&team.key("Namespace")).await.unwrap().scope,
        lockstep_apply::Scope::Cluster
    );
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_named_as_the_reason() {
    let team = Team::new("refused-namespace").await;
    let rights = "--clusterrole=cluster-admin";
    let account = "--serviceaccount=refused-namespace:deployer";
    team.run(&[
        "create",
        "clusterrolebinding",
        "refused-namespace",
        rights,
        account,
    ]);
    let mut planned = team.secret("app", "db", json!({})).await;
    planned.namespace = Some("nowhere".parse().unwrap());
    let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}});
    planned.body = SecretBytes::new(body.to_string().into_bytes());
    let error = refuse(&team, planned).await;
    team.run(&["delete", "clusterrolebinding", "refused-namespace"]);
    assert_eq!(error, ApiError::NamespaceNotFound);
}

/// Secrets that cannot be, each holding the canary where the API server could quote it.
fn malformed() -> Vec<(&'static str, Value)> {
    let large = format!("{CANARY}{}", "x".repeat(3 << 20));
    vec![
        ("Malformed", json!({"stringData": {"a": 5, "b": CANARY}})),
        ("Malformed", json!({"data": {"a": CANARY}})),
        ("Malformed", json!({"data": CANARY})),
        ("Malformed", json!({"data": [CANARY]})),
        ("Malformed", json!({"daat": {"a": CANARY}})),
        ("Malformed", json!({"type": {"a": CANARY}})),
        (
            "Invalid",
            json!({"stringData": {format!("{} b", "a"): CANARY}}),
        ),
        ("Invalid", json!({"stringData": {"a/b": CANARY}})),
        (
            "Invalid",
            json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": CANARY}}),
        ),
        (
            "Invalid",
            json!({"type": "kubernetes.io/dockerconfigjson",
                   "stringData": {".dockerconfigjson": CANARY}}),
        ),
        ("Malformed", json!({"immutable": CANARY})),
        ("TooLarge", json!({"stringData": {"a": large}})),
    ]
}

#[tokio::test]
async fn no_refusal_quotes_the_secret() {
    let team = Team::new("refused-canary").await;
    for (reason, fields) in malformed() {
        let planned = team.planned("app", "db", fields.clone()).await;
        let error = refuse(&team, planned).await;
        let what = fields.to_string();
        assert_eq!(error.reason(), reason, "{}", &what[..what.len().min(100)]);
        let said = format!("{error} {error:?} {:?}", error.hint());
        assert!(!said.contains(CANARY), "{said}");
        assert!(!error.is_transient(), "{said}");
    }
}

#[tokio::test]
async fn an_immutable_secret_is_refused_by_field() {
    let team = Team::new("refused-immutable").await;
    let session = team.session("app");
    let stop = AtomicBool::new(false);
    let first = json!({"immutable": true, "data": {"a": "eA=="}});
    session
        .apply(team.planned("app", "db", first).await, &stop)
        .await
        .unwrap();
    let second = json!({"immutable": true, "data": {"a": "eQ=="}});
    let error = session
        .apply(team.planned("app", "db", second).await, &stop)
        .await
        .unwrap_err();
    let ApiError::Invalid { fields } = error else {
        panic!("{error}")
    };
    assert_eq!(fields[0].path, "data");
}

#[tokio::test]
async fn a_namespace_on_its_way_out_takes_nothing_in() {
    let team = Team::new("refused-terminating").await;
    team.resource("Secret").await;
    team.run(&["delete", "namespace", "refused-terminating", "--wait=false"]);
    let planned = team.secret("app", "db", json!({"a": "eA=="})).await;
    assert_eq!(refuse(&team, planned).await, ApiError::Terminating);
}

#[tokio::test]
async fn a_policy_that_denies_is_named_and_not_quoted() {
    let team = Team::new("refused-policy").await;
    let policy = format!(
        r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: refused-policy}}
spec:
  matchConstraints:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: refused-policy}}}}
    resourceRules:
    - {{apiGroups: [""], apiVersions: [v1], resources: [secrets], operations: [CREATE, UPDATE]}}
  validations:
  - expression: "object.metadata.name != 'denied'"
    message: "{CANARY}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: refused-policy}}
spec: {{policyName: refused-policy, validationActions: [Deny]}}
"#
    );
    team.kubectl().apply(&policy).unwrap();
    // Policies take effect a moment after they are made.
    let until_denied = async {
        loop {
            let planned = team.secret("app", "denied", json!({})).await;
            let session = team.session("app");
            match session.apply(planned, &AtomicBool::new(false)).await {
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
                Err(error) => break error,
            }
            team.run(&["delete", "secret", "denied"]);
        }
    };
    let patience = std::time::Duration::from_secs(60);
    let error = tokio::time::timeout(patience, until_denied).await.unwrap();
    let kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings";
    team.run(&["delete", kinds, "refused-policy"]);
    assert_eq!(
        error,
        ApiError::Denied {
            by: Some("refused-policy".into())
        }
    );
}
