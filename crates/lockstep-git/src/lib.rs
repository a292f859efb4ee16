//! Git remotes, fetches and snapshots, read from the object database.
//!
//! ```text
//! Remote ──fetch──▶ Store (bare, on disk) ──snapshot──▶ Snapshot ──read──▶ one file's bytes
//! ```
//!
//! # Guarantees
//! * There is no checkout: files are read from the object database and nothing else is written, so
//!   no path, symbolic link, filter or attribute of a repository can take effect on this machine.
//!   What is on disk is what the server sent, which is ciphertext where the repository is.
//! * Everything about a connection comes from the given [`Remote`]: no environment variable, user or
//!   system Git configuration, credential helper or proxy is asked.
//! * Credentials go to the host in the URL only. A redirect to another scheme, host or port fails.
//! * A fetch has one deadline, and can be interrupted at any time.
//! * An object that should be there and is not is an error, never an absent file.
//!
//! # Limits
//! HTTPS and SHA-1 repositories only. Fetches are one commit deep. The bytes of a commit are trusted
//! as far as the server is: signatures are not verified here.

mod entry;
mod failure;
mod fetch;
mod generation;
mod guard;
mod remote;
mod snapshot;
mod store;
mod store_error;
mod walk;
mod wire;

pub use entry::{Refusal, RefusedEntry};
pub use failure::FetchError;
pub use remote::{CaBundle, CaError, GitCredentials, Remote};
pub use snapshot::{ReadError, Snapshot, SnapshotFile};
pub use store::Store;
pub use store_error::StoreError;
pub use walk::SnapshotError;
