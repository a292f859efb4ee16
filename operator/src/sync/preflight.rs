//! Step 2, pure: may this Sync run? An ordered list of checks, the first that objects decides.

use super::resolve::Resolved;
use kube::ResourceExt;
use lockstep_api::{SyncReason, reserved_namespace};
use lockstep_names::{NamespaceName, RepoPath, Revision};

/// A Sync that may run, and on what.
#[derive(Clone, Debug)]
pub(crate) struct Cleared {
    /// Whose Sync it is.
    pub resolved: Resolved,
    /// The revision its Repository was last fetched at.
    pub revision: Revision,
    /// The folder it applies.
    pub path: RepoPath,
}

/// Why a Sync may not run now. Nothing in the cluster is touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Hold {
    /// The reason the status gives.
    pub reason: SyncReason,
    /// What is the matter, and what would help.
    pub message: String,
}

type Check = fn(&Resolved, &NamespaceName) -> Option<Hold>;

const CHECKS: [Check; 3] = [suspended, namespace_reserved, url_not_allowed];

/// Clears a Sync to run. `operator` is the operator's own namespace.
///
/// # Errors
/// [`Hold`].
pub(crate) fn clear(resolved: Resolved, operator: &NamespaceName) -> Result<Cleared, Hold> {
    if let Some(hold) = CHECKS.iter().find_map(|check| check(&resolved, operator)) {
        return Err(hold);
    }
    let path = resolved
        .sync
        .spec
        .path
        .parse()
        .map_err(|error| hold(SyncReason::InvalidSpec, format!("spec.path: {error}")))?;
    let revision = revision(&resolved)?;
    Ok(Cleared {
        resolved,
        revision,
        path,
    })
}

fn hold(reason: SyncReason, message: impl Into<String>) -> Hold {
    Hold {
        reason,
        message: message.into(),
    }
}

fn suspended(resolved: &Resolved, _: &NamespaceName) -> Option<Hold> {
    let suspend = resolved.sync.spec.suspend;
    suspend.then(|| {
        hold(
            SyncReason::Suspended,
            "spec.suspend is set; what was applied stays as it is",
        )
    })
}

fn namespace_reserved(resolved: &Resolved, operator: &NamespaceName) -> Option<Hold> {
    let namespace = &resolved.owner.namespace;
    let why = reserved_namespace(namespace, operator)?;
    Some(hold(
        SyncReason::NamespaceNotAllowed,
        format!("namespace {namespace} may not be a team's: {why}"),
    ))
}

fn url_not_allowed(resolved: &Resolved, _: &NamespaceName) -> Option<Hold> {
    let (team, repository) = (&resolved.team, &resolved.repository);
    let allowed = repository
        .spec
        .url()
        .is_ok_and(|url| team.spec.allows_repository(&url));
    (!allowed).then(|| {
        let message = format!(
            "team {} does not allow the address of Repository {}; an administrator can add it to spec.repositories of the Team",
            team.name_any(),
            repository.name_any()
        );
        hold(SyncReason::RepositoryNotAllowed, message)
    })
}

/// The revision to apply: what was last fetched, provided it is of the address and branch that the
/// Repository names now.
fn revision(resolved: &Resolved) -> Result<Revision, Hold> {
    let repository = &resolved.repository;
    let not_ready = || {
        let message = format!(
            "Repository {} has not been fetched yet; its status says why",
            repository.name_any()
        );
        hold(SyncReason::SourceNotReady, message)
    };
    let artifact = repository
        .status
        .as_ref()
        .and_then(|status| status.artifact.as_ref())
        .ok_or_else(not_ready)?;
    let revision: Revision = artifact.revision.parse().map_err(|_| not_ready())?;
    let current = artifact.url == repository.spec.url
        && revision.branch.as_str() == repository.spec.reference.branch;
    if current {
        Ok(revision)
    } else {
        Err(not_ready())
    }
}

#[cfg(test)]
mod tests;
