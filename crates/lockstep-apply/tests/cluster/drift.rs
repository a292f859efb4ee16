//! Drift as a real API server records it, for every way of writing that it knows.

use crate::team::Team;
use lockstep_apply::{Applied, Seen, Suspicion, Verdict};
use serde_json::{Value, json};

struct Case {
    team: Team,
    applied: Applied,
}

impl Case {
    /// A Secret of ours with a password and a user.
    async fn new(namespace: &str) -> Self {
        let team = Team::new(namespace).await;
        let data = json!({"password": "b25l", "user": "eA=="});
        let applied = team.apply("app", data, None).await.unwrap();
        Self { team, applied }
    }

    /// Our verdict on the Secret as it is now.
    fn verdict(&self) -> Verdict {
        let mut live = self.team.kubectl().json(&[
            "secret",
            "db",
            "-n",
            self.team.namespace.as_str(),
            "--show-managed-fields",
        ]);
        let seen: Seen = serde_json::from_value(live.as_mut().unwrap()["metadata"].take()).unwrap();
        self.applied
            .recorded
            .judge(&seen, &self.team.owner("app").manager(), &[])
    }

    /// The drifted fields with their managers.
    fn drifted(&self) -> Vec<(String, Option<String>)> {
        let verdict = self.verdict();
        let Verdict::Drifted(fields) = verdict else {
            panic!("{verdict:?}")
        };
        assert!(
            fields
                .iter()
                .all(|field| field.manager.is_some() == field.time.is_some())
        );
        fields
            .into_iter()
            .map(|field| (field.path, field.manager))
            .collect()
    }

    fn apply_as(&self, manager: &str, force: &str, body: &Value) {
        let namespace = self.team.namespace.as_str();
        let manager = format!("--field-manager={manager}");
        self.team
            .kubectl()
            .run_with_input(
                &[
                    "apply",
                    "--server-side",
                    force,
                    &manager,
                    "-n",
                    namespace,
                    "-f",
                    "-",
                ],
                &body.to_string(),
            )
            .unwrap();
    }
}

fn secret(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data})
}

fn password(manager: Option<&str>) -> Vec<(String, Option<String>)> {
    vec![(".data.password".to_owned(), manager.map(str::to_owned))]
}

#[tokio::test]
async fn nothing_happened() {
    assert_eq!(
        Case::new("drift-nothing").await.verdict(),
        Verdict::Unchanged
    );
}

#[tokio::test]
async fn a_merge_patch() {
    let case = Case::new("drift-patch").await;
    case.team.run(&[
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"data":{"password":"dHdv"}}"#,
    ]);
    assert_eq!(case.drifted(), password(Some("kubectl-patch")));
}

#[tokio::test]
async fn a_removal() {
    let case = Case::new("drift-removal").await;
    case.team.run(&[
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"data":{"password":null}}"#,
    ]);
    assert_eq!(case.drifted(), password(None));
}

#[tokio::test]
async fn string_data() {
    let case = Case::new("drift-string-data").await;
    case.team.run(&[
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"stringData":{"password":"two"}}"#,
    ]);
    assert_eq!(case.drifted(), password(Some("kubectl-patch")));
}

#[tokio::test]
async fn a_forced_apply() {
    let case = Case::new("drift-forced").await;
    case.apply_as(
        "rival",
        "--force-conflicts",
        &secret(&json!({"password": "dHdv"})),
    );
    assert_eq!(case.drifted(), password(Some("rival")));
}

#[tokio::test]
async fn an_apply_of_the_same_value() {
    let case = Case::new("drift-same").await;
    case.apply_as(
        "rival",
        "--force-conflicts=false",
        &secret(&json!({"password": "b25l"})),
    );
    assert_eq!(case.verdict(), Verdict::Suspect(Suspicion::NewCoOwner));
}

#[tokio::test]
async fn a_foreign_label() {
    let case = Case::new("drift-label").await;
    case.team.run(&["label", "secret", "db", "x=y"]);
    assert_eq!(case.verdict(), Verdict::Foreign);
}

#[tokio::test]
async fn our_label_taken_off() {
    let case = Case::new("drift-ours-off").await;
    case.team
        .run(&["label", "secret", "db", "lockstep.dev/sync-"]);
    assert_eq!(
        case.drifted(),
        [(".metadata.labels.lockstep.dev/sync".to_owned(), None)]
    );
}

#[tokio::test]
async fn an_apply_under_our_name() {
    let case = Case::new("drift-name").await;
    let mut body = secret(&json!({"password": "dHdv", "user": "eA=="}));
    body["metadata"]["labels"] = json!(case.team.owner("app").labels());
    case.apply_as("lockstep/drift-name/app", "--force-conflicts=false", &body);
    assert!(matches!(
        case.verdict(),
        Verdict::Suspect(Suspicion::WrittenAsUs | Suspicion::Unexplained)
    ));
}

#[tokio::test]
async fn a_patch_under_our_name() {
    let case = Case::new("drift-patch-name").await;
    case.team.run(&[
        "patch",
        "secret",
        "db",
        "--field-manager=lockstep/drift-patch-name/app",
        "-p",
        r#"{"data":{"password":"dHdv"}}"#,
    ]);
    assert_eq!(
        case.drifted(),
        password(Some("lockstep/drift-patch-name/app"))
    );
}

#[tokio::test]
async fn cleared_managed_fields() {
    let case = Case::new("drift-cleared").await;
    let clear = r#"{"metadata":{"managedFields":[{}]}}"#;
    case.team
        .run(&["patch", "secret", "db", "--type=merge", "-p", clear]);
    assert_eq!(case.drifted().len(), 4);
}

#[tokio::test]
async fn a_patch_hidden_by_the_old_managed_fields() {
    let case = Case::new("drift-hidden").await;
    let old = case.team.kubectl().json(&[
        "secret",
        "db",
        "-n",
        "drift-hidden",
        "--show-managed-fields",
    ]);
    let old = json!({"metadata": {"managedFields": old.unwrap()["metadata"]["managedFields"]}});
    case.team.run(&[
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"data":{"password":"dHdv"}}"#,
    ]);
    case.team.run(&[
        "patch",
        "secret",
        "db",
        "--type=merge",
        "-p",
        &old.to_string(),
    ]);
    assert!(!matches!(
        case.verdict(),
        Verdict::Unchanged | Verdict::Foreign
    ));
}

#[tokio::test]
async fn deleted_and_made_again() {
    let case = Case::new("drift-again").await;
    case.team.run(&["delete", "secret", "db"]);
    case.team.run(&[
        "create",
        "secret",
        "generic",
        "db",
        "--from-literal=password=x",
    ]);
    assert_eq!(case.verdict(), Verdict::Recreated);
}
