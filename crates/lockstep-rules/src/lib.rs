//! The policy file `.sops.yaml`: which path, which recipients, which values, which team.
//!
//! The file is the one sops reads, and it means the same here: the first rule whose `path_regex` is
//! found anywhere in the path counts. Differences are refusals only: an expression that sops would
//! silently treat as matching nothing, a private key where a recipient belongs, keys of kinds that
//! are not supported. Reading files and looking for them is not done here.

mod error;
mod names;
mod proposal;
mod raw;
mod readers;
mod rules;
mod teams;

pub use error::{RecipientsError, RulesError, TeamProblem};
pub use names::Names;
pub use proposal::{Named, SECRET_FILES, SECRET_VALUES, is_name, proposal};
pub use readers::Groups;
pub use rules::{Choice, RecipientText, Rule, Rules, UnknownField};
pub use teams::{Team, Teams};
