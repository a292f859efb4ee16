//! Reconciling a Team: are its keys and namespaces usable, and what are its recipients?
//!
//! Nothing depends on this status: a Sync looks at the Team itself. It is where an administrator sees
//! what is wrong, and where a developer finds the recipients to encrypt to.

use crate::context::Context;
use crate::keys::{KeyProblem, KeyRing};
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use lockstep_api::{
    ConditionStatus, ConditionType, NamespaceProblem, PublishedRecipient, Statement, Team,
    TeamReason, reserved_namespace, team_of,
};
use lockstep_apply::{ApiError, verify_account};
use lockstep_names::{Account, NamespaceName};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How soon a Team with problems is looked at again: accounts and namespaces are not watched.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How soon a Team without problems is.
const LOOK_LATER: Duration = Duration::from_secs(3600);

/// Looks at a Team and reports.
///
/// # Errors
/// Never: whatever happens ends in the status.
pub(crate) async fn reconcile(
    team: Arc<Team>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    let started = Instant::now();
    let ring = match context.keys.ring(&team).await {
        Ok(ring) => ring,
        Err(cause) => {
            tracing::warn!(team = %team.name_any(), cause, "key Secrets could not be read");
            return Ok(Action::requeue(LOOK_AGAIN));
        }
    };
    let problems = namespace_problems(&context, &team).await;
    let (reason, message) = if let Some(problem) = problems.first() {
        (
            problem.0,
            format!("namespace {}: {}", problem.1.name, problem.1.message),
        )
    } else if let Some(missing) = ring.missing.first() {
        (key_reason(&missing.why), missing.to_string())
    } else {
        (
            TeamReason::Succeeded,
            format!("{} recipients", ring.identities.recipients().count()),
        )
    };
    let mut status = team.status.clone().unwrap_or_default();
    status.observed_generation = team.metadata.generation;
    status.recipients = published(&ring);
    status.namespace_problems = problems.into_iter().map(|(_, problem)| problem).collect();
    let ready = if reason == TeamReason::Succeeded {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let ready = Statement::new(ConditionType::Ready, ready, reason, message);
    lockstep_api::set(
        &mut status.conditions,
        &ready,
        team.metadata.generation,
        Timestamp::now(),
    );
    if Some(&status) != team.status.as_ref() {
        let api = Api::<Team>::all(context.client.clone());
        if let Err(cause) = crate::status::write(&api, &team, &status).await {
            tracing::warn!(team = %team.name_any(), cause, "the status could not be written");
        }
    }
    context
        .metrics
        .reconciled("Team", reason.as_str(), started.elapsed());
    Ok(Action::requeue(if reason == TeamReason::Succeeded {
        LOOK_LATER
    } else {
        LOOK_AGAIN
    }))
}

/// The recipients whose identities are held.
fn published(ring: &KeyRing) -> Vec<PublishedRecipient> {
    let held = ring.identities.recipients();
    let mut recipients: Vec<_> = held
        .map(|(recipient, origin)| PublishedRecipient {
            recipient: recipient.to_string(),
            origin: origin.to_owned(),
        })
        .collect();
    recipients.sort();
    recipients
}

fn key_reason(problem: &KeyProblem) -> TeamReason {
    match problem {
        KeyProblem::NotFound(_) | KeyProblem::NoEntry => TeamReason::KeyMissing,
        KeyProblem::Invalid { .. } => TeamReason::KeyInvalid,
    }
}

/// The namespaces the team names and cannot use.
async fn namespace_problems(context: &Context, team: &Team) -> Vec<(TeamReason, NamespaceProblem)> {
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
