//! The API kinds `Repository`, `Sync` and `Team` of `lockstep.dev/v1alpha1`, what their status says,
//! and the access rights the operator needs for them.
//!
//! Everything here is data: no client, no clock. An object that was stored by an older version must
//! still be read by a newer one, so every field that is not there from the first day has a default,
//! and lists that may hold many entries are replaced whole. Read them through
//! [`kube::core::DeserializeGuard`]: then an object that this version cannot read fails alone.
//!
//! No field of a `Repository` or `Sync` names a key or a service account. Both come from the `Team`
//! that names the namespace, and only an administrator writes Teams.

mod access;
mod condition;
mod interval;
#[expect(
    unreachable_pub,
    reason = "KubeSchema repeats the struct inside a function"
)]
mod inventory;
mod reason;
#[expect(
    unreachable_pub,
    reason = "KubeSchema repeats the struct inside a function"
)]
mod recipient_report;
#[expect(
    unreachable_pub,
    reason = "KubeSchema repeats the struct inside a function"
)]
mod repository;
#[expect(
    unreachable_pub,
    reason = "KubeSchema repeats the struct inside a function"
)]
mod sync;
#[expect(
    unreachable_pub,
    reason = "KubeSchema repeats the struct inside a function"
)]
mod sync_status;
#[expect(
    unreachable_pub,
    reason = "KubeSchema repeats the struct inside a function"
)]
mod team;
mod team_policy;
mod text;
mod yaml;

pub use access::{AccessError, LEASE_NAME, TeamAccess, key_access, operator_access, team_access};
pub use condition::{ConditionStatus, ConditionType, Statement, remove, set};
pub use interval::{Interval, InvalidInterval};
pub use inventory::{Inventory, InventoryEntry};
pub use reason::{DecryptedReason, DriftedReason, FailureReason, Reason, SyncReason};
pub use reason::{RepositoryReason, TeamReason};
pub use recipient_report::{OpenedBy, RecipientReport};
pub use repository::{
    Artifact, LocalSecretReference, Reference, Repository, RepositorySpec, RepositoryStatus,
};
pub use sync::{
    AdoptionPolicy, ConflictPolicy, DeletionPolicy, DriftDetection, DriftMode, IgnoreRule,
    IgnoreTarget, SourceKind, SourceReference, Sync, SyncSpec,
};
pub use sync_status::{Attempt, CoOwner, Failure, SyncStatus};
pub use team::{
    GroupKind, KeyGeneration, NamespaceProblem, PublishedRecipient, RecipientState, Team, TeamKey,
    TeamLookupError, TeamSpec, TeamStatus, reserved_namespace, team_of,
};
pub use team_policy::{Allowed, DecryptedValues, SecretEncryption};
pub use text::shown;
pub use yaml::{PrintError, TeamsError, teams_from_yaml, to_yaml};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The API group of all kinds here.
pub const GROUP: &str = "lockstep.dev";

/// An annotation of a Repository or Sync: whenever its value changes, the object is reconciled at
/// once. The value last acted on is reported as `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "reconcile.lockstep.dev/requestedAt";

/// The definitions of all kinds, as an administrator applies them.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![Repository::crd(), Sync::crd(), Team::crd()]
}
