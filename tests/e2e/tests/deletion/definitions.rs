//! The definitions of our kinds are deleted, and every Sync with them.

use lockstep_e2e::{Stage, config_map, secret};
use serde_json::json;

#[test]
fn deleting_the_definitions_deletes_no_object_and_is_not_stuck() {
    // Of its own: nobody else's Syncs may go.
    let stage = Stage::start().unwrap();
    let (db, settings) = (
        secret("db", &[("password", "ours")]),
        config_map("settings", &[("level", "info")]),
    );
    let files = [
        ("deploy/db-secret.yaml", db.as_str()),
        ("deploy/settings.yaml", &settings),
    ];
    let mut tenants = Vec::new();
    for (name, policy) in [("pruning", "Prune"), ("orphaning", "Orphan")] {
        let spec = json!({"deletionPolicy": policy});
        tenants.push(stage.applied(name, &files, &spec).unwrap().0);
    }
    let kubectl = stage.installation.kubectl();
    for kind in ["syncs", "repositories", "teams"] {
        let definition = format!("crd/{kind}.lockstep.dev");
        kubectl
            .run(&["delete", &definition, "--timeout=90s"])
            .unwrap();
    }
    for tenant in &tenants {
        for object in ["secret/db", "configmap/settings", "secret/git-credentials"] {
            let there = kubectl.exists(&[object, "-n", tenant.name()]).unwrap();
            assert!(there, "{object} of {}", tenant.name());
        }
    }
    let key = ["secret/pruning-age", "-n", "lockstep-system"];
    assert!(kubectl.exists(&key).unwrap(), "the key stays as well");
}
