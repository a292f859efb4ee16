//! What the operator's process forbids: core dumps, and looks into it by its own user.

use anyhow::{Context as _, Result, ensure};
use lockstep_testbed::{Binary, Scratch, binary, eventually};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A cluster that is not there: the operator keeps trying.
const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: nowhere, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: nobody, user: {token: test-key}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
";

/// The operator, as a shell starts it.
const OPERATOR: &str =
    "exec ./lockstep-operator run --kubeconfig kubeconfig --store store --listen 127.0.0.1:0";

/// Arguments of `setpriv`, which root may use.
const AS_NOBODY: [&str; 4] = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];

fn can_be_nobody() -> bool {
    let tried = Command::new("setpriv").args(AS_NOBODY).arg("true").output();
    tried.is_ok_and(|output| output.status.success())
}

/// A program that runs in a folder that `nobody` may use, allowed to dump as much as it can.
struct Process {
    child: Child,
    folder: Scratch,
}

impl Process {
    /// Runs `command` of a shell, as `nobody` where that is possible.
    fn start(command: &str) -> Result<Self> {
        let folder = Scratch::new()?;
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777))?;
        // Copied by another process: a child that a neighbouring test starts just now would inherit the
        // file open for writing, and such a file cannot be run.
        let copied = Command::new("cp")
            .arg(binary(Binary::Operator)?)
            .arg(folder.path())
            .status()?;
        ensure!(copied.success(), "the operator could not be copied");
        folder.write("kubeconfig", KUBECONFIG)?;
        std::fs::set_permissions(
            folder.path().join("kubeconfig"),
            PermissionsExt::from_mode(0o644),
        )?;
        let mut shell = Command::new("setpriv");
        shell.args(AS_NOBODY).arg("sh");
        if !can_be_nobody() {
            shell = Command::new("sh");
        }
        let child = shell
            .args(["-c", &format!("ulimit -c unlimited; {command}")])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("running a shell as nobody")?;
        Ok(Self { child, folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    /// Ends it as a failed assertion would; whether it dumped its memory.
    fn crash(mut self) -> Result<bool> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-ABRT", &id]).status()?;
        ensure!(sent.success(), "the signal could not be sent");
        let status = self.child.wait()?;
        ensure!(status.signal() == Some(6), "it ended with {status}");
        let names = std::fs::read_dir(self.folder.path())?;
        let core = names
            .filter_map(Result::ok)
            .any(|entry| entry.file_name().to_string_lossy().starts_with("core"));
        Ok(core || status.core_dumped())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_operator_leaves_no_core_and_lets_nobody_look() {
    let ordinary = Process::start("exec sleep 600").unwrap();
    let operator = Process::start(OPERATOR).unwrap();
    eventually("both run", Duration::from_secs(30), || {
        for (process, name) in [(&ordinary, "sleep"), (&operator, "lockstep-operat")] {
            let comm = std::fs::read_to_string(process.file("comm"))?;
            ensure!(comm.trim() == name, "{comm}");
        }
        let limits = std::fs::read_to_string(operator.file("limits"))?;
        let core = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max core file size"));
        let core: Vec<&str> = core.unwrap_or_default().split_whitespace().collect();
        ensure!(core.starts_with(&["0", "0"]), "{core:?}");
        Ok(())
    })
    .unwrap();

    // The kernel gives the files of a process that is not dumpable to root. As root of a user
    // namespace, who cannot be anybody else, there is nothing to tell apart.
    let owner = |process: &Process| std::fs::metadata(process.file("mem")).unwrap().uid();
    if owner(&ordinary) != 0 {
        assert_eq!(owner(&operator), 0);
    } else {
        assert!(!can_be_nobody());
    }

    let dumps_at_all = ordinary.crash().unwrap();
    let dumps = operator.crash().unwrap();
    assert!(
        !dumps,
        "it dumped its memory, as others here do: {dumps_at_all}"
    );
}
