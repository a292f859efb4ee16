//! The operator's rights: enough, and nothing wider.

use lockstep_api::{AccessError, Team, key_access, reserved_namespace, team_access, team_of};
use lockstep_names::Account;
use serde_json::json;

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

#[test]
fn keys_may_be_made_in_the_operators_namespace_only_if_a_team_asks() {
    let mut asking = team("b", &["team-b"]);
    assert!(key_access(std::slice::from_ref(&asking), &operator()).is_empty());
    let key = json!({"secretRef": {"name": "b-age"}, "generate": "Once"});
    asking.spec.keys = vec![serde_json::from_value(key).unwrap()];
    let objects = key_access(&[team("a", &["team-a"]), asking], &operator());
    let [role, binding] = &objects[..] else {
        panic!("a Role and its binding: {objects:?}");
    };
    let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]});
    assert_eq!(role["rules"], json!([rule]));
    for object in [role, binding] {
        assert_eq!(object["metadata"]["namespace"], "lockstep-system");
    }
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
}

#[test]
fn each_namespace_of_a_team_gets_one_role_and_its_binding() {
    let teams = [team("b", &["team-b"]), team("a", &["team-a", "team-a-dev"])];
    let objects = team_access(&teams, &operator()).objects;
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

/// What is left out of the access of `teams`, after a look at whose namespaces are in it.
fn refused(teams: &[Team], granted: &[&str]) -> Vec<AccessError> {
    let access = team_access(teams, &operator());
    let roles = access.objects.iter().filter(|it| it["kind"] == "Role");
    let places: Vec<_> = roles
        .map(|it| it["metadata"]["namespace"].clone())
        .collect();
    assert_eq!(places, granted);
    access.refused
}

#[test]
fn what_a_team_may_not_have_is_left_out_and_nothing_else() {
    for namespace in [
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "lockstep-system",
    ] {
        let teams = [team("a", &[namespace, "team-a"]), team("b", &["team-b"])];
        let found = refused(&teams, &["team-a", "team-b"]);
        assert!(
            matches!(&found[..], [AccessError::Reserved { .. }]),
            "{namespace}: {found:?}"
        );
        let namespace = namespace.parse().unwrap();
        assert!(reserved_namespace(&namespace, &operator().namespace).is_some());
    }
    let shared = [team("a", &["x", "team-a"]), team("b", &["x"])];
    let found = refused(&shared, &["team-a"]);
    assert!(matches!(
        &found[..],
        [AccessError::Shared { team: a, .. }, AccessError::Shared { team: b, .. }] if a == "a" && b == "b"
    ));
    let injected = [
        team("a", &["team-a\nX-Remote-User: admin"]),
        team("b", &["team-b"]),
    ];
    let found = refused(&injected, &["team-b"]);
    assert!(matches!(&found[..], [AccessError::Name { .. }]));
    let mut nobody = team("a", &["team-a"]);
    nobody.spec.service_account_name = "Deployer".into();
    let found = refused(&[nobody, team("b", &["team-b"])], &["team-b"]);
    assert!(matches!(
        &found[..],
        [AccessError::Name {
            field: "serviceAccountName",
            ..
        }]
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
