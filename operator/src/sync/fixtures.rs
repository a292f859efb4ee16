//! Objects for the unit tests of the steps.

use super::resolve::Resolved;
use crate::keys::KeyRing;
use lockstep_api::{Repository, Sync, Team};
use lockstep_apply::Owner;
use lockstep_names::Account;
use serde_json::{Value, json};
use std::sync::Arc;

/// The commit the Repository was fetched at.
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A Sync `team-a/app` that may run. `change` may alter Sync, Team and Repository first.
pub(super) fn resolved(change: impl FnOnce(&mut Value, &mut Value, &mut Value)) -> Resolved {
    let (mut sync, mut team, mut repository) = (sync(), team(), repository());
    change(&mut sync, &mut team, &mut repository);
    let sync: Sync = serde_json::from_value(sync).unwrap();
    let team: Team = serde_json::from_value(team).unwrap();
    let repository: Repository = serde_json::from_value(repository).unwrap();
    let namespace: lockstep_names::NamespaceName = "team-a".parse().unwrap();
    let named = team.spec.namespaces.iter();
    Resolved {
        namespaces: Arc::new(named.map(|name| name.parse().unwrap()).collect()),
        sync: Arc::new(sync),
        owner: Owner {
            namespace: namespace.clone(),
            sync: "app".parse().unwrap(),
        },
        team: Arc::new(team),
        account: Account {
            namespace,
            name: "deployer".parse().unwrap(),
        },
        repository: Arc::new(repository),
        keys: Arc::new(KeyRing::default()),
    }
}

fn sync() -> Value {
    json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Sync",
        "metadata": {"name": "app", "namespace": "team-a", "uid": "s", "generation": 1},
        "spec": {"sourceRef": {"name": "app"}, "path": "deploy", "prune": true},
    })
}

fn team() -> Value {
    json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Team",
        "metadata": {"name": "a", "uid": "t", "generation": 1},
        "spec": {
            "namespaces": ["team-a", "team-a-jobs"], "serviceAccountName": "deployer",
            "repositories": ["https://git.example.com/team-a/*"],
        },
    })
}

fn repository() -> Value {
    json!({
        "apiVersion": "lockstep.dev/v1alpha1", "kind": "Repository",
        "metadata": {"name": "app", "namespace": "team-a", "uid": "r"},
        "spec": {"url": "https://git.example.com/team-a/app.git"},
        "status": {"artifact": {
            "revision": format!("main@sha1:{COMMIT}"),
            "url": "https://git.example.com/team-a/app.git",
        }},
    })
}
