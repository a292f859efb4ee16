//! kubectl and a real kube-apiserver as judges: what they make of a file is what they make of the
//! objects rendered from it, and what they refuse is refused here first.

#![expect(clippy::unwrap_used, reason = "tests may be blunt, their helpers too")]

use lockstep_manifests::render;
use lockstep_secret::SecretString;
use lockstep_sops::Parsed;
use lockstep_testbed::{ControlPlane, Kubectl};
use serde_json::Value;
use std::collections::BTreeMap;

/// Files that kubectl takes.
const FILES: [&str; 6] = [
    // Quirks of plain scalars, where an API type says what they must be.
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {note: 'yes'}\nspec:\n  replicas: 03\n\
     \x20 paused: on\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n\
     \x20   spec:\n      containers:\n      - name: web\n        image: example.com/web:1\n        ports: [{containerPort: 0x1F90}]\n\
     \x20       securityContext: {runAsUser: 1_000, privileged: no}\n        resources: {limits: {cpu: 0.5, memory: 64Mi}}\n\
     \x20     volumes: [{name: a, emptyDir: {}}, {name: b, secret: {secretName: db, defaultMode: 0440}}]\n",
    // Block scalars, folding, comments, quotes.
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: text}\ndata:\n  literal: |\n    one\n      two\n\n  keep: |+\n    x\n\n\
     \x20 strip: >-\n    folded\n    line\n  quoted: \"tab\\there \\u00e9 \\\\\" # comment\n  single: 'it''s'\nbinaryData: {raw: //79}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ntype: Opaque\ndata:\n  a: |\n    aGVs\n    bG8=\n  b: YQ==\n\
     stringData:\n  b: wins\n  url: postgres://u:p@h/x\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec: {ports: [{port: 80}], clusterIP: None}\n\
     - apiVersion: v1\n  kind: ServiceAccount\n  metadata: {name: b}\n  automountServiceAccountToken: off\n",
    "# two documents\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\n---\napiVersion: v1\nkind: ConfigMap\n\
     metadata: {name: two, labels: &labels {a: b}, annotations: {<<: *labels, c: d}}\ndata: null\n",
    // As copied out of a cluster.
    "apiVersion: v1\nkind: Service\nmetadata:\n  creationTimestamp: null\n  name: copied\n  namespace: team-a\n\
     spec: {clusterIP: None, ports: [{port: 80}]}\nstatus: {loadBalancer: {}}\n",
];

/// Secrets that the API server refuses, and quotes while it does.
const REFUSED: [&str; 7] = [
    "stringData: {pin: 860407}",
    "stringData: {pin: true}",
    "data: {pin: canary860407}x",
    "data: {pin: '***canary***'}",
    "stringData: {'a b': canary}",
    "stringData: {a: {b: canary}}",
    "stringData: [canary]",
];

fn objects(text: &str) -> Vec<String> {
    let parsed = lockstep_sops::parse(SecretString::new(text.to_owned())).unwrap();
    let Parsed::Clear(document) = parsed else {
        unreachable!("no test file has a sops block")
    };
    let path = "x.yaml".parse().unwrap();
    let manifests = render(&path, &document.into_opened().unwrap(), &BTreeMap::new()).unwrap();
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    manifests
        .iter()
        .map(|manifest| text(manifest.body.expose()))
        .collect()
}

/// What the API server would store, apart from what differs on every request.
fn judged(kubectl: &Kubectl, text: &str) -> Vec<Value> {
    let arguments = [
        "create",
        "--dry-run=server",
        "-o",
        "json",
        "-n",
        "team-a",
        "-f",
        "-",
    ];
    let answer = kubectl.run_with_input(&arguments, text).unwrap();
    let stream = serde_json::Deserializer::from_str(&answer).into_iter::<Value>();
    let mut stored = Vec::new();
    for object in stream.map(Result::unwrap) {
        match object["items"]
            .as_array()
            .filter(|_| object["kind"] == "List")
        {
            Some(items) => stored.extend(items.clone()),
            None => stored.push(object),
        }
    }
    for object in &mut stored {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|field, _| {
            !["uid", "creationTimestamp", "managedFields"].contains(&field.as_str())
        });
    }
    stored
}

#[test]
fn files_mean_what_they_mean_to_kubectl() {
    let cluster = ControlPlane::start().unwrap();
    let kubectl = cluster.kubectl();
    kubectl.run(&["create", "namespace", "team-a"]).unwrap();
    for file in FILES {
        let ours: Vec<_> = objects(file)
            .iter()
            .flat_map(|body| judged(kubectl, body))
            .collect();
        assert_eq!(ours, judged(kubectl, file), "{file}");
    }
    for fields in REFUSED {
        let file = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n{fields}\n");
        let arguments = ["create", "--dry-run=server", "-n", "team-a", "-f", "-"];
        assert!(
            kubectl.run_with_input(&arguments, &file).is_err(),
            "{fields} is fine"
        );
        let parsed = lockstep_sops::parse(SecretString::new(file));
        let Ok(Parsed::Clear(document)) = parsed else {
            continue;
        };
        let path = "x.yaml".parse().unwrap();
        render(&path, &document.into_opened().unwrap(), &BTreeMap::new()).unwrap_err();
    }
}
