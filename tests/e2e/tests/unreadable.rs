//! Objects that were stored under other definitions and cannot be read: the others go on.

use anyhow::{Result, bail, ensure};
use lockstep_e2e::{Stage, config_map, event_messages, ready, until};
use lockstep_testbed::{Kubectl, OPERATOR_NAMESPACE, Operator, eventually};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const KINDS: [&str; 3] = ["syncs", "repositories", "teams"];

fn definition(kind: &str) -> String {
    format!("{kind}.lockstep.dev")
}

/// Sets the schema of a kind, and gives the one there was.
fn set_schema(kubectl: &Kubectl, kind: &str, schema: &Value) -> Result<Value> {
    let name = definition(kind);
    let before = kubectl.json(&["crd", &name])?["spec"]["versions"][0]["schema"].clone();
    let patch = json!([{"op": "replace", "path": "/spec/versions/0/schema", "value": schema}]);
    let patch = patch.to_string();
    kubectl.run(&["patch", "crd", &name, "--type=json", "-p", &patch])?;
    Ok(before)
}

/// Objects that no definition of ours lets through, one of each kind.
fn odd(namespace: &str) -> Vec<Value> {
    let object = |kind: &str, namespace: Option<&str>, spec: Value| {
        json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": kind,
            "metadata": {"name": "odd", "namespace": namespace}, "spec": spec,
        })
    };
    vec![
        object(
            "Sync",
            Some(namespace),
            json!({"sourceRef": {"name": "strange"}, "interval": "hunter2"}),
        ),
        object(
            "Repository",
            Some(namespace),
            json!({"url": {"password": "hunter2"}}),
        ),
        object("Team", None, json!({"namespaces": "hunter2"})),
    ]
}

/// Stores objects that the definitions do not let through, by way of others that do.
fn store_odd_objects(kubectl: &Kubectl, namespace: &str) -> Result<()> {
    let anything = json!({"openAPIV3Schema": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    }});
    let strict = KINDS
        .iter()
        .map(|kind| set_schema(kubectl, kind, &anything))
        .collect::<Result<Vec<_>>>()?;
    // The API server takes a moment to go by the new definitions, and to go by the old ones again.
    for object in odd(namespace) {
        eventually("anything is let through", PATIENCE, || {
            kubectl.run_with_input(&["create", "-f", "-"], &object.to_string())
        })?;
    }
    for (kind, schema) in KINDS.iter().zip(&strict) {
        set_schema(kubectl, kind, schema)?;
    }
    eventually("the definitions are strict again", PATIENCE, || {
        let object = odd("default").remove(0).to_string();
        let dry = ["create", "--dry-run=server", "-f", "-"];
        match kubectl.run_with_input(&dry, &object) {
            Ok(_) => bail!("it is let through"),
            Err(_) => Ok(()),
        }
    })
}

/// How many objects of each kind the operator says it cannot read.
fn unreadable(operator: &Operator) -> Result<Vec<String>> {
    let metrics = operator.get("/metrics")?;
    let lines = metrics.lines();
    let mut counts: Vec<_> = lines
        .filter_map(|line| line.strip_prefix("lockstep_unreadable_objects"))
        .map(str::to_owned)
        .collect();
    counts.sort();
    Ok(counts)
}

#[test]
fn an_object_that_cannot_be_read_is_told_of_and_the_others_go_on() {
    let stage = Stage::start().unwrap();
    let file = config_map("settings", &[("level", "info")]);
    let files = [("deploy/settings.yaml", file.as_str())];
    let (tenant, _) = stage.applied("strange", &files, &json!({})).unwrap();
    let kubectl = tenant.kubectl();
    store_odd_objects(kubectl, "strange").unwrap();

    // Seen by a watch, and then by a list.
    let Stage {
        operator,
        installation,
    } = stage;
    let counts = ["Repository", "Sync", "Team"].map(|kind| format!("{{kind=\"{kind}\"}} 1"));
    let is_told = |operator: &Operator| {
        eventually("it is counted", PATIENCE, || {
            let now = unreadable(operator)?;
            ensure!(now == counts, "{now:?}");
            Ok(())
        })
    };
    is_told(&operator).unwrap();
    let (status, log) = operator.stop(PATIENCE).unwrap();
    assert!(
        status.success() && !log.contains("hunter2"),
        "{status}\n{log}"
    );
    let operator = installation.start_operator(&[]).unwrap();
    is_told(&operator).unwrap();

    let file = config_map("settings", &[("level", "debug")]);
    tenant
        .checkout()
        .write("deploy/settings.yaml", &file)
        .unwrap();
    let commit = tenant.publish("another").unwrap();
    tenant.wait_applied(&commit).unwrap();
    // Where the API server checks no more than what changes, the status says it; the event always does.
    let odd = ["sync", "odd", "-n", "strange"];
    until(kubectl, &odd, |it| ready(it) == "InvalidSpec").unwrap();
    let told = event_messages(&tenant).unwrap();
    let about = |message: &&String| message.contains("does not match the definitions");
    assert!(told.iter().any(|message| about(&message)), "{told:?}");

    // What is applied anew is read again.
    kubectl.run(&["delete", "team", "odd"]).unwrap();
    kubectl
        .run(&["delete", "sync,repository", "odd", "-n", "strange"])
        .unwrap();
    eventually("none is left", PATIENCE, || {
        let now = unreadable(&operator)?;
        ensure!(now.iter().all(|count| count.ends_with(" 0")), "{now:?}");
        Ok(())
    })
    .unwrap();
    let keys = ["secret", "strange-age", "-n", OPERATOR_NAMESPACE];
    assert!(kubectl.exists(&keys).unwrap());
}
