//! cargo-deny, pinned: the installed one if it is that version, else built once into the cache.

use anyhow::{Context as _, Result, bail};
use lockstep_testbed::cache_folder;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "0.20.2";

/// Where cargo-deny is, after building it if need be (about two minutes).
pub(super) fn cargo_deny() -> Result<PathBuf> {
    let installed = PathBuf::from("cargo-deny");
    if is_pinned(&installed) {
        return Ok(installed);
    }
    let folder = cache_folder()?.join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if !is_pinned(&program) {
        let status = Command::new("cargo")
            // It runs for a second: an optimised build would never pay for itself.
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--debug",
                "--version",
                VERSION,
                "--root",
            ])
            .arg(&folder)
            .stdin(Stdio::null())
            .status()
            .context("running cargo install")?;
        if !status.success() {
            bail!("cargo-deny {VERSION} could not be built");
        }
    }
    Ok(program)
}

fn is_pinned(program: &Path) -> bool {
    Command::new(program)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == format!("cargo-deny {VERSION}\n").as_bytes())
}
