//! The subcommands, one file each.

pub(crate) mod crds;
pub(crate) mod rbac;
pub(crate) mod run;

/// Why a command failed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + std::marker::Sync>;
