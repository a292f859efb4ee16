//! The namespaces a Team names and cannot use.

use crate::context::Context;
use lockstep_api::{NamespaceProblem, Team, TeamReason, reserved_namespace, team_of};
use lockstep_apply::{ApiError, verify_account};
use lockstep_names::{Account, NamespaceName};

/// The namespaces the team names and cannot use.
pub(super) async fn problems(
    context: &Context,
    team: &Team,
) -> Vec<(TeamReason, NamespaceProblem)> {
    let mut problems = Vec::new();
    for name in &team.spec.namespaces {
        if let Some((reason, message)) = problem(context, team, name).await {
            let (name, reason_text) = (name.clone(), reason.as_str().to_owned());
            problems.push((
                reason,
                NamespaceProblem {
                    name,
                    reason: reason_text,
                    message,
                },
            ));
        }
    }
    problems
}

async fn problem(context: &Context, team: &Team, name: &str) -> Option<(TeamReason, String)> {
    let namespace: NamespaceName = match name.parse() {
        Ok(namespace) => namespace,
        Err(error) => return Some((TeamReason::InvalidSpec, format!("{error}"))),
    };
    if let Some(why) = reserved_namespace(&namespace, &context.namespace) {
        return Some((TeamReason::NamespaceReserved, why.to_owned()));
    }
    let teams = context.teams.state();
    if let Err(error) = team_of(teams.iter().map(AsRef::as_ref), &namespace) {
        return Some((TeamReason::NamespaceShared, error.to_string()));
    }
    let account = match team.spec.account() {
        Ok(name) => Account { namespace, name },
        Err(error) => {
            return Some((
                TeamReason::InvalidSpec,
                format!("serviceAccountName: {error}"),
            ));
        }
    };
    match verify_account(&context.client, &account).await {
        Ok(_) => None,
        Err(ApiError::Forbidden) => {
            let message = "the operator may not look at the service account; apply what `lockstep-operator rbac` prints";
            Some((TeamReason::ServiceAccountNotFound, message.to_owned()))
        }
        Err(error) if error.is_transient() => None,
        Err(error) => Some((
            TeamReason::ServiceAccountNotFound,
            format!("service account {}: {error}", account.name),
        )),
    }
}
