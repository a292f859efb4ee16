//! Names, parsed once at the edge and trusted afterwards.
//!
//! A value of one of these types has been checked: a [`RepoPath`] cannot leave its repository, a
//! [`GitUrl`] carries no password and no other protocol, a [`NamespaceName`] is what the API server
//! would accept. Functions that take them need no checks of their own.

mod git;
mod kubernetes;
mod object;
mod path;
mod url;

pub use git::{BranchName, ObjectId, Revision};
pub use kubernetes::{Account, AccountName, FieldManager, NamespaceName, SyncName, TeamName};
pub use object::ObjectKey;
pub use path::RepoPath;
pub use url::GitUrl;

/// A name that was refused: which kind of name, and which rule it breaks.
///
/// The text itself is not part of the message, because it may come from a hostile repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: {rule}")]
pub struct InvalidName {
    /// What the text was to be, such as `branch name`.
    pub kind: &'static str,
    /// The rule it breaks, as a sentence part.
    pub rule: &'static str,
}

/// Gives a validated text type its conversions, so that each states only its rule.
macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Reads the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                check(text).map_err(|rule| $crate::InvalidName { kind: $kind, rule })?;
                Ok(Self(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}
use text_name;
