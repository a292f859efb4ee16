//! Reconciling a Repository: fetch its branch when it is due, and say what was found.
//!
//! 1. [`may`]: does a Team allow it?
//! 2. [`credentials`]: the Secret it names, read as the team's account
//! 3. fetch: Git over HTTPS into a store of its own
//! 4. [`status`]: on every outcome

mod credentials;
mod due;
mod may;
mod status;

use crate::context::Context;
use crate::guard::{self, Panicked};
use credentials::CredentialsError;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use lockstep_api::{Repository, RepositoryReason};
use lockstep_git::{FetchError, Remote};
use lockstep_names::{Account, BranchName, GitUrl, Revision};
use may::Hold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use due::Schedule;
use due::Tried;

/// Why a Repository was not fetched; one variant a step.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    May(#[from] Hold),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the fetch was cancelled")]
    Cancelled,
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl StepError {
    fn reason(&self) -> RepositoryReason {
        match self {
            Self::May(hold) => hold.reason,
            Self::Credentials(error) => error.reason(),
            Self::Fetch(error) => fetch_reason(error),
            Self::Cancelled => RepositoryReason::Progressing,
            Self::Panicked(_) => RepositoryReason::InternalError,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => error.hint(),
            _ => None,
        }
    }
}

fn fetch_reason(error: &FetchError) -> RepositoryReason {
    match error {
        FetchError::Unreachable { .. }
        | FetchError::ConnectionBroken { .. }
        | FetchError::ServerError { .. }
        | FetchError::Interrupted => RepositoryReason::Unreachable,
        FetchError::Timeout { .. } => RepositoryReason::TimedOut,
        FetchError::Tls { .. } => RepositoryReason::CertificateRejected,
        FetchError::AuthenticationRequired { .. }
        | FetchError::AuthenticationDenied { .. }
        | FetchError::UnusableCredentials { .. } => RepositoryReason::AuthenticationFailed,
        FetchError::BranchNotFound { .. } | FetchError::EmptyRepository { .. } => {
            RepositoryReason::BranchNotFound
        }
        FetchError::NotARepository { .. } => RepositoryReason::RepositoryNotFound,
        FetchError::Redirected { .. }
        | FetchError::Protocol { .. }
        | FetchError::TooLarge { .. }
        | FetchError::FileTooLarge { .. }
        | FetchError::TooMuchMemory { .. } => RepositoryReason::InvalidContent,
        FetchError::Store(_) => RepositoryReason::StorageFailed,
    }
}

/// Fetches a Repository if it is due, and says when to look again.
///
/// # Errors
/// Never: whatever happens ends in the status.
pub(crate) async fn reconcile(
    repository: Arc<Repository>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    if repository.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let outcome = match may::clear(&context, &repository) {
        Ok((url, branch, account)) => {
            if let Some(wait) = context.schedule.wait(&repository) {
                return Ok(Action::requeue(wait));
            }
            let attempt = attempt(&context, &repository, url, branch, account);
            let uid = repository.uid().unwrap_or_default();
            let kept = context.guard.keep(&uid, attempt).await;
            kept.unwrap_or_else(|panicked| {
                context.metrics.panicked();
                Err(panicked.into())
            })
        }
        Err(hold) => Err(hold.into()),
    };
    let reason = status::report(&context, &repository, &outcome).await;
    let label = reason.unwrap_or(RepositoryReason::Progressing).as_str();
    context
        .metrics
        .reconciled("Repository", label, started.elapsed());
    let pause = match outcome {
        // What nobody was told of has to be tried again.
        _ if reason.is_none() => context.schedule.note(&repository, Tried::Failed),
        Ok(_) => context.schedule.note(&repository, Tried::Fetched),
        Err(StepError::Panicked(panicked)) => {
            let tried = Tried::Panicked(panicked.again);
            context.schedule.note(&repository, tried)
        }
        // Nothing was asked, so once the hold is lifted there is nothing to wait for.
        Err(StepError::May(_)) => context.schedule.hold(&repository),
        Err(_) => context.schedule.note(&repository, Tried::Failed),
    };
    Ok(Action::requeue(pause))
}

/// Steps 2 and 3.
async fn attempt(
    context: &Arc<Context>,
    repository: &Repository,
    url: GitUrl,
    branch: BranchName,
    account: Account,
) -> Result<Revision, StepError> {
    let found = credentials::read(context, repository, &account).await?;
    let timeout = repository.spec.timeout();
    let remote = Remote {
        url,
        credentials: found.credentials,
        ca: found.ca,
        timeout,
    };
    let uid = repository.uid().unwrap_or_default();
    let (worker, stop) = (context.clone(), context.stop.flag());
    let fetched = guard::blocking(move || {
        let store = worker.stores.of(&uid)?;
        store.fetch(&remote, &branch, &stop)
    });
    Ok(fetched.await.ok_or(StepError::Cancelled)??)
}
