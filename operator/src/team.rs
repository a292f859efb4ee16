//! Reconciling a Team: are its keys and namespaces usable, and what are its recipients?
//!
//! A Sync looks at the Team itself, so nothing it does depends on this status. It is where an
//! administrator sees what is wrong, where a developer finds the recipients to encrypt to, and the
//! memory of which keys there ever were: no key is made in place of one that was published.

mod generation;
mod namespaces;
mod recipients;

use crate::context::Context;
use crate::events::Weight;
use crate::keys::{KeyProblem, KeyRing};
use generation::{NotMade, Outcome};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use lockstep_api::{
    ConditionStatus, ConditionType, NamespaceProblem, Statement, Team, TeamReason, TeamStatus,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How soon a Team with a new problem is looked at again: accounts and namespaces are not watched.
const SOONEST: Duration = Duration::from_secs(2);
/// How soon one whose problem is old is.
const LATEST: Duration = Duration::from_secs(300);
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
    let (reason, pause) = look(&team, &context).await;
    context
        .metrics
        .reconciled("Team", reason.as_str(), started.elapsed());
    let pause = pause.mul_f64(rand::random_range(0.9..=1.1));
    Ok(Action::requeue(pause))
}

/// What there is to say of a Team, and when to look again.
async fn look(team: &Team, context: &Context) -> (TeamReason, Duration) {
    let teams = context.teams.state();
    let ring = match context.keys.ring(team, &teams).await {
        Ok(ring) => ring,
        Err(cause) => {
            tracing::warn!(team = %team.name_any(), cause, "key Secrets could not be read");
            return (TeamReason::Progressing, SOONEST * 5);
        }
    };
    let not_made = match generation::generate(context, team, &ring).await {
        Outcome::Settled(not_made) => not_made,
        // The watch on key Secrets wakes the Team when they are seen.
        Outcome::Changed => return (TeamReason::Progressing, SOONEST),
    };
    let problems = namespaces::problems(context, team).await;
    let (reason, message) = verdict(&problems, &ring, &not_made);
    let mut status = team.status.clone().unwrap_or_default();
    status.observed_generation = team.metadata.generation;
    status.recipients = recipients::publish(&status.recipients, &ring, team);
    status.namespace_problems = problems.into_iter().map(|(_, problem)| problem).collect();
    report(context, team, status, reason, message).await
}

/// The reason that matters most, and what to say of it.
fn verdict(
    problems: &[(TeamReason, NamespaceProblem)],
    ring: &KeyRing,
    not_made: &[NotMade],
) -> (TeamReason, String) {
    if let Some((reason, problem)) = problems.first() {
        let message = format!("namespace {}: {}", problem.name, problem.message);
        return (*reason, message);
    }
    let Some(missing) = ring.missing.first() else {
        let message = match ring.identities.recipients().count() {
            1 => "1 recipient".to_owned(),
            count => format!("{count} recipients"),
        };
        return (TeamReason::Succeeded, message);
    };
    let mut message = missing.to_string();
    if let KeyProblem::Shared { teams, .. } = &missing.why {
        message.push_str(&format!(" (held by: {})", teams.join(", ")));
    }
    if let Some(not_made) = not_made.iter().find(|one| one.secret == missing.secret) {
        message.push_str(&format!("; none is made: {}", not_made.why));
    }
    if ring.missing.len() > 1 {
        message.push_str(&format!(" (and {} more)", ring.missing.len() - 1));
    }
    (key_reason(&missing.why), message)
}

fn key_reason(problem: &KeyProblem) -> TeamReason {
    match problem {
        KeyProblem::NotFound(_) | KeyProblem::NoEntry | KeyProblem::Lacking(_) => {
            TeamReason::KeyMissing
        }
        KeyProblem::Invalid { .. } => TeamReason::KeyInvalid,
        KeyProblem::Shared { .. } => TeamReason::KeyShared,
    }
}

/// Writes the status if it says anything new, and tells of a new verdict.
async fn report(
    context: &Context,
    team: &Team,
    mut status: TeamStatus,
    reason: TeamReason,
    message: String,
) -> (TeamReason, Duration) {
    let (ready, weight) = if reason == TeamReason::Succeeded {
        (ConditionStatus::True, Weight::Normal)
    } else {
        (ConditionStatus::False, Weight::Warning)
    };
    let ready = Statement::new(ConditionType::Ready, ready, reason, message);
    let now = Timestamp::now();
    let generation = team.metadata.generation;
    let news = lockstep_api::set(&mut status.conditions, &ready, generation, now);
    if news {
        let about = team.object_ref(&());
        context
            .events
            .send(&about, weight, "Reconcile", reason.as_str(), &ready.message)
            .await;
    }
    if Some(&status) != team.status.as_ref() {
        let api = Api::<Team>::all(context.client.clone());
        if let Err(cause) = crate::status::write(&api, team, &status).await {
            tracing::warn!(team = %team.name_any(), cause, "the status could not be written");
            return (reason, SOONEST);
        }
    }
    let pause = if reason == TeamReason::Succeeded {
        LOOK_LATER
    } else {
        again(&status.conditions, now)
    };
    (reason, pause)
}

/// A problem is looked at again after as long as it has been there: soon at first, then less and less
/// often.
fn again(conditions: &[Condition], now: Timestamp) -> Duration {
    let ready = ConditionType::Ready.as_str();
    let since = conditions
        .iter()
        .find(|condition| condition.type_ == ready)
        .map(|condition| now.duration_since(condition.last_transition_time.0));
    let age = since.and_then(|age| Duration::try_from(age).ok());
    age.unwrap_or_default().clamp(SOONEST, LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_looked_at_soon_and_then_less_and_less_often() {
        let start = Timestamp::UNIX_EPOCH;
        let mut conditions = Vec::new();
        let about = ConditionType::Ready;
        let (status, reason) = (ConditionStatus::False, TeamReason::KeyMissing);
        let missing = Statement::new(about, status, reason, "missing");
        lockstep_api::set(&mut conditions, &missing, None, start);
        let after = |seconds| again(&conditions, start + Duration::from_secs(seconds)).as_secs();
        assert_eq!(
            [after(0), after(4), after(60), after(86_400)],
            [2, 4, 60, 300]
        );
        let before = start - Duration::from_secs(60);
        assert_eq!(again(&conditions, before), SOONEST, "clocks may jump");
    }
}
