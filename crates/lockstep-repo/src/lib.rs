//! Work on many files of a repository: which policy holds for each, encrypt or decrypt them in a
//! thread pool, and publish the results so that a kill leaves every file old or new.
//!
//! This is the one door to the file system for the command line: files are read by [`read_file`]
//! and written by [`publish`], and every error names its path.

mod check;
mod folder;
mod open_file;
mod policy;
mod pool;
mod private;
mod rewrite;
mod rotation;
mod seal;
mod shown;
mod source;
mod write;

pub use check::{Checked, Depth, Finding, changes_since, check, seal_again};
pub use folder::{FolderError, Holds, Nested, files_below, format_of, is_yaml, look_at, look_into};
pub use open_file::{OpenFile, ResealError};
pub use policy::{
    Overrides, POLICY_FILE, Plan, Policies, PolicyError, RuleName, Split, Standing, find_policy,
    find_repository, read_policy,
};
pub use private::{PrivateError, PrivateFolder};
pub use rewrite::{Change, RewriteError, rewrite};
pub use rotation::{
    Candidate, Examined, Held, NotRotated, Refusal, Refused, examine, gather, rewrap, rotate,
};
pub use seal::{Coverage, Decrypted, SealError, Sealed, UnsealError, decrypt, encrypt};
pub use shown::Shown;
pub use source::{
    Fingerprint, LARGEST_FILE, RawSource, ReadError, Source, read_file, read_raw, read_raw_stream,
    read_stream,
};
pub use write::{
    Expected, Privacy, Staged, WriteError, create_folder, publish, stage, write_file, write_output,
};
