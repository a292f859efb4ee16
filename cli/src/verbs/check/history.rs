//! Older versions of a file, from the user's own `git`.

use lockstep_secret::SecretBytes;
use std::path::Path;
use std::process::{Command, Stdio};

/// Revisions of one file that are looked at.
const MOST: &str = "500";

/// A version of a file.
pub(super) struct Version {
    /// The commit.
    pub(super) commit: String,
    pub(super) content: SecretBytes,
}

/// The versions of a file, the newest first; none where Git knows nothing of it.
pub(super) fn versions(path: &Path) -> impl Iterator<Item = Version> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => Path::new(".").to_owned(),
    };
    let name = path.file_name().unwrap_or_default().to_owned();
    let mut log = git(&folder);
    log.args(["log", "--format=%H", "-n", MOST, "--"])
        .arg(&name);
    let commits = log.output().map(|output| output.stdout).unwrap_or_default();
    let commits: Vec<String> = String::from_utf8_lossy(&commits)
        .lines()
        .map(ToOwned::to_owned)
        .collect();
    commits.into_iter().filter_map(move |commit| {
        let mut object = std::ffi::OsString::from(format!("{commit}:./"));
        object.push(&name);
        let output = git(&folder).args(["cat-file", "blob"]).arg(object).output();
        let output = output.ok().filter(|output| output.status.success())?;
        let content = SecretBytes::new(output.stdout);
        Some(Version { commit, content })
    })
}

/// Git without what a configuration could make it run.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["--no-pager", "--literal-pathspecs", "--no-optional-locks"])
        .args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "log.showSignature=false",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}
