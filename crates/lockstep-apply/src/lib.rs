//! Server-side apply, inventory, prune and drift, as a team.
//!
//! Everything done on behalf of a Sync goes to the API server as the team's service account, so that
//! the API server is the guard and this code is not. What is written leaves as a whole manifest; what
//! comes back is metadata, so no Secret is ever read.
//!
//! ```text
//! Kinds::resolve ─▶ Planned ─ Session::apply ─▶ Applied { Recorded }
//!                                                   │
//! watch ─▶ Event ─▶ Seen ─────── Recorded::judge ───┴─▶ Verdict
//! inventory ─▶ Inventoried ─ Session::prune ─▶ Pruned
//! ```
//!
//! Limits: a manifest is plaintext while it is on its way. Here it is shared with the connection, not
//! copied, and wiped when it has been sent; the copies that the transport makes are gone when the
//! [`Session`] is closed, provided the program wipes freed memory.

mod apply;
mod connections;
mod drift;
mod error;
mod exchange;
mod fence;
mod fields;
mod fingerprint;
mod ignore;
mod kinds;
mod look;
mod owner;
mod prune;
mod refusal;
mod retry;
#[cfg(test)]
mod script;
mod seen;
mod server;
mod session;
mod takeover;
mod watch;

pub use apply::{Applied, Change, ConflictPolicy, Planned};
pub use drift::{DriftedField, Recorded, Suspicion, Verdict};
pub use error::{ApiError, ConflictingField, InvalidField};
pub use fence::{Fence, Fenced, NoLeave, SinceBoot};
pub use fields::{Entry, FieldSet, Operation};
pub use fingerprint::{Fingerprint, Fingerprints};
pub use ignore::IgnoredField;
pub use kinds::{Kinds, Resource, Scope};
pub use owner::{Owner, SYNC_LABEL, SYNC_NAMESPACE_LABEL};
pub use prune::{Inventoried, Kept, PRUNE_ANNOTATION, Pruned};
pub use seen::Seen;
pub use server::ApiServer;
pub use session::{ConnectError, Session, verify_account, watch_client};
pub use takeover::Previous;
pub use watch::{Event, Watched, watch};
