//! The API server refuses, for good reasons and for a while: webhooks, quotas, rights, namespaces that
//! go, kinds that come and go.

use crate::rig::{CANARY, Rig, check_inventory, labelled};
use anyhow::{Result, ensure};
use lockstep_e2e::{config_map, event_messages, failures, ready, secret, stored};
use lockstep_testbed::{Admission, Tenant, Webhook, condition, eventually};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// The Secret `db` and a ConfigMap that nothing is wrong with.
fn files() -> [(&'static str, String); 2] {
    [
        (
            "deploy/db-secret.yaml",
            secret("db", &[("password", CANARY)]),
        ),
        (
            "deploy/settings.yaml",
            config_map("settings", &[("level", "info")]),
        ),
    ]
}

/// Pushes them; an interval of an hour, so that what heals does so by being tried again.
fn pushed(rig: &Rig, name: &str) -> Result<(Tenant, String)> {
    let files = files();
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    rig.stage.pushed(name, &files, &json!({"interval": "1h"}))
}

/// Waits until the Secret's file has failed for `reason` and the other is applied; gives the message.
fn wait_refused(rig: &Rig, tenant: &Tenant, commit: &str, reason: &str) -> Result<String> {
    let sync = tenant.wait_failed(commit, "ApplyFailed")?;
    ensure!(
        failures(&sync) == [("deploy/db-secret.yaml", reason)],
        "{:?}",
        failures(&sync)
    );
    let settings = ["configmap", "settings", "-n", tenant.name()];
    ensure!(tenant.kubectl().exists(&settings)?, "the rest is applied");
    check_inventory(tenant)?;
    rig.check_silence(tenant)?;
    let message = sync["status"]["failures"][0]["message"].as_str();
    eventually("an event tells", PATIENCE, || {
        let messages = event_messages(tenant)?;
        let told = messages
            .iter()
            .any(|note| note.contains("deploy/db-secret.yaml"));
        ensure!(told, "{messages:?}");
        Ok(())
    })?;
    Ok(message.unwrap_or_default().to_owned())
}

/// Waits until everything is applied, with no help.
fn wait_healed(rig: &Rig, tenant: &Tenant, commit: &str) -> Result<()> {
    tenant.wait_applied(commit)?;
    ensure!(
        tenant.secret_value("db", "password")? == Some(stored(CANARY)),
        "another value"
    );
    rig.check_silence(tenant)?;
    rig.check_idle(tenant)
}

/// Refuses the Secrets of one namespace while `does` holds, in words that quote them.
fn denying(rig: &Rig, namespace: &str, does: &Arc<AtomicBool>) -> Result<Webhook> {
    let does = Arc::clone(does);
    let webhook = Webhook::start(move |request| {
        if does.load(Ordering::Relaxed) {
            Admission::Deny(format!("not this: {}", request["object"]))
        } else {
            Admission::Allow
        }
    })?;
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "denies.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": webhook.client_config(),
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"],
                       "operations": ["CREATE", "UPDATE"]}],
        }],
    });
    let kubectl = rig.stage.installation.kubectl();
    kubectl.apply(&configuration.to_string())?;
    Ok(webhook)
}

/// Waits until a webhook in `namespace` has its say.
fn wait_denied(rig: &Rig, namespace: &str) -> Result<()> {
    let kubectl = rig.stage.installation.kubectl();
    eventually("Secrets are refused", PATIENCE, || {
        let dry = ["--dry-run=server", "-n", namespace];
        let make = [&["create", "secret", "generic", "probe"], &dry[..]].concat();
        ensure!(kubectl.run(&make).is_err(), "one could be made");
        Ok(())
    })
}

#[test]
fn a_webhook_that_quotes_the_secret_is_named_and_not_heard() {
    let rig = Rig::shared().unwrap();
    let kubectl = rig.stage.installation.kubectl();
    kubectl.run(&["create", "namespace", "denied"]).unwrap();
    let does = Arc::new(AtomicBool::new(true));
    let webhook = denying(&rig, "denied", &does).unwrap();
    wait_denied(&rig, "denied").unwrap();
    // The tenant's own Secrets are made before they are refused.
    does.store(false, Ordering::Relaxed);
    let files = files();
    let tenant = rig.stage.tenant("denied").unwrap();
    for (path, text) in &files {
        tenant.checkout().write(path, text).unwrap();
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.checkout().push("files").unwrap();
    tenant
        .sync(&json!({"path": "nothing", "interval": "1h"}))
        .unwrap();
    does.store(true, Ordering::Relaxed);
    tenant
        .kubectl()
        .patch(
            &["sync", "denied", "-n", "denied"],
            r#"{"spec": {"path": "deploy"}}"#,
        )
        .unwrap();
    let message = wait_refused(&rig, &tenant, &commit, "Rejected").unwrap();
    assert!(message.contains("denies.example.com"), "{message}");
    let quoted = webhook
        .asked()
        .iter()
        .any(|request| request["object"].to_string().contains(&stored(CANARY)));
    assert!(quoted, "it could quote the value");

    does.store(false, Ordering::Relaxed);
    wait_healed(&rig, &tenant, &commit).unwrap();
    let delete = ["delete", "validatingwebhookconfiguration", "denied"];
    kubectl.run(&delete).unwrap();
}

#[test]
fn a_webhook_that_is_down_is_waited_for() {
    let rig = Rig::shared().unwrap();
    let tenant = rig.stage.tenant("webhookless").unwrap();
    tenant
        .sync(&json!({"path": "deploy", "interval": "1h"}))
        .unwrap();
    let webhook = denying(&rig, "webhookless", &Arc::new(AtomicBool::new(true))).unwrap();
    wait_denied(&rig, "webhookless").unwrap();
    drop(webhook);
    for (path, text) in files() {
        tenant.checkout().write(path, &text).unwrap();
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.publish("files").unwrap();
    wait_refused(&rig, &tenant, &commit, "ApplyFailed").unwrap();
    let delete = ["delete", "validatingwebhookconfiguration", "webhookless"];
    tenant.kubectl().run(&delete).unwrap();
    wait_healed(&rig, &tenant, &commit).unwrap();
}

#[test]
fn a_full_quota_is_waited_for() {
    let rig = Rig::shared().unwrap();
    let (tenant, first) = pushed(&rig, "quota").unwrap();
    tenant.wait_applied(&first).unwrap();
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "full", "namespace": "quota"},
        "spec": {"hard": {"count/configmaps": "1"}},
    });
    let kubectl = tenant.kubectl();
    kubectl.apply(&quota.to_string()).unwrap();
    // What a controller manager would fill in.
    let status = json!({"status": {"hard": {"count/configmaps": "1"},
                                   "used": {"count/configmaps": "1"}}});
    let patch = [
        "resourcequota",
        "full",
        "-n",
        "quota",
        "--subresource=status",
    ];
    kubectl.patch(&patch, &status.to_string()).unwrap();
    tenant
        .checkout()
        .write("deploy/more.yaml", &config_map("more", &[("a", "b")]))
        .unwrap();
    let commit = tenant.publish("one too many").unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("deploy/more.yaml", "QuotaExceeded")]);
    kubectl
        .run(&["delete", "resourcequota", "full", "-n", "quota"])
        .unwrap();
    wait_healed(&rig, &tenant, &commit).unwrap();
}

#[test]
fn rights_that_are_taken_and_given_back_need_no_help() {
    let rig = Rig::shared().unwrap();
    let tenant = rig.stage.tenant("rightless").unwrap();
    let kubectl = tenant.kubectl();
    let role = ["role", "deployer", "-n", "rightless"];
    let whole = kubectl.json(&role).unwrap()["rules"].clone();
    let rules = json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["configmaps"],
         "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
    ]);
    kubectl
        .patch(&role, &json!({"rules": rules}).to_string())
        .unwrap();
    for (path, text) in files() {
        tenant.checkout().write(path, &text).unwrap();
    }
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.checkout().push("files").unwrap();
    tenant
        .sync(&json!({"path": "deploy", "interval": "1h"}))
        .unwrap();
    wait_refused(&rig, &tenant, &commit, "Forbidden").unwrap();
    kubectl
        .patch(&role, &json!({"rules": whole}).to_string())
        .unwrap();
    wait_healed(&rig, &tenant, &commit).unwrap();
}

#[test]
fn a_namespace_on_its_way_out_is_reported_and_takes_nothing_with_it() {
    let rig = Rig::shared().unwrap();
    let (tenant, first) = pushed(&rig, "terminating").unwrap();
    tenant.wait_applied(&first).unwrap();
    let kubectl = tenant.kubectl();
    // Nobody here deletes what is in it, so it stays as it is.
    kubectl
        .run(&["delete", "namespace", "terminating", "--wait=false"])
        .unwrap();
    let checkout = tenant.checkout();
    checkout
        .write("deploy/more.yaml", &config_map("more", &[("a", "b")]))
        .unwrap();
    checkout.remove("deploy/settings.yaml").unwrap();
    let commit = tenant.publish("more").unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(
        failures(&sync),
        [("deploy/more.yaml", "NamespaceUnavailable")]
    );
    let there = labelled(&tenant).unwrap();
    assert!(
        there.contains("ConfigMap/settings"),
        "nothing was deleted: {there:?}"
    );
    let delete = [
        "delete",
        "sync",
        "terminating",
        "-n",
        "terminating",
        "--timeout=60s",
    ];
    kubectl.run(&delete).unwrap();
    has_password(&tenant).unwrap();
}

fn has_password(tenant: &Tenant) -> Result<()> {
    ensure!(
        tenant.secret_value("db", "password")? == Some(stored(CANARY)),
        "it is gone"
    );
    Ok(())
}

const WIDGETS: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
    metadata: {name: gadgets.shop.example.com}\nspec:\n  group: shop.example.com\n  \
    scope: Namespaced\n  names: {kind: Gadget, plural: gadgets}\n  versions:\n  \
    - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        \
    type: object\n        x-kubernetes-preserve-unknown-fields: true\n";

fn gadget(tenant: &Tenant) -> Result<Value> {
    tenant
        .kubectl()
        .json(&["gadgets.shop.example.com", "one", "-n", tenant.name()])
}

/// The definition of a kind comes late, goes while objects live, and comes back.
#[test]
fn a_kind_that_comes_goes_and_comes_back_is_followed() {
    let rig = Rig::shared().unwrap();
    let tenant = rig.stage.tenant("gadgets").unwrap();
    let kubectl = tenant.kubectl();
    let role = ["role", "deployer", "-n", "gadgets"];
    let mut rules = kubectl.json(&role).unwrap()["rules"].clone();
    rules.as_array_mut().unwrap().push(json!({
        "apiGroups": ["shop.example.com"], "resources": ["gadgets"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    }));
    kubectl
        .patch(&role, &json!({"rules": rules}).to_string())
        .unwrap();
    let [_, (path, settings)] = files();
    tenant.checkout().write(path, &settings).unwrap();
    let one = "apiVersion: shop.example.com/v1\nkind: Gadget\nmetadata: {name: one}\nsize: 3\n";
    tenant.checkout().write("deploy/gadget.yaml", one).unwrap();
    let commit = tenant.checkout().push("a gadget").unwrap();
    tenant
        .sync(&json!({"path": "deploy", "interval": "1h"}))
        .unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    assert_eq!(failures(&sync), [("deploy/gadget.yaml", "KindNotFound")]);
    assert_eq!(labelled(&tenant).unwrap().len(), 1, "the rest is applied");

    kubectl.apply(WIDGETS).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(gadget(&tenant).unwrap()["size"], 3);

    // With the definition go its objects; the Sync finds both again.
    let definition = "crd/gadgets.shop.example.com";
    kubectl
        .run(&["delete", definition, "--timeout=60s"])
        .unwrap();
    tenant
        .wait("the kind is missed", |sync| {
            ready(sync) == "ApplyFailed" || condition(sync, "Drifted")["status"] != "False"
        })
        .unwrap();
    kubectl.apply(WIDGETS).unwrap();
    eventually("the gadget is back", PATIENCE, || gadget(&tenant)).unwrap();
    tenant.wait_applied(&commit).unwrap();

    // An object whose kind has gone does not hold up what else happens.
    kubectl
        .run(&["delete", definition, "--timeout=60s"])
        .unwrap();
    tenant.checkout().remove("deploy/gadget.yaml").unwrap();
    tenant
        .checkout()
        .write("deploy/more.yaml", &config_map("more", &[("a", "b")]))
        .unwrap();
    let commit = tenant.publish("no gadget").unwrap();
    tenant.wait_applied(&commit).unwrap();
}
