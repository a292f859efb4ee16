//! Where an object goes, and whether the team may have it there: pure checks on its place.
//!
//! The API server has the last word, since every write is made as the team's account. These checks
//! come before it, so that a refusal has a clear reason and costs no request.

use super::resolve::Resolved;
use super::vet::Refused;
use crate::trust::{CHECKS, Checks};
use kube::ResourceExt;
use lockstep_api::FailureReason;
use lockstep_apply::{Resource, Scope};
use lockstep_names::{NamespaceName, ObjectKey};

/// Finds the namespace an object goes to; nothing for a cluster-scoped kind the team may apply.
///
/// # Errors
/// [`Refused`] when the team may not have the object there.
pub(crate) fn admit(
    key: &ObjectKey,
    resource: &Resource,
    resolved: &Resolved,
) -> Result<Option<NamespaceName>, Refused> {
    let team = resolved.team.name_any();
    if CHECKS == Checks::LeftOut {
        return as_written(key, resource, resolved);
    }
    if resource.scope == Scope::Cluster {
        let allowed = resolved
            .team
            .spec
            .allows_cluster_scoped(&key.group, &key.kind);
        return if allowed {
            Ok(None)
        } else {
            Err(cluster_scoped(key, &team))
        };
    }
    let Some(written) = &key.namespace else {
        return Ok(Some(resolved.owner.namespace.clone()));
    };
    let outside = || Refused {
        reason: FailureReason::NamespaceNotAllowed,
        message: format!(
            "namespace {} is not one of team {team}, or not its alone",
            lockstep_api::shown(written)
        ),
    };
    let namespace: NamespaceName = written.parse().map_err(|_| outside())?;
    if resolved.namespaces.contains(&namespace) {
        Ok(Some(namespace))
    } else {
        Err(outside())
    }
}

/// The place that the manifest names, whosever it is.
fn as_written(
    key: &ObjectKey,
    resource: &Resource,
    resolved: &Resolved,
) -> Result<Option<NamespaceName>, Refused> {
    if resource.scope == Scope::Cluster {
        return Ok(None);
    }
    let own = resolved.owner.namespace.clone();
    Ok(Some(match &key.namespace {
        Some(written) => written.parse().unwrap_or(own),
        None => own,
    }))
}

fn cluster_scoped(key: &ObjectKey, team: &str) -> Refused {
    Refused {
        reason: FailureReason::KindNotAllowed,
        message: format!(
            "{} is cluster-scoped, and team {team} may not apply it; an administrator can list it in spec.clusterScopedKinds of the Team",
            key.kind
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::fixtures::resolved;
    use serde_json::json;

    fn key(kind: &str, namespace: Option<&str>) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: "x".into(),
        }
    }

    fn resource(kind: &str, scope: Scope) -> Resource {
        Resource {
            group: String::new(),
            version: "v1".into(),
            kind: kind.into(),
            plural: "things".into(),
            scope,
        }
    }

    #[test]
    fn objects_go_to_the_syncs_namespace_or_another_of_the_team() {
        let place = |namespace| {
            let resource = resource("Secret", Scope::Namespaced);
            admit(
                &key("Secret", namespace),
                &resource,
                &resolved(|_, _, _| {}),
            )
        };
        assert_eq!(place(None).unwrap().unwrap().as_str(), "team-a");
        assert_eq!(
            place(Some("team-a-jobs")).unwrap().unwrap().as_str(),
            "team-a-jobs"
        );
        for outside in ["team-b", "kube-system", "Team-A", " team-a", ""] {
            assert_eq!(
                place(Some(outside)).unwrap_err().reason,
                FailureReason::NamespaceNotAllowed
            );
        }
    }

    #[test]
    fn cluster_scoped_kinds_need_the_teams_list() {
        let resource = resource("Namespace", Scope::Cluster);
        let refused = admit(&key("Namespace", None), &resource, &resolved(|_, _, _| {}));
        assert_eq!(refused.unwrap_err().reason, FailureReason::KindNotAllowed);
        let listed = resolved(|_, team, _| {
            team["spec"]["clusterScopedKinds"] = json!([{"group": "", "kind": "Namespace"}]);
        });
        assert_eq!(admit(&key("Namespace", None), &resource, &listed), Ok(None));
    }
}
