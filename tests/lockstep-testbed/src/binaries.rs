//! Our own programs, as cargo built them beside the running test or xtask.

use anyhow::{Context as _, Result, bail};
use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

/// One of the programs of this repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The command line.
    Cli,
    /// The operator.
    Operator,
    /// The operator without its own checks, which only tests build.
    TrustingOperator,
}

impl Binary {
    /// The file name, and that of the package but for the one that only tests build.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cli => "lockstep",
            Self::Operator => "lockstep-operator",
            Self::TrustingOperator => "lockstep-operator-trusting",
        }
    }
}

/// The folder that [`use_binaries_in`] named.
static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// Makes this process use the programs in `folder`. The first call counts.
pub fn use_binaries_in(folder: PathBuf) {
    // A process that tests two builds at once does not exist.
    let _ = CHOSEN.set(folder);
}

/// Finds a program: where [`use_binaries_in`] says, else in `LOCKSTEP_BIN_DIR`, else in the folder
/// this test was built into.
///
/// # Errors
/// When it has not been built.
pub fn binary(binary: Binary) -> Result<PathBuf> {
    let folder = match (CHOSEN.get(), env::var_os("LOCKSTEP_BIN_DIR")) {
        (Some(folder), _) => folder.clone(),
        (None, Some(folder)) => PathBuf::from(folder),
        (None, None) => own_folder()?,
    };
    let path = folder.join(binary.name());
    if !path.is_file() {
        let how = match binary {
            Binary::Cli | Binary::Operator => format!("cargo build -p {}", binary.name()),
            Binary::TrustingOperator => "cargo xtask test".to_owned(),
        };
        bail!("{} is not built: run `{how}`", path.display());
    }
    Ok(path)
}

/// `target/debug` for both `target/debug/xtask` and `target/debug/deps/test-0123`.
fn own_folder() -> Result<PathBuf> {
    let mut folder = env::current_exe().context("asking where this program is")?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder)
}
