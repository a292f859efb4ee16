//! The `lockstep` command line: one verb, one file under `verbs`.
//!
//! A verb translates arguments, calls `lockstep-repo` and says what happened. Each effect has one
//! door: terminal output is [`terminal`], the environment is [`environment`], files are
//! `lockstep-repo`'s, a cluster is reached by the user's own [`kubectl`].

mod arguments;
mod child;
mod editor;
mod environment;
mod exit;
mod failure;
mod files;
mod hardening;
mod identities;
mod index;
mod json;
mod kubectl;
mod memory;
mod opened;
mod passphrase;
mod policy_arguments;
mod reference;
mod terminal;
mod usage;
mod verbs;

pub use arguments::run;
pub use exit::{Ended, Exit};
pub use hardening::harden;
pub use reference::reference;
