//! Whose a namespace is.

use crate::steps::{has_settings, patch_team, settings, wait_repository, wait_sync};
use anyhow::Result;
use lockstep_e2e::{Stage, config_map, failures, ready, until};
use lockstep_testbed::{OPERATOR_NAMESPACE, Tenant, condition};
use serde_json::json;

/// Leaves a Team with nothing but a new namespace.
fn elsewhere(tenant: &Tenant, team: &str) -> Result<()> {
    let namespace = format!("{team}-elsewhere");
    let kubectl = tenant.kubectl();
    kubectl.run(&["create", "namespace", &namespace])?;
    let patch = json!({"spec": {"namespaces": [namespace]}}).to_string();
    kubectl.patch(&["team", team], &patch)?;
    Ok(())
}

#[test]
fn a_namespace_of_no_team_gets_nothing_until_a_team_names_it() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("stray").unwrap();
    let mut team = tenant.kubectl().json(&["team", "stray"]).unwrap();
    tenant.kubectl().run(&["delete", "team", "stray"]).unwrap();
    let (path, text) = settings();
    tenant.checkout().write(path, &text).unwrap();
    let commit = tenant.checkout().push("settings").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    wait_repository(&tenant, "NoTeam").unwrap();
    wait_sync(&tenant, "NoTeam").unwrap();
    assert!(!has_settings(&tenant).unwrap());

    team["metadata"] = json!({"name": "stray"});
    tenant.kubectl().apply(&team.to_string()).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert!(has_settings(&tenant).unwrap());
}

#[test]
fn a_namespace_taken_from_a_team_is_left_alone() {
    let stage = Stage::shared().unwrap();
    let (path, text) = settings();
    let (tenant, commit) = stage
        .applied("taken", &[(path, &text)], &json!({}))
        .unwrap();
    elsewhere(&tenant, "taken").unwrap();
    wait_sync(&tenant, "NoTeam").unwrap();
    wait_repository(&tenant, "NoTeam").unwrap();
    let patch = json!({"data": {"level": "debug"}}).to_string();
    let settings = ["configmap", "settings", "-n", "taken"];
    tenant.kubectl().patch(&settings, &patch).unwrap();

    patch_team(&tenant, &json!({"namespaces": ["taken"]})).unwrap();
    tenant.wait_applied(&commit).unwrap();
    until(tenant.kubectl(), &settings, |it| {
        it["data"]["level"] == "info"
    })
    .unwrap();
    wait_repository(&tenant, "Succeeded").unwrap();
}

#[test]
fn a_repository_in_a_namespace_of_two_teams_is_not_fetched() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("torn").unwrap();
    let asked = || {
        let all = stage.installation.server().handled();
        all.iter()
            .filter(|it| it.target.starts_with("/torn.git/"))
            .count()
    };
    let mut rival = tenant.kubectl().json(&["team", "torn"]).unwrap();
    rival["metadata"] = json!({"name": "torn-too"});
    tenant.kubectl().apply(&rival.to_string()).unwrap();
    let (path, text) = settings();
    tenant.checkout().write(path, &text).unwrap();
    let commit = tenant.checkout().push("settings").unwrap();
    let before = asked();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    wait_repository(&tenant, "TwoTeams").unwrap();
    wait_sync(&tenant, "TwoTeams").unwrap();
    for team in ["torn", "torn-too"] {
        until(tenant.kubectl(), &["team", team], |it| {
            ready(it) == "NamespaceShared"
        })
        .unwrap();
    }
    assert_eq!(asked(), before);

    elsewhere(&tenant, "torn-too").unwrap();
    tenant.wait_applied(&commit).unwrap();
    tenant
        .kubectl()
        .run(&["delete", "team", "torn-too"])
        .unwrap();
}

#[test]
fn the_operators_own_namespace_is_no_teams() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("climber").unwrap();
    patch_team(
        &tenant,
        &json!({"namespaces": ["climber", OPERATOR_NAMESPACE]}),
    )
    .unwrap();
    let kubectl = tenant.kubectl();
    let team = until(kubectl, &["team", "climber"], |it| {
        ready(it) == "NamespaceReserved"
    })
    .unwrap();
    assert_eq!(
        team["status"]["namespaceProblems"][0]["name"],
        OPERATOR_NAMESPACE
    );
    let metadata = json!({"name": "climber", "namespace": OPERATOR_NAMESPACE});
    let objects = [
        json!({"apiVersion": "lockstep.dev/v1alpha1", "kind": "Repository",
               "metadata": metadata, "spec": {"url": tenant.url()}}),
        json!({"apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
               "metadata": metadata, "spec": {"sourceRef": {"name": "climber"}}}),
    ];
    for object in &objects {
        kubectl.apply(&object.to_string()).unwrap();
    }
    let sync = ["sync", "climber", "-n", OPERATOR_NAMESPACE];
    until(kubectl, &sync, |it| ready(it) == "NamespaceNotAllowed").unwrap();
    let repository = ["repository", "climber", "-n", OPERATOR_NAMESPACE];
    until(kubectl, &repository, |it| {
        condition(it, "Ready")["status"] == "False"
    })
    .unwrap();
    kubectl.run(&["delete", "team", "climber"]).unwrap();
}

#[test]
fn another_namespace_of_the_team_takes_the_accounts_rights_there() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("wide").unwrap();
    let kubectl = tenant.kubectl();
    kubectl.run(&["create", "namespace", "wide-two"]).unwrap();
    let both = json!({"namespaces": ["wide", "wide-two"]});
    patch_team(&tenant, &both).unwrap();
    let there = config_map("there", &[("level", "info")])
        .replace("metadata:\n", "metadata:\n  namespace: wide-two\n");
    let (path, text) = settings();
    tenant.checkout().write(path, &text).unwrap();
    tenant
        .checkout()
        .write("deploy/there.yaml", &there)
        .unwrap();
    let commit = tenant.checkout().push("two namespaces").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("deploy/there.yaml", "Forbidden")]);

    let mut role = kubectl.json(&["role", "deployer", "-n", "wide"]).unwrap();
    role["metadata"] = json!({"name": "deployer", "namespace": "wide-two"});
    kubectl.apply(&role.to_string()).unwrap();
    let bind = ["create", "rolebinding", "deployer", "-n", "wide-two"];
    let who = ["--role=deployer", "--serviceaccount=wide:deployer"];
    kubectl.run(&[&bind[..], &who[..]].concat()).unwrap();
    let asked = ["annotate", "sync", "wide", "-n", "wide"];
    let when = ["reconcile.lockstep.dev/requestedAt=1"];
    kubectl.run(&[&asked[..], &when[..]].concat()).unwrap();
    tenant.wait_applied(&commit).unwrap();
    let there = ["configmap", "there", "-n", "wide-two"];
    assert!(kubectl.exists(&there).unwrap());

    // It is watched and pruned there, too.
    kubectl
        .patch(&there, &json!({"data": {"level": "debug"}}).to_string())
        .unwrap();
    until(kubectl, &there, |it| it["data"]["level"] == "info").unwrap();
    tenant.checkout().remove("deploy/there.yaml").unwrap();
    let commit = tenant.publish("one namespace").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert!(!kubectl.exists(&there).unwrap());
}
