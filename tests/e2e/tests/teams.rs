//! The walls between teams, and between a team and the cluster: whatever a tenant writes.

use anyhow::{Result, ensure};
use lockstep_e2e::{Stage, config_map, secret, until};
use lockstep_testbed::{OPERATOR_NAMESPACE, Tenant, condition, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// A tenant that has pushed these files, some of them encrypted, and wants them applied.
fn with_files(stage: &Stage, name: &str, files: &[(&str, &str)]) -> Result<(Tenant, String)> {
    let tenant = stage.tenant(name)?;
    for (path, content) in files {
        tenant.checkout().write(path, content)?;
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    let commit = tenant.checkout().push("files")?;
    tenant.sync(&json!({"path": "deploy"}))?;
    Ok((tenant, commit))
}

fn reasons(sync: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failures = sync["status"]["failures"].as_array().into_iter().flatten();
    failures
        .map(|failure| (text(&failure["path"]), text(&failure["reason"])))
        .collect()
}

fn reason(path: &str, reason: &str) -> (String, String) {
    (path.to_owned(), reason.to_owned())
}

#[test]
fn a_file_for_another_team_stays_closed() {
    let stage = Stage::shared().unwrap();
    let blue = stage.tenant("blue").unwrap();
    let red = stage.tenant("red").unwrap();
    let checkout = red.checkout();
    checkout
        .write(
            "deploy/stolen-secret.yaml",
            &secret("stolen", &[("key", "of-blue")]),
        )
        .unwrap();
    checkout
        .write(
            "deploy/settings.yaml",
            &config_map("settings", &[("level", "info")]),
        )
        .unwrap();
    let recipient = blue.cluster_key().recipient();
    red.lockstep(&[
        "encrypt",
        "-i",
        "--age",
        recipient,
        "deploy/stolen-secret.yaml",
    ])
    .unwrap();
    let commit = checkout.push("blue's file in red's repository").unwrap();
    red.sync(&json!({"path": "deploy"})).unwrap();
    let sync = red.wait_failed(&commit, "KeyMissing").unwrap();
    assert_eq!(
        reasons(&sync),
        [reason("deploy/stolen-secret.yaml", "KeyMissing")]
    );
    assert_eq!(sync["status"]["recipients"]["needed"], json!([recipient]));
    assert_eq!(
        sync["status"]["recipients"]["held"],
        json!([red.cluster_key().recipient()])
    );
    assert!(
        red.kubectl()
            .exists(&["configmap", "settings", "-n", "red"])
            .unwrap()
    );
    assert!(
        !red.kubectl()
            .exists(&["secret", "stolen", "-n", "red"])
            .unwrap()
    );
}

#[test]
fn other_namespaces_and_cluster_scoped_kinds_are_refused_alone() {
    let stage = Stage::shared().unwrap();
    let elsewhere = secret("there", &[("a", "b")]).replace(
        "  name: there\n",
        &format!("  name: there\n  namespace: {OPERATOR_NAMESPACE}\n"),
    );
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: all\n";
    let (tenant, commit) = with_files(
        &stage,
        "reach",
        &[
            ("deploy/there-secret.yaml", &elsewhere),
            ("deploy/role.yaml", role),
            (
                "deploy/settings.yaml",
                &config_map("settings", &[("level", "info")]),
            ),
        ],
    )
    .unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(
        reasons(&sync),
        [
            reason("deploy/role.yaml", "KindNotAllowed"),
            reason("deploy/there-secret.yaml", "NamespaceNotAllowed"),
        ]
    );
    let kubectl = tenant.kubectl();
    assert!(
        kubectl
            .exists(&["configmap", "settings", "-n", "reach"])
            .unwrap()
    );
    assert!(
        !kubectl
            .exists(&["secret", "there", "-n", OPERATOR_NAMESPACE])
            .unwrap()
    );
    assert!(!kubectl.exists(&["clusterrole", "all"]).unwrap());
}

#[test]
fn what_the_account_may_not_do_the_api_server_forbids() {
    let stage = Stage::shared().unwrap();
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: all\n\
                rules:\n- apiGroups: ['*']\n  resources: ['*']\n  verbs: ['*']\n";
    let (tenant, commit) = with_files(&stage, "rights", &[("deploy/role.yaml", role)]).unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(reasons(&sync), [reason("deploy/role.yaml", "Forbidden")]);
}

#[test]
fn a_namespace_of_two_teams_belongs_to_neither() {
    let stage = Stage::shared().unwrap();
    let settings = config_map("settings", &[("level", "info")]);
    let (tenant, commit) =
        with_files(&stage, "wanted", &[("deploy/settings.yaml", &settings)]).unwrap();
    tenant.wait_applied(&commit).unwrap();
    let kubectl = tenant.kubectl();
    let mut other = kubectl.json(&["team", "wanted"]).unwrap();
    other["metadata"] = json!({"name": "thief"});
    kubectl.apply(&other.to_string()).unwrap();
    let refused = |sync: &Value| condition(sync, "Ready")["reason"] == "TwoTeams";
    tenant.wait("the second Team is noticed", refused).unwrap();
    let settings = ["configmap", "settings", "-n", "wanted"];
    let patch = json!({"data": {"level": "debug"}}).to_string();
    kubectl.patch(&settings, &patch).unwrap();

    kubectl.run(&["delete", "team", "thief"]).unwrap();
    tenant.wait_applied(&commit).unwrap();
    // Nobody watched meanwhile, and what was changed is put back all the same.
    let back = |it: &Value| it["data"]["level"] == "info";
    until(kubectl, &settings, back).unwrap();
}

#[test]
fn a_repository_the_team_may_not_use_is_not_asked() {
    let stage = Stage::shared().unwrap();
    let other = stage.tenant("owner").unwrap();
    other.checkout().push("owner's").unwrap();
    let asked = || {
        let handled = stage.installation.server().handled();
        handled
            .iter()
            .filter(|handled| handled.target.starts_with("/owner.git/"))
            .count()
    };
    let before = asked();
    let tenant = stage.tenant("guest").unwrap();
    tenant.checkout().push("guest's").unwrap();
    tenant.sync(&json!({})).unwrap();
    let url = json!({"spec": {"url": other.url()}}).to_string();
    tenant
        .kubectl()
        .patch(&["repository", "guest", "-n", "guest"], &url)
        .unwrap();
    tenant
        .wait("the repository is refused", |sync| {
            condition(sync, "Ready")["reason"] == "RepositoryNotAllowed"
        })
        .unwrap();
    assert_eq!(asked(), before);
}

#[test]
fn without_its_account_a_team_does_nothing_and_loses_nothing() {
    let stage = Stage::shared().unwrap();
    let settings = config_map("settings", &[("level", "info")]);
    let (tenant, commit) =
        with_files(&stage, "orphan", &[("deploy/settings.yaml", &settings)]).unwrap();
    tenant.wait_applied(&commit).unwrap();
    tenant
        .kubectl()
        .run(&["delete", "serviceaccount", "deployer", "-n", "orphan"])
        .unwrap();
    tenant.checkout().remove("deploy/settings.yaml").unwrap();
    tenant
        .checkout()
        .write(
            "deploy/more.yaml",
            &config_map("more", &[("level", "info")]),
        )
        .unwrap();
    tenant.publish("without an account").unwrap();
    for (what, reason) in [
        (&["team", "orphan"][..], "ServiceAccountNotFound"),
        (
            &["repository", "orphan", "-n", "orphan"],
            "CredentialsMissing",
        ),
    ] {
        eventually("the account is missed", Duration::from_secs(30), || {
            let object = tenant.kubectl().json(what)?;
            ensure!(
                condition(&object, "Ready")["reason"] == reason,
                "{}",
                object["status"]
            );
            Ok(())
        })
        .unwrap();
    }
    assert!(
        tenant
            .kubectl()
            .exists(&["configmap", "settings", "-n", "orphan"])
            .unwrap()
    );
    assert!(
        !tenant
            .kubectl()
            .exists(&["configmap", "more", "-n", "orphan"])
            .unwrap()
    );
}
