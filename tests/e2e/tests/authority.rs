//! What a team is given, and that it takes effect at once: namespaces, keys, repositories, kinds and
//! the rights of its account.

use anyhow::Result;
use lockstep_e2e::{Stage, config_map, failures, ready, secret, stored, teams_disagree, until};
use lockstep_testbed::{Kubectl, OPERATOR_NAMESPACE, Person, Tenant, condition};
use serde_json::{Value, json};

/// The operator's own account, as the API server names it.
const OPERATOR: &str = "system:serviceaccount:lockstep-system:lockstep-operator";

fn settings() -> (&'static str, String) {
    let text = config_map("settings", &[("level", "info")]);
    ("deploy/settings.yaml", text)
}

fn has_settings(tenant: &Tenant) -> Result<bool> {
    let settings = ["configmap", "settings", "-n", tenant.name()];
    tenant.kubectl().exists(&settings)
}

fn wait_repository(tenant: &Tenant, reason: &str) -> Result<Value> {
    let what = ["repository", tenant.name(), "-n", tenant.name()];
    until(tenant.kubectl(), &what, |it| ready(it) == reason)
}

fn wait_sync(tenant: &Tenant, reason: &str) -> Result<Value> {
    tenant.wait(reason, |sync| ready(sync) == reason)
}

fn patch_team(tenant: &Tenant, spec: &Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    tenant.kubectl().patch(&["team", tenant.name()], &patch)?;
    Ok(())
}

/// Leaves a Team with nothing but a new namespace.
fn elsewhere(tenant: &Tenant, team: &str) -> Result<()> {
    let namespace = format!("{team}-elsewhere");
    let kubectl = tenant.kubectl();
    kubectl.run(&["create", "namespace", &namespace])?;
    let patch = json!({"spec": {"namespaces": [namespace]}}).to_string();
    kubectl.patch(&["team", team], &patch)?;
    Ok(())
}

/// The identities the operator holds in a Secret, one an entry.
fn hold(kubectl: &Kubectl, secret: &str, entries: &[(&str, &Person)]) -> Result<()> {
    let mut texts = serde_json::Map::new();
    for (entry, person) in entries {
        texts.insert((*entry).to_owned(), person.identity_text()?.into());
    }
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": texts,
        "metadata": {"name": secret, "namespace": OPERATOR_NAMESPACE},
    });
    kubectl.apply(&object.to_string())?;
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
    let alone = teams_disagree();
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
    drop(alone);
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
    let _alone = teams_disagree();
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
fn a_copied_file_of_another_team_stays_closed_and_names_nobody() {
    let stage = Stage::shared().unwrap();
    let path = "deploy/db-secret.yaml";
    let db = secret("db", &[("password", "of-the-owner")]);
    let (owner, _) = stage.applied("lender", &[(path, &db)], &json!({})).unwrap();
    let thief = stage.tenant("borrower").unwrap();
    let copied = owner.checkout().read(path).unwrap();
    thief.checkout().write(path, &copied).unwrap();
    let commit = thief.checkout().push("copied").unwrap();
    thief.sync(&json!({"path": "deploy"})).unwrap();
    let sync = thief.wait_failed(&commit, "KeyMissing").unwrap();
    assert_eq!(failures(&sync), [(path, "KeyMissing")]);
    assert!(
        !sync["status"].to_string().contains("lender"),
        "{}",
        sync["status"]
    );
    let db = ["secret", "db", "-n", "borrower"];
    assert!(!thief.kubectl().exists(&db).unwrap());
}

#[test]
fn keys_overlap_and_a_missing_one_heals_at_once() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("rotating").unwrap();
    let (old, new) = (tenant.cluster_key(), Person::new().unwrap());
    let checkout = tenant.checkout();
    for (name, person) in [("old", old), ("new", &new)] {
        let path = format!("deploy/{name}-secret.yaml");
        checkout
            .write(&path, &secret(name, &[("key", name)]))
            .unwrap();
        tenant
            .lockstep(&["encrypt", "-i", "--age", person.recipient(), &path])
            .unwrap();
    }
    let commit = checkout.push("for two keys").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    let sync = tenant.wait_failed(&commit, "KeyMissing").unwrap();
    assert_eq!(failures(&sync), [("deploy/new-secret.yaml", "KeyMissing")]);
    assert_eq!(
        tenant.secret_value("old", "key").unwrap(),
        Some(stored("old"))
    );

    let both = [("cluster.agekey", old), ("next.agekey", &new)];
    hold(tenant.kubectl(), "rotating-age", &both).unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert_eq!(condition(&sync, "Decrypted")["status"], "True");
    assert_eq!(
        tenant.secret_value("new", "key").unwrap(),
        Some(stored("new"))
    );
    let published = |team: &Value| {
        let all = team["status"]["recipients"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        [old, &new]
            .iter()
            .all(|key| all.iter().any(|one| one["recipient"] == key.recipient()))
    };
    until(tenant.kubectl(), &["team", "rotating"], published).unwrap();
}

#[test]
fn a_key_secret_made_for_flux_works_and_its_loss_is_told() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("fluxed").unwrap();
    let kubectl = tenant.kubectl();
    hold(kubectl, "sops-age", &[("age.agekey", tenant.cluster_key())]).unwrap();
    patch_team(
        &tenant,
        &json!({"keys": [{"secretRef": {"name": "sops-age"}}]}),
    )
    .unwrap();
    kubectl
        .run(&["delete", "secret", "fluxed-age", "-n", OPERATOR_NAMESPACE])
        .unwrap();
    let db = secret("db", &[("password", "first")]);
    tenant
        .checkout()
        .write("deploy/db-secret.yaml", &db)
        .unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.checkout().push("first").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();

    kubectl
        .run(&["delete", "secret", "sops-age", "-n", OPERATOR_NAMESPACE])
        .unwrap();
    until(kubectl, &["team", "fluxed"], |it| ready(it) == "KeyMissing").unwrap();
    let sync = wait_sync(&tenant, "KeyMissing").unwrap();
    let message = condition(&sync, "Decrypted")["message"].as_str().unwrap();
    assert!(message.contains("sops-age"), "{message}");
    assert_eq!(
        tenant.secret_value("db", "password").unwrap(),
        Some(stored("first"))
    );
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
