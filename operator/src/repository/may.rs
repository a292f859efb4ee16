//! Step 1, pure but for the look into the caches: may this Repository be fetched?

use crate::context::Context;
use kube::ResourceExt;
use lockstep_api::{Repository, RepositoryReason, TeamLookupError, reserved_namespace, team_of};
use lockstep_names::{Account, BranchName, GitUrl, NamespaceName};

/// Why a Repository is not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Hold {
    /// The reason the status gives.
    pub reason: RepositoryReason,
    /// What is the matter, and what would help.
    pub message: String,
}

/// What to fetch, and the account that reads the credentials.
///
/// # Errors
/// [`Hold`].
pub(super) fn clear(
    context: &Context,
    repository: &Repository,
) -> Result<(GitUrl, BranchName, Account), Hold> {
    if repository.spec.suspend {
        return Err(hold(
            RepositoryReason::Suspended,
            "spec.suspend is set; what was fetched stays",
        ));
    }
    let invalid =
        |field: &str, error| hold(RepositoryReason::InvalidSpec, format!("{field}: {error}"));
    let url = repository
        .spec
        .url()
        .map_err(|error| invalid("spec.url", error))?;
    let branch = repository
        .spec
        .branch()
        .map_err(|error| invalid("spec.ref.branch", error))?;
    let namespace: NamespaceName = repository
        .namespace()
        .unwrap_or_default()
        .parse()
        .map_err(|error| invalid("metadata.namespace", error))?;
    if let Some(why) = reserved_namespace(&namespace, &context.namespace) {
        let message = format!("namespace {namespace} may not be a team's: {why}");
        return Err(hold(RepositoryReason::NoTeam, message));
    }
    let teams = context.teams.state();
    let team = team_of(teams.iter().map(AsRef::as_ref), &namespace).map_err(|error| {
        let reason = match error {
            TeamLookupError::None(_) => RepositoryReason::NoTeam,
            TeamLookupError::Several { .. } => RepositoryReason::TwoTeams,
        };
        hold(reason, error.to_string())
    })?;
    if !team.spec.allows_repository(&url) {
        let message = format!(
            "team {} does not allow {url}; an administrator can add it to spec.repositories of the Team",
            team.name_any()
        );
        return Err(hold(RepositoryReason::RepositoryNotAllowed, message));
    }
    let name = team
        .spec
        .account()
        .map_err(|error| invalid("serviceAccountName of the Team", error))?;
    Ok((url, branch, Account { namespace, name }))
}

fn hold(reason: RepositoryReason, message: impl Into<String>) -> Hold {
    Hold {
        reason,
        message: message.into(),
    }
}
