//! The access rights the operator needs, as objects an administrator reads and applies.
//!
//! What it may do by itself is little: read and report on its own kinds, send events, and read the
//! Secrets of its own namespace. Everything else it does as a team's service account, which it may
//! become only where a Role in that team's namespace names that account. Nothing here is granted on
//! Secrets or on impersonation across namespaces, and nothing has a wildcard.

use crate::{GROUP, KeyGeneration, Team, TeamLookupError, reserved_namespace, team_of};
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use lockstep_names::{Account, AccountName, InvalidName, NamespaceName};
use serde_json::Value;

const RBAC: &str = "rbac.authorization.k8s.io";

/// The name of the Lease that the process at work holds, in the operator's namespace.
pub const LEASE_NAME: &str = "lockstep-operator";

/// The name of every role and binding here.
const NAME: &str = "lockstep-operator";

/// The name of the role that lets keys be made.
const KEYS: &str = "lockstep-operator-keys";

/// Something a Team names and may not be given access to.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A name in a Team is none.
    #[error("team {team}: {field} cannot be used")]
    Name {
        /// The Team.
        team: String,
        /// The field of its specification.
        field: &'static str,
        /// What is wrong with it.
        source: InvalidName,
    },

    /// A namespace may be no team's.
    #[error("team {team}: the namespace {namespace} may not be a team's: {why}")]
    Reserved {
        /// The Team.
        team: String,
        /// The namespace.
        namespace: NamespaceName,
        /// Why not.
        why: &'static str,
    },

    /// A namespace is not one Team's alone.
    #[error("team {team}: no access can be given to a namespace of two teams")]
    Shared {
        /// The Team.
        team: String,
        /// Which namespace, and whose else it is.
        source: TeamLookupError,
    },
}

/// The rights of the operator itself, when it runs as `operator`: its own kinds in all namespaces,
/// events, and the Secrets and the one Lease of its own namespace.
#[must_use]
pub fn operator_access(operator: &Account) -> Vec<Value> {
    let kinds = ["repositories", "syncs", "teams"];
    let statuses = kinds.map(|kind| format!("{kind}/status"));
    let own_kinds = ClusterRole {
        metadata: named(None),
        rules: Some(vec![
            rule(GROUP, &kinds, &["get", "list", "watch"]),
            rule(
                GROUP,
                &statuses.each_ref().map(String::as_str),
                &["patch", "update"],
            ),
            // For the finalizer that `deletionPolicy: Prune` needs.
            rule(GROUP, &["syncs"], &["patch"]),
            rule("events.k8s.io", &["events"], &["create", "patch"]),
        ]),
        ..ClusterRole::default()
    };
    let bound_kinds = ClusterRoleBinding {
        metadata: named(None),
        role_ref: role_ref("ClusterRole"),
        subjects: Some(vec![subject(operator)]),
    };
    let secrets = rule("", &["secrets"], &["get", "list", "watch"]);
    let mut objects = vec![value(&own_kinds), value(&bound_kinds)];
    // No rule can say which name may be created.
    let lease = rule("coordination.k8s.io", &["leases"], &["create"]);
    let own_lease = PolicyRule {
        resource_names: Some(vec![LEASE_NAME.to_owned()]),
        ..rule("coordination.k8s.io", &["leases"], &["get", "update"])
    };
    let own = vec![secrets, lease, own_lease];
    objects.extend(granted(&operator.namespace, operator, own));
    objects
}

/// What lets the operator act for teams, and what no team can be given.
#[derive(Debug, Default)]
pub struct TeamAccess {
    /// A Role and its binding for each namespace.
    pub objects: Vec<Value>,
    /// What is left out, and why. The other Teams and namespaces are not affected.
    pub refused: Vec<AccessError>,
}

/// The right to make Secrets in the operator's own namespace, if a Team asks for a key to be made.
/// The API server cannot limit this to names; it allows neither to read, to change nor to delete.
#[must_use]
pub fn key_access(teams: &[Team], operator: &Account) -> Vec<Value> {
    let asks = |team: &Team| {
        let mut keys = team.spec.keys.iter();
        keys.any(|key| key.generate == KeyGeneration::Once)
    };
    if !teams.iter().any(asks) {
        return Vec::new();
    }
    let create = rule("", &["secrets"], &["create"]);
    let mut objects = granted(&operator.namespace, operator, vec![create]);
    objects[0]["metadata"]["name"] = Value::from(KEYS);
    objects[1]["metadata"]["name"] = Value::from(KEYS);
    objects[1]["roleRef"]["name"] = Value::from(KEYS);
    objects.into()
}

/// The right to become the account of each team, in each of its namespaces: that account only, and
/// to see whether it exists. A namespace that is reserved, or named by two Teams, gets nothing.
#[must_use]
pub fn team_access(teams: &[Team], operator: &Account) -> TeamAccess {
    let mut sorted: Vec<_> = teams.iter().collect();
    sorted.sort_by_key(|team| team.name_any());
    let mut access = TeamAccess::default();
    for team in sorted {
        let account: AccountName = match team.spec.account() {
            Ok(account) => account,
            Err(source) => {
                access
                    .refused
                    .push(bad_name(team, "serviceAccountName", source));
                continue;
            }
        };
        for namespace in &team.spec.namespaces {
            match own_namespace(namespace, team, teams, operator) {
                Ok(namespace) => {
                    let become_account = PolicyRule {
                        resource_names: Some(vec![account.to_string()]),
                        ..rule("", &["serviceaccounts"], &["get", "impersonate"])
                    };
                    access
                        .objects
                        .extend(granted(&namespace, operator, vec![become_account]));
                }
                Err(error) => access.refused.push(error),
            }
        }
    }
    access
}

/// A namespace of `team`, if it is its alone and one that a team may have.
fn own_namespace(
    name: &str,
    team: &Team,
    teams: &[Team],
    operator: &Account,
) -> Result<NamespaceName, AccessError> {
    let namespace: NamespaceName = name
        .parse()
        .map_err(|source| bad_name(team, "namespaces", source))?;
    if let Some(why) = reserved_namespace(&namespace, &operator.namespace) {
        return Err(AccessError::Reserved {
            team: team.name_any(),
            namespace,
            why,
        });
    }
    team_of(teams, &namespace).map_err(|source| AccessError::Shared {
        team: team.name_any(),
        source,
    })?;
    Ok(namespace)
}

fn bad_name(team: &Team, field: &'static str, source: InvalidName) -> AccessError {
    AccessError::Name {
        team: team.name_any(),
        field,
        source,
    }
}

/// A Role with `rules` in `namespace`, and its binding to the operator.
fn granted(namespace: &NamespaceName, operator: &Account, rules: Vec<PolicyRule>) -> [Value; 2] {
    let role = Role {
        metadata: named(Some(namespace)),
        rules: Some(rules),
    };
    let binding = RoleBinding {
        metadata: named(Some(namespace)),
        role_ref: role_ref("Role"),
        subjects: Some(vec![subject(operator)]),
    };
    [value(&role), value(&binding)]
}

fn named(namespace: Option<&NamespaceName>) -> ObjectMeta {
    ObjectMeta {
        name: Some(NAME.to_owned()),
        namespace: namespace.map(ToString::to_string),
        ..ObjectMeta::default()
    }
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn role_ref(kind: &str) -> RoleRef {
    RoleRef {
        api_group: RBAC.to_owned(),
        kind: kind.to_owned(),
        name: NAME.to_owned(),
    }
}

fn subject(operator: &Account) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: operator.name.to_string(),
        namespace: Some(operator.namespace.to_string()),
        ..Subject::default()
    }
}

fn value(object: &impl serde::Serialize) -> Value {
    serde_json::to_value(object)
        .expect("this holds because roles are plain structures with text keys")
}
