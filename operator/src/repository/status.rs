//! Step 4, client, on every outcome: the status of a Repository, and an event when it changes.

use super::StepError;
use crate::context::Context;
use crate::events::Weight;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, Resource, ResourceExt};
use lockstep_api::{
    Artifact, ConditionStatus, ConditionType, REQUESTED_AT, Repository, RepositoryReason,
    RepositoryStatus, Statement,
};
use lockstep_names::Revision;

/// Writes the status if it says something new, and gives the reason of the `Ready` condition; nothing
/// if it could not be written.
pub(super) async fn report(
    context: &Context,
    repository: &Repository,
    outcome: &Result<Revision, StepError>,
) -> Option<RepositoryReason> {
    let now = Timestamp::now();
    let before = repository.status.clone().unwrap_or_default();
    let mut status = before.clone();
    status.observed_generation = repository.metadata.generation;
    status.last_handled_reconcile_at = repository.annotations().get(REQUESTED_AT).cloned();
    let (reason, ready) = statement(outcome);
    if let Ok(revision) = outcome {
        let (revision, url) = (revision.to_string(), repository.spec.url.clone());
        let known = status
            .artifact
            .take()
            .filter(|known| known.revision == revision && known.url == url);
        status.artifact = known.or(Some(Artifact {
            revision,
            url,
            fetched_at: Some(Time(now)),
        }));
    }
    let news = lockstep_api::set(
        &mut status.conditions,
        &ready,
        repository.metadata.generation,
        now,
    );
    if news {
        announce(context, repository, &ready).await;
    }
    if status != before
        && let Err(cause) = write(context, repository, &status).await
    {
        tracing::warn!(repository = %repository.name_any(), cause, "the status could not be written");
        return None;
    }
    Some(reason)
}

fn statement(outcome: &Result<Revision, StepError>) -> (RepositoryReason, Statement) {
    let (reason, status, message) = match outcome {
        Ok(revision) => (
            RepositoryReason::Succeeded,
            ConditionStatus::True,
            format!("fetched {revision}"),
        ),
        Err(error) => (
            error.reason(),
            ConditionStatus::False,
            crate::explain::explain(error, error.hint()),
        ),
    };
    (
        reason,
        Statement::new(ConditionType::Ready, status, reason, message),
    )
}

async fn announce(context: &Context, repository: &Repository, ready: &Statement) {
    let weight = if ready.status == ConditionStatus::True {
        Weight::Normal
    } else {
        Weight::Warning
    };
    let name = format!(
        "{}/{}",
        repository.namespace().unwrap_or_default(),
        repository.name_any()
    );
    match weight {
        Weight::Normal => tracing::info!(repository = name, why = ready.message, "fetched"),
        Weight::Warning => tracing::warn!(
            repository = name,
            reason = ready.reason,
            why = ready.message,
            "not fetched"
        ),
    }
    context
        .events
        .send(
            &repository.object_ref(&()),
            weight,
            "Fetch",
            ready.reason,
            &ready.message,
        )
        .await;
}

async fn write(
    context: &Context,
    repository: &Repository,
    status: &RepositoryStatus,
) -> Result<(), String> {
    let namespace = repository.namespace().unwrap_or_default();
    let api = Api::<Repository>::namespaced(context.client.clone(), &namespace);
    crate::status::write(&api, repository, status).await
}
