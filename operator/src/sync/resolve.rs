//! Step 1, client: who the Sync belongs to, which keys it has, and which Repository it names.
//!
//! All of it comes from what an administrator wrote. Nothing in the Sync names a key or an account.

use crate::context::Context;
use crate::keys::KeyRing;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use lockstep_api::{
    Repository, Sync, SyncReason, Team, TeamLookupError, reserved_namespace, team_of,
};
use lockstep_apply::Owner;
use lockstep_names::{Account, InvalidName, NamespaceName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A Sync and everything it is entitled to.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The Sync.
    pub sync: Arc<Sync>,
    /// Its name, as the owner of objects and fields.
    pub owner: Owner,
    /// The one Team that names its namespace.
    pub team: Arc<Team>,
    /// The namespaces that are the Team's alone: only these are reached.
    pub namespaces: Arc<BTreeSet<NamespaceName>>,
    /// The account every request is made as: the Team's, in the Sync's namespace.
    pub account: Account,
    /// Its source.
    pub repository: Arc<Repository>,
    /// The Team's identities.
    pub keys: Arc<KeyRing>,
}

/// Why a Sync cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// A name passed the schema and cannot be used.
    #[error("{field} cannot be used")]
    Name {
        /// Which field.
        field: &'static str,
        /// The rule it breaks.
        source: InvalidName,
    },
    /// The namespace has no team, or two.
    #[error(transparent)]
    Team(TeamLookupError),
    /// There is no such Repository in the namespace.
    #[error("there is no Repository {0} in this namespace")]
    Repository(String),
    /// The key Secrets could not be read.
    #[error("the team's key Secrets could not be read: {0}")]
    Keys(String),
    /// The finalizer for the deletion policy could not be set.
    #[error("the finalizer for spec.deletionPolicy could not be set: {0}")]
    Finalizer(String),
}

impl ResolveError {
    /// The reason the status gives.
    pub(crate) fn reason(&self) -> SyncReason {
        match self {
            Self::Name { .. } => SyncReason::InvalidSpec,
            Self::Team(TeamLookupError::None(_)) => SyncReason::NoTeam,
            Self::Team(TeamLookupError::Several { .. }) => SyncReason::TwoTeams,
            Self::Repository(_) => SyncReason::RepositoryNotFound,
            Self::Keys(_) | Self::Finalizer(_) => SyncReason::Unreachable,
        }
    }
}

/// Resolves a Sync.
///
/// # Errors
/// [`ResolveError`].
pub(crate) async fn resolve(context: &Context, sync: Arc<Sync>) -> Result<Resolved, ResolveError> {
    let owner = owner_of(&sync)?;
    let teams = context.teams.state();
    let team =
        team_of(teams.iter().map(AsRef::as_ref), &owner.namespace).map_err(ResolveError::Team)?;
    let namespaces = namespaces_of(team, &teams, &context.namespace).into();
    let team = Arc::new(team.clone());
    let account = team
        .spec
        .account()
        .map_err(named("serviceAccountName of the Team"))?;
    let source = ObjectRef::new(&sync.spec.source_ref.name).within(owner.namespace.as_str());
    let repository = context
        .repositories
        .get(&source)
        .ok_or_else(|| ResolveError::Repository(lockstep_api::shown(&sync.spec.source_ref.name)))?;
    let keys = context.keys.ring(&team, &teams).await;
    let keys = Arc::new(keys.map_err(ResolveError::Keys)?);
    let account = Account {
        namespace: owner.namespace.clone(),
        name: account,
    };
    Ok(Resolved {
        sync,
        owner,
        team,
        namespaces,
        account,
        repository,
        keys,
    })
}

/// The namespaces of a Team that no other Team names, and that a Team may have.
pub(crate) fn namespaces_of(
    team: &Team,
    teams: &[Arc<Team>],
    operator: &NamespaceName,
) -> BTreeSet<NamespaceName> {
    let named = team.spec.namespaces.iter();
    let valid = named.filter_map(|name| name.parse::<NamespaceName>().ok());
    valid
        .filter(|namespace| {
            reserved_namespace(namespace, operator).is_none()
                && team_of(teams.iter().map(AsRef::as_ref), namespace).is_ok()
        })
        .collect()
}

/// The name of a Sync, checked.
///
/// # Errors
/// [`ResolveError::Name`].
pub(crate) fn owner_of(sync: &Sync) -> Result<Owner, ResolveError> {
    let namespace = sync.namespace().unwrap_or_default();
    Ok(Owner {
        namespace: namespace.parse().map_err(named("metadata.namespace"))?,
        sync: sync.name_any().parse().map_err(named("metadata.name"))?,
    })
}

fn named(field: &'static str) -> impl Fn(InvalidName) -> ResolveError {
    move |source| ResolveError::Name { field, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::fixtures;
    use serde_json::json;

    #[test]
    fn a_namespace_of_two_teams_or_of_the_operator_is_nobodys() {
        let with = |namespaces: &[&str]| {
            fixtures::resolved(|_, team, _| team["spec"]["namespaces"] = json!(namespaces)).team
        };
        let a = with(&["team-a", "shared", "lockstep-system", "kube-system"]);
        let b = with(&["team-b", "shared"]);
        let operator = "lockstep-system".parse().unwrap();
        let own = namespaces_of(&a, &[a.clone(), b], &operator);
        assert_eq!(
            own.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
            ["team-a"]
        );
    }
}
