//! Child processes that end with us, however we end.
//!
//! The kernel's death signal is tied to the thread that started the child, not to the process, and
//! test threads are short-lived; so one thread that never ends starts them all. Each child leads a
//! process group of its own, so that Ctrl-C reaches us first and we clean up in order.

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

type Order = (Command, Sender<io::Result<Child>>);

static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in inbox {
            // The caller waits for the answer, so this arrives.
            let _ = answer.send(command.spawn());
        }
    });
    orders
});

/// The children that have not been waited for, for [`kill_all`].
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A running child whose output goes to a file; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: String,
    log: PathBuf,
}

/// A command that is sent SIGKILL when this process ends.
pub(crate) fn tied_command(program: impl AsRef<OsStr>) -> Command {
    static SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    if *SETPRIV {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl Running {
    /// Starts `command` with standard output and error going to the file `log`.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let errors = output.try_clone().context("sharing a log file")?;
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        let (answer, spawned) = channel();
        SPAWNER
            .send((command, answer))
            .context("the thread that starts children has ended")?;
        let child = spawned
            .recv()
            .context("the thread that starts children has ended")?
            .with_context(|| format!("starting {name}"))?;
        live().push(pid(&child));
        Ok(Self {
            child,
            name: name.to_owned(),
            log: log.to_owned(),
        })
    }

    /// The process id, which no other process has before this value is gone.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the child has written so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Fails with the last lines of its output when the child has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self
            .child
            .try_wait()
            .with_context(|| format!("asking after {}", self.name))?
        {
            None => Ok(()),
            Some(status) => {
                self.forget();
                bail!(
                    "{} ended early ({status}):\n{}",
                    self.name,
                    last_lines(&self.output(), 15)
                )
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(pid(&self.child), signal)
            .with_context(|| format!("sending {signal:?} to {}", self.name))
    }

    /// Sends SIGTERM and waits; an error when the child is still there after `patience`.
    pub(crate) fn terminate(self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(patience)
    }

    /// Waits for the end; an error when the child is still there after `patience`.
    pub(crate) fn wait(mut self, patience: Duration) -> Result<ExitStatus> {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for a child")? {
                self.forget();
                return Ok(status);
            }
            if asked.elapsed() > patience {
                bail!("{} is still running after {patience:?}", self.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn forget(&self) {
        let own = pid(&self.child);
        live().retain(|pid| *pid != own);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Off the list first: a process id may be used again as soon as it has been waited for.
        self.forget();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills every child of this process: for the way out that runs no destructors.
pub(crate) fn kill_all() {
    for pid in live().drain(..) {
        // A child that has ended by itself is what we want.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn live() -> MutexGuard<'static, Vec<Pid>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    #[test]
    fn a_child_that_ends_is_reported_with_its_last_words() {
        let scratch = Scratch::new().unwrap();
        let mut command = tied_command("sh");
        command.args(["-c", "echo out of luck >&2; exit 3"]);
        let mut child = Running::start("sh", command, &scratch.path().join("log")).unwrap();
        let error = loop {
            if let Err(error) = child.check_alive() {
                break error;
            }
        };
        let text = error.to_string();
        assert!(
            text.contains("out of luck") && text.contains("exit status: 3"),
            "{text}"
        );
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let scratch = Scratch::new().unwrap();
        let mut command = tied_command("sleep");
        command.arg("600");
        let child = Running::start("sleep", command, &scratch.path().join("log")).unwrap();
        let folder = PathBuf::from(format!("/proc/{}", child.id()));
        assert!(folder.exists());
        drop(child);
        assert!(!folder.exists());
    }
}
