//! The account a team acts as, and what it may reach: kinds, repositories, credentials.

use crate::steps::{patch_team, settings, wait_repository, wait_sync};
use lockstep_e2e::{Stage, config_map, failures};
use lockstep_testbed::{OPERATOR_NAMESPACE, condition};
use serde_json::json;

/// The operator's own account, as the API server names it.
const OPERATOR: &str = "system:serviceaccount:lockstep-system:lockstep-operator";

#[test]
fn a_cluster_scoped_kind_needs_the_team_and_the_rights() {
    let stage = Stage::shared().unwrap();
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\n\
                 metadata: {name: ranked}\nvalue: 7\n";
    let files = [("deploy/class.yaml", class)];
    let (tenant, commit) = stage.pushed("ranked", &files, &json!({})).unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("deploy/class.yaml", "KindNotAllowed")]);

    let kind = json!({"group": "scheduling.k8s.io", "kind": "PriorityClass"});
    patch_team(&tenant, &json!({"clusterScopedKinds": [kind]})).unwrap();
    tenant
        .wait("the API server refuses it", |sync| {
            failures(sync) == [("deploy/class.yaml", "Forbidden")]
        })
        .unwrap();

    let kubectl = tenant.kubectl();
    let role = [
        "create",
        "clusterrole",
        "ranked",
        "--resource=priorityclasses",
    ];
    kubectl
        .run(&[&role[..], &["--verb=get,list,watch,create,patch"]].concat())
        .unwrap();
    let bind = [
        "create",
        "clusterrolebinding",
        "ranked",
        "--clusterrole=ranked",
    ];
    kubectl
        .run(&[&bind[..], &["--serviceaccount=ranked:deployer"]].concat())
        .unwrap();
    let asked = ["annotate", "sync", "ranked", "-n", "ranked"];
    kubectl
        .run(&[&asked[..], &["reconcile.lockstep.dev/requestedAt=1"]].concat())
        .unwrap();
    tenant.wait_applied(&commit).unwrap();
    let class = kubectl.json(&["priorityclass", "ranked"]).unwrap();
    assert_eq!(class["value"], 7);
}

#[test]
fn credentials_are_read_as_the_team_or_not_at_all() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("barred").unwrap();
    let kubectl = tenant.kubectl();
    let role = ["role", "deployer", "-n", "barred"];
    let whole = kubectl.json(&role).unwrap();
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"],
                        "verbs": ["get", "list", "watch", "create", "patch", "delete"]}]);
    kubectl
        .patch(&role, &json!({"rules": rules}).to_string())
        .unwrap();
    let (path, text) = settings();
    tenant.checkout().write(path, &text).unwrap();
    let commit = tenant.checkout().push("settings").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let repository = wait_repository(&tenant, "CredentialsMissing").unwrap();
    let message = condition(&repository, "Ready")["message"].as_str().unwrap();
    assert!(
        message.contains("git-credentials") && message.contains("barred/deployer"),
        "{message}"
    );

    kubectl
        .patch(&role, &json!({"rules": whole["rules"]}).to_string())
        .unwrap();
    tenant.wait_applied(&commit).unwrap();
}

#[test]
fn the_operator_by_itself_can_read_no_tenants_secret_and_become_nobody_else() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("private").unwrap();
    let may = |what: &[&str]| {
        let command = [&["auth", "can-i"], what, &["--as", OPERATOR]].concat();
        // kubectl exits with 1 for "no".
        tenant
            .kubectl()
            .run(&command)
            .is_ok_and(|answer| answer.trim() == "yes")
    };
    let own = ["-n", "private"];
    assert!(may(&[
        "impersonate",
        "serviceaccounts/deployer",
        "-n",
        "private"
    ]));
    assert!(may(&["get", "secrets", "-n", OPERATOR_NAMESPACE]));
    for verb in ["get", "list", "watch", "create", "patch", "delete"] {
        assert!(!may(&[&[verb, "secrets"], &own[..]].concat()), "{verb}");
        assert!(!may(&[&[verb, "configmaps"], &own[..]].concat()), "{verb}");
    }
    for what in ["serviceaccounts/default", "users", "groups"] {
        assert!(!may(&[&["impersonate", what], &own[..]].concat()), "{what}");
    }
    for verb in ["create", "patch", "delete"] {
        assert!(!may(&[verb, "teams"]), "{verb}");
        assert!(!may(&[&[verb, "roles"], &own[..]].concat()), "{verb}");
    }
    for verb in ["create", "patch", "delete"] {
        assert!(!may(&[verb, "secrets", "-n", OPERATOR_NAMESPACE]), "{verb}");
    }
}

#[test]
fn a_missing_account_heals_when_it_is_made() {
    let stage = Stage::shared().unwrap();
    let (path, text) = settings();
    let (tenant, _) = stage
        .applied("accountless", &[(path, &text)], &json!({}))
        .unwrap();
    let kubectl = tenant.kubectl();
    let account = ["serviceaccount", "deployer", "-n", "accountless"];
    kubectl.run(&[&["delete"], &account[..]].concat()).unwrap();
    tenant
        .checkout()
        .write("deploy/more.yaml", &config_map("more", &[("a", "b")]))
        .unwrap();
    let commit = tenant.publish("more").unwrap();
    wait_repository(&tenant, "CredentialsMissing").unwrap();
    kubectl.run(&[&["create"], &account[..]].concat()).unwrap();
    tenant.wait_applied(&commit).unwrap();
}

#[test]
fn a_repository_is_fetched_once_the_team_allows_it() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("visitor").unwrap();
    patch_team(
        &tenant,
        &json!({"repositories": ["https://git.example.com/*"]}),
    )
    .unwrap();
    let (path, text) = settings();
    tenant.checkout().write(path, &text).unwrap();
    let commit = tenant.checkout().push("settings").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    wait_repository(&tenant, "RepositoryNotAllowed").unwrap();
    wait_sync(&tenant, "RepositoryNotAllowed").unwrap();
    patch_team(&tenant, &json!({"repositories": [tenant.url()]})).unwrap();
    tenant.wait_applied(&commit).unwrap();
}
