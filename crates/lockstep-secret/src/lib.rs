//! Plaintext has types of its own, so that the compiler can see where it goes.
//!
//! What they promise: `Debug` says `[redacted]`, there is no `Display`, `Clone` or `Serialize`, the
//! memory is overwritten on drop, and comparison takes constant time. Reading is spelled
//! [`expose`](SecretBytes::expose), so that every place that looks at plaintext can be found.
//!
//! What they cannot promise: copies that a library makes of an exposed slice. The programs therefore
//! also wipe every block of memory that is freed, through their global allocator, and the operator
//! wipes the stacks it has used, with [`wipe_stack`].

mod bytes;
mod data_key;
mod stack;
mod string;

pub use bytes::SecretBytes;
pub use data_key::DataKey;
pub use stack::wipe_stack;
pub use string::{NotUtf8, SecretString};
