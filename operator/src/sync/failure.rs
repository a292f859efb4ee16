//! What stops a whole reconcile, and what follows from it: the reason, and whether to try again.

use super::apply::ApplyError;
use super::fetch::FetchError;
use super::preflight::Hold;
use super::resolve::ResolveError;
use crate::guard::Panicked;
use lockstep_api::SyncReason;
use lockstep_apply::ConnectError;

/// A step that could not be done; one variant a step that can fail as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The team, keys or Repository could not be found.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The Sync may not run.
    #[error(transparent)]
    Preflight(#[from] Hold),
    /// The files could not be listed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Nothing could be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// There was no connection to prune with.
    #[error(transparent)]
    Prune(#[from] ConnectError),
    /// Some step panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again soon, then less and less often.
    Retry,
    /// Only a change of something else helps, and that wakes the Sync; look again at the interval.
    Wait,
}

impl StepError {
    /// The reason the status gives.
    pub(crate) fn reason(&self) -> SyncReason {
        match self {
            Self::Resolve(error) => error.reason(),
            Self::Preflight(hold) => hold.reason,
            Self::Fetch(error) => error.reason(),
            Self::Apply(error) => error.reason(),
            Self::Prune(_) => SyncReason::Unreachable,
            Self::Panicked(_) => SyncReason::InternalError,
        }
    }

    /// Whether trying again helps.
    pub(crate) fn next(&self) -> Next {
        match self.reason() {
            SyncReason::SourceNotReady
            | SyncReason::ServiceAccountNotFound
            | SyncReason::ImpersonationForbidden
            | SyncReason::Unreachable
            | SyncReason::Progressing
            | SyncReason::ApplyFailed
            | SyncReason::PruneFailed
            | SyncReason::InternalError => Next::Retry,
            SyncReason::Succeeded
            | SyncReason::Suspended
            | SyncReason::InvalidSpec
            | SyncReason::NoTeam
            | SyncReason::TwoTeams
            | SyncReason::NamespaceNotAllowed
            | SyncReason::RepositoryNotFound
            | SyncReason::RepositoryNotAllowed
            | SyncReason::PathNotFound
            | SyncReason::EmptySource
            | SyncReason::KeyMissing
            | SyncReason::DecryptionFailed
            | SyncReason::BuildFailed => Next::Wait,
        }
    }
}
