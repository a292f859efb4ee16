//! age for SOPS: identities and recipients, and data keys wrapped for them.
//!
//! Every recipient gets an age file of its own around the whole data key, as sops does it. X25519 and
//! SSH keys (ssh-ed25519, ssh-rsa) are taken; other kinds are named when they are met. No plugin is ever
//! run. A data key may be split over key groups, each of which has a share of it. A passphrase may protect an identity, never a data key: such an entry is refused before its work
//! factor is looked at.
//!
//! The age library draws its randomness from the operating system; it takes no other source.
//!
//! ```
//! use lockstep_age::{Identity, wrap};
//! use lockstep_secret::DataKey;
//!
//! let identity = Identity::generate();
//! let key = DataKey::generate(&mut |bytes| bytes.fill(1));
//! let entries = wrap(&key, &[identity.to_public()])?;
//! assert!(entries[0].enc.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
//! # Ok::<(), lockstep_age::WrapError>(())
//! ```

mod envelope;
mod identities;
mod identity;
mod locked;
mod no_match;
mod recipient;
mod shamir;
mod ssh;
mod unwrap;
mod wrap;

pub use envelope::{DecryptError, decrypt, encrypt};
pub use identities::{Identities, IdentitiesError, Reserve, Unusable};
pub use identity::{Identity, IdentityError};
pub use locked::{Locked, Source, UnlockError};
pub use no_match::{NoMatch, Split};
pub use recipient::{Recipient, RecipientError, holds_private_key};
pub use ssh::SshKeyError;
pub use unwrap::{UnwrapError, Unwrapped, unwrap};
pub use wrap::{WrapError, wrap, wrap_split};
