//! Two teams in one repository that do not trust each other. Each attack is tried twice: on the operator,
//! and on a build of it that leaves its own checks out, so that what stands behind them is shown: the API
//! server's own refusal, or, where it has none, that our check alone keeps the wall.

mod scene;
mod table;

use anyhow::Result;
use lockstep_testbed::{Asked, Binary};
use scene::{Pass, Scene};
use serde_json::json;

/// The account that the attacks are made with, as the API server names it.
const ATTACKER: &str = "system:serviceaccount:beta:deployer";

#[test]
fn every_attack_fails_on_our_checks_and_again_on_the_api_servers() {
    let scene = Scene::new().unwrap();
    let attacks = table::attacks(&scene).unwrap();
    scene.stage(&attacks).unwrap();
    let before = scene.victims().unwrap();

    let operator = scene.installation.start_operator(&[]).unwrap();
    for attack in &attacks {
        scene.wait(Pass::Checked, attack).unwrap();
    }
    define_later_kind(&scene).unwrap();
    scene.ask(Pass::Later).unwrap();
    scene.wait(Pass::Later, &table::later()).unwrap();
    drop(operator);
    assert_eq!(scene.victims().unwrap(), before);
    let cluster = scene.installation.cluster();
    assert_eq!(reached(&cluster.asked().unwrap()).count(), 0);

    scene.ask(Pass::Trusting).unwrap();
    let trusting = Binary::TrustingOperator;
    let operator = scene.installation.start_build(trusting, &[]).unwrap();
    let (last, others): (Vec<_>, Vec<_>) = attacks
        .iter()
        .filter(|it| it.name != "later")
        .partition(|it| it.name == "forged-inventory");
    for attack in others {
        scene.wait(Pass::Trusting, attack).unwrap();
    }
    scene.wait(Pass::Trusting, &table::later()).unwrap();
    // As long as it is not known what the others want, nothing that may be theirs is deleted.
    scene.leave_only("forged-inventory").unwrap();
    for attack in last {
        scene.wait(Pass::Trusting, attack).unwrap();
    }
    drop(operator);
    assert_eq!(scene.victims().unwrap(), before);
    let asked = cluster.asked().unwrap();
    for asked in reached(&asked) {
        assert_eq!(asked.status, 403, "{asked:?}");
    }
    let kinds = table::cluster_scoped(scene.kubectl()).unwrap().len();
    assert!(reached(&asked).count() > kinds, "the requests were made");
    nothing_was_done_with_rights_of_our_own(&asked);

    // What the API server let through says whose it is.
    let claimed = ["configmap", "claimed", "-n", "beta"];
    let labels = &scene.kubectl().json(&claimed).unwrap()["metadata"]["labels"];
    assert_eq!(labels["lockstep.dev/sync"], "own-labels");
    assert_eq!(labels["lockstep.dev/sync-namespace"], "beta");
}

/// What was written or read, as the attacker, outside its own namespace. Drift is watched in all of a
/// team's namespaces, which are one here.
fn reached(asked: &[Asked]) -> impl Iterator<Item = &Asked> {
    asked.iter().filter(|asked| {
        asked.acting_as.as_deref() == Some(ATTACKER)
            && !asked.target.contains("/namespaces/beta/")
            && !["list", "watch"].contains(&asked.verb.as_str())
    })
}

/// The operator as itself only reads, and writes nothing but what it is about; and of Secrets only those
/// of its own namespace.
fn nothing_was_done_with_rights_of_our_own(asked: &[Asked]) {
    for asked in asked.iter().filter(|asked| asked.acting_as.is_none()) {
        let is_reading = ["get", "list", "watch"].contains(&asked.verb.as_str());
        let of_ours = ["lockstep.dev", "events.k8s.io", "coordination.k8s.io"];
        let is_ours = of_ours
            .iter()
            .any(|group| asked.target.starts_with(&format!("/apis/{group}/")));
        assert!(is_reading || is_ours, "{asked:?}");
        let is_secret = asked.target.contains("/secrets");
        let is_home = asked.target.contains("/namespaces/lockstep-system/");
        assert!(!is_secret || is_home, "{asked:?}");
    }
}

/// Brings the kind that the attack `later` has been waiting for: it is cluster-scoped.
fn define_later_kind(scene: &Scene) -> Result<()> {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "reaches.later.example.com"},
        "spec": {
            "group": "later.example.com", "scope": "Cluster",
            "names": {"kind": "Reach", "plural": "reaches"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    let kubectl = scene.kubectl();
    kubectl.apply(&definition.to_string())?;
    let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
    kubectl.run(&[&wait[..], &["crd/reaches.later.example.com"]].concat())?;
    Ok(())
}
