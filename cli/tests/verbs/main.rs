//! The program as its users see it: every verb, run for real in a folder of its own.

#![expect(clippy::unwrap_used, reason = "tests may be blunt")]

mod batch;
mod check;
mod decrypt;
mod edit;
mod encrypt;
mod exec;
mod faults;
mod formats;
mod hygiene;
mod identities;
mod init;
mod keygen;
mod kill;
mod rotate;
mod scratch;
mod session;
mod set;
mod updatekeys;
mod usage;
