//! The operator's rights: enough, and nothing wider.

use lockstep_api::{AccessError, Team, operator_access, reserved_namespace, team_access, team_of};
use lockstep_names::Account;
use serde_json::{Value, json};

fn operator() -> Account {
    Account {
        namespace: "lockstep-system".parse().expect("a namespace"),
        name: "operator".parse().expect("an account"),
    }
}

fn team(name: &str, namespaces: &[&str]) -> Team {
    serde_json::from_value(json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team", "metadata": {"name": name},
        "spec": {"namespaces": namespaces, "serviceAccountName": "deployer",
                 "repositories": ["https://git.example.com/*"]},
    }))
    .expect("a team")
}

fn rules(objects: &[Value]) -> Vec<(&Value, &Value)> {
    let rules = |object: &'_ Value| {
        object["rules"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .len()
    };
    objects
        .iter()
        .flat_map(|object| (0..rules(object)).map(move |index| (object, &object["rules"][index])))
        .collect()
}

#[test]
fn nothing_is_granted_on_secrets_or_identities_across_namespaces() {
    let mut objects = operator_access(&operator());
    objects.extend(team_access(&[team("a", &["team-a", "team-a-dev"])], &operator()).unwrap());
    for (object, rule) in rules(&objects) {
        let text = rule.to_string();
        assert!(!text.contains('*'), "{text}");
        assert!(rule["nonResourceURLs"].is_null(), "{text}");
        if text.contains("secrets") {
            assert_eq!(object["kind"], "Role");
            assert_eq!(object["metadata"]["namespace"], "lockstep-system");
        }
        if text.contains("impersonate") {
            assert_eq!(object["kind"], "Role");
            assert_eq!(rule["resources"], json!(["serviceaccounts"]));
            assert_eq!(rule["resourceNames"], json!(["deployer"]));
        }
        for verb in ["create", "delete", "escalate", "bind"] {
            let events = rule["apiGroups"] == json!(["events.k8s.io"]);
            assert!(events || !text.contains(verb), "{text}");
        }
    }
}

#[test]
fn each_namespace_of_a_team_gets_one_role_and_its_binding() {
    let teams = [team("b", &["team-b"]), team("a", &["team-a", "team-a-dev"])];
    let objects = team_access(&teams, &operator()).unwrap();
    let places: Vec<_> = objects
        .iter()
        .map(|o| {
            (
                o["kind"].as_str().unwrap(),
                o["metadata"]["namespace"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("Role", "team-a"),
        ("RoleBinding", "team-a"),
        ("Role", "team-a-dev"),
        ("RoleBinding", "team-a-dev"),
        ("Role", "team-b"),
        ("RoleBinding", "team-b"),
    ];
    assert_eq!(places, expected);
    let subject = &objects[1]["subjects"][0];
    assert_eq!(
        (&subject["name"], &subject["namespace"]),
        (&json!("operator"), &json!("lockstep-system"))
    );
}

#[test]
fn access_to_reserved_or_shared_namespaces_is_not_written_down() {
    for namespace in [
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "lockstep-system",
    ] {
        let error = team_access(&[team("a", &[namespace])], &operator()).unwrap_err();
        assert!(
            matches!(error, AccessError::Reserved { .. }),
            "{namespace}: {error}"
        );
        let namespace = namespace.parse().unwrap();
        assert!(reserved_namespace(&namespace, &operator().namespace).is_some());
    }
    let shared = [team("a", &["x"]), team("b", &["x"])];
    assert!(matches!(
        team_access(&shared, &operator()),
        Err(AccessError::Shared(_))
    ));
    assert!(matches!(
        team_access(&[team("a", &["team-a\nX-Remote-User: admin"])], &operator()),
        Err(AccessError::Name { .. })
    ));
}

#[test]
fn a_namespace_has_exactly_one_team_or_none_is_used() {
    let teams = [team("b", &["shared", "team-b"]), team("a", &["shared"])];
    let find = |name: &str| team_of(&teams, &name.parse().unwrap());
    assert_eq!(find("team-b").unwrap().metadata.name.as_deref(), Some("b"));
    assert_eq!(
        find("team").unwrap_err().to_string(),
        "no Team names the namespace team"
    );
    assert_eq!(
        find("shared").unwrap_err().to_string(),
        "the namespace shared is named by more than one Team: a, b"
    );
}
