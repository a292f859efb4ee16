//! Somebody who wants a field differently, again and again.

use anyhow::{Result, ensure};
use lockstep_e2e::{Stage, config_map, event_messages};
use lockstep_testbed::{Admission, Tenant, Webhook, condition, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
    replicas: 2\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      \
    labels: {app: web}\n    spec:\n      containers:\n      - name: web\n        image: example.com/web:1\n";

fn replicas(tenant: &Tenant) -> Result<Value> {
    let web = ["deployment", "web", "-n", tenant.name()];
    Ok(tenant.kubectl().json(&web)?["spec"]["replicas"].clone())
}

fn scale(tenant: &Tenant, to: u8) {
    let to = format!("--replicas={to}");
    tenant
        .kubectl()
        .run(&["scale", "deployment", "web", "-n", tenant.name(), &to])
        .unwrap();
}

#[test]
fn it_is_put_back_less_and_less_often_and_told() {
    let stage = Stage::shared().unwrap();
    let files = [("deploy/web.yaml", DEPLOYMENT)];
    let (tenant, _) = stage.applied("tug", &files, &json!({})).unwrap();
    for _ in 0..3 {
        scale(&tenant, 5);
        eventually("it is put back", Duration::from_secs(30), || {
            let now = replicas(&tenant)?;
            ensure!(now == 2, "{now}");
            Ok(())
        })
        .unwrap();
    }
    scale(&tenant, 5);
    let sync = tenant
        .wait("the tug of war is told", |sync| {
            condition(sync, "Drifted")["reason"] == "TugOfWar"
        })
        .unwrap();
    let drifted = condition(&sync, "Drifted");
    assert_eq!(drifted["status"], "True");
    let message = drifted["message"].as_str().unwrap();
    for word in [
        "Deployment tug/web",
        ".spec.replicas",
        "put back 3 times",
        "driftDetection.ignore",
    ] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert_eq!(condition(&sync, "Ready")["status"], "True");
    assert_eq!(replicas(&tenant).unwrap(), 5);
    eventually("it is an event", Duration::from_secs(20), || {
        let messages = event_messages(&tenant)?;
        ensure!(
            messages
                .iter()
                .any(|note| note.contains("put back 3 times")),
            "{messages:?}"
        );
        Ok(())
    })
    .unwrap();
    let metrics = stage.operator.get("/metrics").unwrap();
    assert!(metrics.contains("lockstep_tugs_of_war_total"), "{metrics}");
    assert!(
        !metrics.contains("lockstep_tugs_of_war_total 0"),
        "{metrics}"
    );

    // Other objects are not held up, and after the pause it is put back once more.
    let text = config_map("other", &[("a", "b")]);
    tenant.checkout().write("deploy/other.yaml", &text).unwrap();
    let commit = tenant.publish("more").unwrap();
    tenant.wait_applied(&commit).unwrap();
    eventually("it is put back in the end", Duration::from_secs(60), || {
        let now = replicas(&tenant)?;
        ensure!(now == 2, "{now}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_ignored_field_is_left_to_whoever_changes_it() {
    let stage = Stage::shared().unwrap();
    let ignore = json!({"driftDetection": {"ignore": [
        {"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}},
    ]}});
    let files = [("deploy/web.yaml", DEPLOYMENT)];
    let (tenant, _) = stage.applied("ignored", &files, &ignore).unwrap();
    assert_eq!(
        replicas(&tenant).unwrap(),
        2,
        "a new object gets what Git has"
    );

    // Nobody else has wanted it so far, so Git still decides.
    let three = DEPLOYMENT.replace("replicas: 2", "replicas: 3");
    tenant.checkout().write("deploy/web.yaml", &three).unwrap();
    let commit = tenant.publish("three").unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(replicas(&tenant).unwrap(), 3);

    scale(&tenant, 7);
    let change = three.replace("web:1", "web:2");
    tenant.checkout().write("deploy/web.yaml", &change).unwrap();
    let commit = tenant.publish("another image").unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert_eq!(replicas(&tenant).unwrap(), 7);
    assert_eq!(condition(&sync, "Drifted")["status"], "False");

    // What else changes is put back, without the field.
    let web = ["deployment", "web", "-n", "ignored"];
    let patch = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": "example.com/evil:1"},
    ]}}}});
    let patch = patch.to_string();
    tenant
        .kubectl()
        .run(&[&["patch"], &web[..], &["-p", &patch]].concat())
        .unwrap();
    eventually("the image is put back", Duration::from_secs(30), || {
        let web = tenant.kubectl().json(&web)?;
        let image = &web["spec"]["template"]["spec"]["containers"][0]["image"];
        ensure!(image == "example.com/web:2", "{image}");
        ensure!(web["spec"]["replicas"] == 7, "{web}");
        Ok(())
    })
    .unwrap();
}

/// A webhook that wants five replicas of whatever is written in the namespace.
fn wants_five(stage: &Stage, namespace: &str) -> Result<Webhook> {
    let five = json!([{"op": "replace", "path": "/spec/replicas", "value": 5}]);
    let webhook = Webhook::start(move |_| Admission::Patch(five.clone()))?;
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "five.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": webhook.client_config(),
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"],
                       "operations": ["CREATE", "UPDATE"]}],
        }],
    });
    let kubectl = stage.installation.kubectl();
    kubectl.apply(&configuration.to_string())?;
    let probe = [
        "create",
        "deployment",
        "probe",
        "--image=example.com/probe:1",
    ];
    let dry = ["--dry-run=server", "-o", "json", "-n", namespace];
    eventually("the webhook has its say", Duration::from_secs(30), || {
        let made: Value = serde_json::from_str(&kubectl.run(&[&probe[..], &dry].concat())?)?;
        ensure!(made["spec"]["replicas"] == 5, "not yet");
        Ok(())
    })?;
    Ok(webhook)
}

#[test]
fn a_webhook_that_changes_what_is_applied_begins_no_endless_war() {
    let stage = Stage::shared().unwrap();
    let tenant = stage.tenant("hooked").unwrap();
    let webhook = wants_five(&stage, "hooked").unwrap();
    tenant
        .checkout()
        .write("deploy/web.yaml", DEPLOYMENT)
        .unwrap();
    let commit = tenant.checkout().push("web").unwrap();
    tenant.sync(&json!({"path": "deploy"})).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(replicas(&tenant).unwrap(), 5);

    // The API server counts what the webhook made of it as ours: nothing has drifted, and nothing is
    // written again.
    let written = || {
        let asked = webhook.asked();
        let real = asked.iter().filter(|asked| asked["dryRun"] != true);
        real.filter(|asked| asked["name"] == "web").count()
    };
    assert_eq!(written(), 1);
    let text = config_map("other", &[("a", "b")]);
    tenant.checkout().write("deploy/other.yaml", &text).unwrap();
    let commit = tenant.publish("more").unwrap();
    let sync = tenant.wait_applied(&commit).unwrap();
    assert_eq!(condition(&sync, "Drifted")["status"], "False");
    assert_eq!(written(), 1);
    let kubectl = tenant.kubectl();
    kubectl
        .run(&["delete", "mutatingwebhookconfiguration", "hooked"])
        .unwrap();
}
