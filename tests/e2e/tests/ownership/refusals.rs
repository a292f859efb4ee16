//! Changes that an object does not allow.

use lockstep_e2e::{Stage, failures, secret, stored};
use serde_json::json;

#[test]
fn an_immutable_secret_and_a_changed_type_are_refused_by_name_and_the_rest_goes_on() {
    let stage = Stage::shared().unwrap();
    let frozen = |value: &str| format!("{}immutable: true\n", secret("frozen", &[("a", value)]));
    let typed = |kind: &str| format!("{}type: {kind}\n", secret("typed", &[("a", "b")]));
    let plain = |keys: &[(&str, &str)]| secret("plain", keys);
    let (tenant, _) = stage
        .applied(
            "frozen",
            &[
                ("deploy/frozen-secret.yaml", &frozen("one")),
                ("deploy/typed-secret.yaml", &typed("example.com/one")),
                (
                    "deploy/plain-secret.yaml",
                    &plain(&[("a", "b"), ("gone", "x")]),
                ),
            ],
            &json!({}),
        )
        .unwrap();
    tenant
        .checkout()
        .write("deploy/frozen-secret.yaml", &frozen("two"))
        .unwrap();
    tenant
        .checkout()
        .write("deploy/typed-secret.yaml", &typed("example.com/two"))
        .unwrap();
    tenant
        .checkout()
        .write("deploy/plain-secret.yaml", &plain(&[("a", "c")]))
        .unwrap();
    tenant.lockstep(&["encrypt", "-i", "deploy"]).unwrap();
    let commit = tenant.publish("changed").unwrap();
    let sync = tenant.wait_failed(&commit, "ApplyFailed").unwrap();
    let refused = [
        ("deploy/frozen-secret.yaml", "Immutable"),
        ("deploy/typed-secret.yaml", "Immutable"),
    ];
    assert_eq!(failures(&sync), refused);
    assert_eq!(
        tenant.secret_value("frozen", "a").unwrap(),
        Some(stored("one"))
    );
    assert_eq!(
        tenant.secret_value("plain", "a").unwrap(),
        Some(stored("c"))
    );
    assert_eq!(tenant.secret_value("plain", "gone").unwrap(), None);

    // Deleted by a person, it is made as Git has it.
    let names = ["delete", "secret", "frozen", "typed", "-n", "frozen"];
    tenant.kubectl().run(&names).unwrap();
    tenant.wait_applied(&commit).unwrap();
    assert_eq!(
        tenant.secret_value("frozen", "a").unwrap(),
        Some(stored("two"))
    );
}
