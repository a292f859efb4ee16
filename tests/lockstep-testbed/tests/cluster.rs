//! The control plane against itself: it is up, it is real, and it goes away.

use anyhow::{Context as _, ensure};
use lockstep_testbed::{Admission, ControlPlane, KubectlFailed, Webhook, eventually};
use serde_json::json;
use std::time::Duration;

#[test]
fn service_accounts_may_what_rbac_says() {
    let cluster = ControlPlane::start().unwrap();
    let admin = cluster.kubectl();
    admin
        .apply(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: rig}\n---\n\
             apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader, namespace: rig}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: rig}\n\
             stringData: {password: test}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n\
             metadata: {name: reader, namespace: rig}\n\
             rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n\
             metadata: {name: reader, namespace: rig}\n\
             roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
             subjects: [{kind: ServiceAccount, name: reader, namespace: rig}]\n",
        )
        .unwrap();
    let kubeconfig = cluster.service_account_kubeconfig("rig", "reader").unwrap();
    let reader = admin.with_kubeconfig(kubeconfig);
    reader.json(&["configmaps", "-n", "rig"]).unwrap();
    let error = reader.json(&["secret", "db", "-n", "rig"]).unwrap_err();
    let refused = error.downcast_ref::<KubectlFailed>().unwrap();
    assert!(refused.message.contains("Forbidden"), "{refused}");

    let secret = admin.json(&["secret", "db", "-n", "rig"]).unwrap();
    assert_eq!(secret["data"]["password"], "dGVzdA==");
    assert!(!admin.exists(&["secret", "other", "-n", "rig"]).unwrap());
}

#[test]
fn a_webhook_is_asked_and_has_its_say() {
    let cluster = ControlPlane::start().unwrap();
    let admin = cluster.kubectl();
    let webhook = Webhook::start(|request| match request["name"].as_str() {
        Some("denied") => Admission::Deny("not this one".to_owned()),
        Some("patched") => Admission::Patch(
            json!([{"op": "add", "path": "/data", "value": {"by": "the webhook"}}]),
        ),
        _ => Admission::Allow,
    })
    .unwrap();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "testbed"},
        "webhooks": [{
            "name": "testbed.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": webhook.client_config(),
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                       "operations": ["CREATE"]}],
        }],
    });
    admin.apply(&configuration.to_string()).unwrap();
    let make = |name: &str| admin.run(&["create", "configmap", name]);
    eventually("the webhook is asked", Duration::from_secs(30), || {
        let error = make("denied").err().context("it was not")?;
        let _ = admin.run(&["delete", "configmap", "denied"]);
        ensure!(error.to_string().contains("not this one"), "{error}");
        Ok(())
    })
    .unwrap();
    make("patched").unwrap();
    let patched = admin.json(&["configmap", "patched"]).unwrap();
    assert_eq!(patched["data"]["by"], "the webhook");
    let names: Vec<_> = webhook
        .asked()
        .into_iter()
        .map(|it| it["name"].clone())
        .collect();
    assert!(names.contains(&json!("patched")), "{names:?}");
}
