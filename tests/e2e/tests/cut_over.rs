//! From Flux to Lockstep without a moment of absence: the steps of
//! `docs/how-to/migrate-from-flux.md`, with Flux's own kustomize-controller.

use anyhow::{Context as _, Result, ensure};
use lockstep_e2e::{Stage, config_map, metadata, ready, secret, stored, until};
use lockstep_testbed::{FLUX_NAMESPACE, Flux, Tenant, Watch};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Every object that moves, as kind and name.
const OBJECTS: [[&str; 2]; 3] = [
    ["secret", "mail"],
    ["secret", "db"],
    ["configmap", "settings"],
];

/// Everything that happens to the objects of one kind in a namespace.
struct Diary {
    kind: &'static str,
    watch: Watch,
}

impl Diary {
    fn begin(tenant: &Tenant, kind: &'static str) -> Result<Self> {
        let what = [kind, "--namespace", tenant.name(), "--output-watch-events"];
        let path = "{.type} {.object.metadata.name}";
        let watch = Watch::start(tenant.kubectl(), &what, path)?;
        Ok(Self { kind, watch })
    }

    /// Fails when any object was deleted since the beginning.
    fn expect_no_absence(&self, tenant: &Tenant) -> Result<()> {
        // A deletion of ours is the last thing the watch sees, and shows that it sees deletions.
        let last = json!({
            "apiVersion": "v1",
            "kind": if self.kind == "secrets" { "Secret" } else { "ConfigMap" },
            "metadata": {"name": "last", "namespace": tenant.name()},
        });
        tenant.kubectl().apply(&last.to_string())?;
        let object = [self.kind, "last", "--namespace", tenant.name()];
        tenant
            .kubectl()
            .run(&[&["delete", "--wait=false"], &object[..]].concat())?;
        let deleted = RefCell::new(Vec::new());
        self.watch.until(PATIENCE, |line| {
            if line.starts_with("DELETED") {
                deleted.borrow_mut().push(line.to_owned());
            }
            line == "DELETED last"
        })?;
        let deleted = deleted.into_inner();
        ensure!(deleted == ["DELETED last"], "{}: {deleted:?}", self.kind);
        Ok(())
    }
}

fn object(tenant: &Tenant, [kind, name]: [&str; 2]) -> Result<Value> {
    let what = [kind, name, "-n", tenant.name(), "--show-managed-fields"];
    tenant.kubectl().json(&what)
}

fn uids(tenant: &Tenant) -> Result<Vec<String>> {
    let uid = |[kind, name]: &[&str; 2]| {
        metadata(tenant.kubectl(), &[kind, name, "-n", tenant.name()], "uid")
    };
    OBJECTS.iter().map(uid).collect()
}

/// Who owns a value of a Secret or ConfigMap.
fn owners<'object>(object: &'object Value, key: &str) -> Vec<&'object str> {
    let entries = object["metadata"]["managedFields"].as_array();
    let owns = |entry: &&Value| !entry["fieldsV1"]["f:data"][format!("f:{key}")].is_null();
    let managers = entries.into_iter().flatten().filter(owns);
    managers
        .map(|entry| entry["manager"].as_str().unwrap_or_default())
        .collect()
}

/// Changes the tenant's Kustomization, as a commit to the repository with Flux's own objects would.
fn change_kustomization(tenant: &Tenant, spec: &Value) -> Result<()> {
    let what = kustomization(tenant);
    let patch = json!({"spec": spec}).to_string();
    tenant.kubectl().patch(&what, &patch)?;
    Ok(())
}

fn kustomization(tenant: &Tenant) -> [&str; 4] {
    let kind = "kustomization.kustomize.toolkit.fluxcd.io";
    [kind, tenant.name(), "--namespace", FLUX_NAMESPACE]
}

/// A repository that Flux has applied, with three objects.
fn applied_by_flux(stage: &Stage, flux: &Flux) -> Result<Tenant> {
    let tenant = stage.tenant("blog")?;
    let mail = secret(
        "mail",
        &[("password", "of-mail"), ("retired", "of-mail-too")],
    );
    let files = [
        ("deploy/mail-secret.yaml", mail),
        (
            "deploy/db-secret.yaml",
            secret("db", &[("password", "of-db")]),
        ),
        (
            "deploy/settings.yaml",
            config_map("settings", &[("level", "info")]),
        ),
    ];
    for (path, content) in &files {
        tenant.checkout().write(path, content)?;
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"])?;
    tenant.checkout().push("what Flux applies")?;
    let revision = flux.publish(&tenant)?;
    flux.follow(&tenant, &json!({}))?;
    flux.wait_applied(&tenant, &revision)?;
    for each in OBJECTS {
        let object = object(&tenant, each)?;
        let key = if each[0] == "secret" {
            "password"
        } else {
            "level"
        };
        ensure!(
            owners(&object, key) == ["kustomize-controller"],
            "{object:#}"
        );
    }
    Ok(tenant)
}

/// The Sync of the how-to.
fn adopt(tenant: &Tenant) -> Result<()> {
    let commit = tenant.checkout().git(&["rev-parse", "HEAD"])?;
    tenant.sync(&json!({"path": "deploy", "adoptionPolicy": "Adopt"}))?;
    tenant.wait_applied(commit.trim())?;
    for each in OBJECTS {
        let object = object(tenant, each)?;
        let key = if each[0] == "secret" {
            "password"
        } else {
            "level"
        };
        let ours = format!("lockstep/{0}/{0}", tenant.name());
        ensure!(owners(&object, key) == [ours.as_str()], "{object:#}");
        let metadata = object["metadata"].to_string();
        ensure!(
            !metadata.contains("kustomize.toolkit.fluxcd.io"),
            "{object:#}"
        );
        ensure!(
            object["metadata"]["annotations"][LAST_APPLIED].is_null(),
            "{each:?}"
        );
    }
    Ok(())
}

/// A key that is gone from Git goes from the cluster, and the others stay.
fn remove_a_key(tenant: &Tenant) -> Result<()> {
    let file = "deploy/mail-secret.yaml";
    let mail = secret("mail", &[("password", "of-mail")]);
    tenant.checkout().write(file, &mail)?;
    tenant.lockstep(&["encrypt", "-i", file])?;
    let commit = tenant.publish("a key is retired")?;
    tenant.wait_applied(&commit)?;
    let mail = object(tenant, ["secret", "mail"])?;
    ensure!(
        mail["data"] == json!({"password": stored("of-mail")}),
        "mail has other keys"
    );
    Ok(())
}

#[test]
#[ignore = "long suite: cargo xtask long"]
fn what_flux_applied_is_taken_over_without_a_moment_of_absence() {
    walk().unwrap();
}

fn walk() -> Result<()> {
    let stage = Stage::shared()?;
    let flux = Flux::start(stage.installation.cluster())?;
    let tenant = applied_by_flux(&stage, &flux).with_context(|| flux.log())?;
    let before = uids(&tenant)?;
    let diaries = [
        Diary::begin(&tenant, "secrets")?,
        Diary::begin(&tenant, "configmaps")?,
    ];

    // Somebody had a hand in it, as happens: kubectl's annotation holds a whole Secret.
    let with_kubectl = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "db", "namespace": tenant.name()},
        "data": {"password": stored("of-db")},
    });
    change_kustomization(&tenant, &json!({"suspend": true, "prune": false}))?;
    tenant
        .kubectl()
        .run_with_input(&["apply", "-f", "-"], &with_kubectl.to_string())?;
    let db = object(&tenant, ["secret", "db"])?;
    ensure!(
        !db["metadata"]["annotations"][LAST_APPLIED].is_null(),
        "{db:#}"
    );

    adopt(&tenant)?;
    remove_a_key(&tenant)?;

    // Its finalizer is Flux's to remove: the controller has seen the deletion once it is gone.
    let kustomization = kustomization(&tenant);
    tenant
        .kubectl()
        .run(&[&["delete"], &kustomization[..]].concat())?;
    let sync = ["sync", tenant.name(), "-n", tenant.name()];
    until(tenant.kubectl(), &sync, |sync| ready(sync) == "Succeeded")?;
    ensure!(uids(&tenant)? == before, "an object was made anew");
    for diary in diaries {
        diary.expect_no_absence(&tenant)?;
    }
    Ok(())
}
