//! Encrypted files changed by somebody without the key: what is refused, and the list of what passes
//! because SOPS's MAC does not see it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop at what is unexpected"
)]

mod file;
mod forms;
mod mac;
mod seal;
