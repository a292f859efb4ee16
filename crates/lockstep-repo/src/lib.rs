//! Work on many files of a repository: which policy holds for each, encrypt or decrypt them in a
//! thread pool, and publish the results so that a kill leaves every file old or new.
//!
//! This is the one door to the file system for the command line: files are read by [`read_file`]
//! and written by [`publish`], and every error names its path.

mod pool;
mod shown;
mod source;
mod write;

pub use shown::Shown;
pub use source::{Fingerprint, LARGEST_FILE, ReadError, Source, read_file, read_stream};
pub use write::{Expected, Staged, WriteError, publish, stage, write_file};
