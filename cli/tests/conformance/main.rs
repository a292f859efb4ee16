//! The program beside the real sops 3.13.3, in the same repository: each reads what the other wrote,
//! one policy file means the same to both, and the same mistakes end with the same codes.
//!
//! `LOCKSTEP_SOPS` must name the sops binary; `cargo xtask test` builds one and sets it.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

mod both;
mod exits;
mod groups;
mod rotate;
mod rules;
#[expect(dead_code, reason = "the tests of the verbs use all of it")]
#[path = "../verbs/scratch.rs"]
mod scratch;
mod seal;
mod set;
mod ssh;
mod travel;
