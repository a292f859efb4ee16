//! Running sops and lockstep alike.

use crate::scratch::{ALICE_KEY, Ran, Scratch};
use assert_cmd::Command;
use std::path::PathBuf;

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Lockstep,
    Sops,
}

pub(crate) const BOTH: [Program; 2] = [Program::Lockstep, Program::Sops];

impl Program {
    /// The program in the scratch repository, with Alice's key at hand.
    pub(crate) fn command(self, scratch: &Scratch) -> Command {
        let mut command = match self {
            Self::Lockstep => scratch.command(),
            Self::Sops => {
                let sops = std::env::var_os("LOCKSTEP_SOPS").map(PathBuf::from).expect(
                    "LOCKSTEP_SOPS is not set: run `cargo xtask test`, which builds sops and sets it",
                );
                let mut command = Command::new(sops);
                command
                    .current_dir(scratch.repo())
                    .env_clear()
                    .env("HOME", scratch.home());
                command.env("SOPS_DISABLE_VERSION_CHECK", "true");
                command
            }
        };
        command.env("SOPS_AGE_KEY", ALICE_KEY);
        command
    }

    pub(crate) fn run(self, scratch: &Scratch, arguments: &[&str]) -> Ran {
        scratch.finish(self.command(scratch).args(arguments))
    }

    /// Runs it and expects data.
    #[track_caller]
    pub(crate) fn data(self, scratch: &Scratch, arguments: &[&str]) -> String {
        let ran = self.run(scratch, arguments);
        assert_eq!(ran.code, 0, "{self:?} {arguments:?}: {}", ran.stderr);
        ran.stdout
    }
}
