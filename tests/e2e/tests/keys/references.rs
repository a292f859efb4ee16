//! No object that a team may write names a key, however the reference is spelled.

use lockstep_e2e::{Stage, ready, until};
use lockstep_testbed::{OPERATOR_NAMESPACE, condition};
use serde_json::{Value, json};

/// A Repository of `namespace` that reads its credentials from `secret_ref`.
fn repository(namespace: &str, name: &str, secret_ref: &Value) -> String {
    json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"url": "https://git.example.com/x.git", "secretRef": secret_ref},
    })
    .to_string()
}

#[test]
fn no_field_reaches_a_key_of_another_team() {
    let stage = Stage::shared().unwrap();
    let owner = stage.tenant("keyowner").unwrap();
    let thief = stage.tenant("keythief").unwrap();
    let kubectl = thief.kubectl();
    let key = format!("{}-age", owner.name());

    // Names that would leave the namespace are no names.
    let spellings = [
        format!("{OPERATOR_NAMESPACE}/{key}"),
        format!("../{OPERATOR_NAMESPACE}/{key}"),
        format!("/{key}"),
        format!("{key}*"),
        format!("{OPERATOR_NAMESPACE}:{key}"),
        format!("https://example.com/{key}"),
        String::new(),
        "*".to_owned(),
    ];
    for spelling in &spellings {
        let object = repository("keythief", "odd", &json!({"name": spelling}));
        let refused = kubectl.apply(&object).unwrap_err().to_string();
        assert!(refused.contains("secretRef.name"), "{spelling}: {refused}");
    }

    // Fields that do not exist are refused, and dropped where kubectl is told not to mind.
    let sync = |more: &Value| {
        let mut sync = json!({
            "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
            "metadata": {"name": "odd", "namespace": "keythief"},
            "spec": {"sourceRef": {"name": "keythief"}, "path": "deploy"},
        });
        let fields = more.as_object().unwrap().clone();
        sync["spec"].as_object_mut().unwrap().extend(fields);
        sync.to_string()
    };
    for more in [
        json!({"keys": [{"secretRef": {"name": key}}]}),
        json!({"decryption": {"provider": "sops", "secretRef": {"name": key}}}),
        json!({"serviceAccountName": "lockstep-operator"}),
        json!({"team": "keyowner"}),
    ] {
        assert!(kubectl.apply(&sync(&more)).is_err(), "{more}");
        let lenient = ["create", "--validate=ignore", "-f", "-"];
        kubectl.run_with_input(&lenient, &sync(&more)).unwrap();
        let stored = kubectl.json(&["sync", "odd", "-n", "keythief"]).unwrap();
        let field = more.as_object().unwrap().keys().next().unwrap();
        assert!(stored["spec"][field].is_null(), "{stored}");
        kubectl
            .run(&["delete", "sync", "odd", "-n", "keythief"])
            .unwrap();
    }
    let elsewhere = json!({"name": key, "namespace": OPERATOR_NAMESPACE});
    let object = repository("keythief", "odd", &elsewhere);
    assert!(kubectl.apply(&object).is_err());

    // The name of a key that exists elsewhere and one that exists nowhere say the same.
    let mut told = Vec::new();
    for (name, secret) in [("there", key.as_str()), ("nowhere", "keynobody-age")] {
        let text = repository("keythief", name, &json!({"name": secret}));
        let text = text.replace("https://git.example.com/x.git", &thief.url());
        kubectl.apply(&text).unwrap();
        let what = ["repository", name, "-n", "keythief"];
        let object = until(kubectl, &what, |it| ready(it) == "CredentialsMissing").unwrap();
        let message = condition(&object, "Ready")["message"].as_str().unwrap();
        told.push(message.replace(secret, "NAME"));
    }
    assert_eq!(told[0], told[1]);
}
