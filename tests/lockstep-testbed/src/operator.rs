//! The operator as a process: started with a kubeconfig, watched through its own endpoints.

use crate::binaries::{Binary, binary};
use crate::child::{Running, tied_command};
use crate::scratch::Scratch;
use crate::wait::{eventually, free_port, http_get};
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long the operator may take to answer `/readyz`.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start an operator.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// The kubeconfig it acts by.
    pub kubeconfig: PathBuf,
    /// The namespace that holds the teams' age identities.
    pub namespace: String,
    /// More arguments, as a person would write them.
    pub arguments: Vec<String>,
}

/// A running operator; killed when dropped.
#[derive(Debug)]
pub struct Operator {
    running: Running,
    port: u16,
    scratch: Scratch,
}

/// A tied command that lives on when it may not let a file grow; see [`Operator::limit_files`].
fn limitable_command(program: &Path) -> Command {
    let mut command = tied_command("env");
    command.arg("--ignore-signal=XFSZ").arg(program);
    command
}

/// A tied command whose memory tests can search: the operator is not dumpable, so only root of its
/// user namespace may. Without root, it gets a namespace of its own where that is allowed.
fn searchable_command(program: &Path) -> Command {
    const NAMESPACE: [&str; 3] = ["--user", "--map-root-user", "--"];
    let is_possible = || {
        let tried = Command::new("unshare").args(NAMESPACE).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    if rustix::process::geteuid().is_root() || !is_possible() {
        return limitable_command(program);
    }
    // In this order: entering a namespace unties.
    let tied = limitable_command(program);
    let mut command = Command::new("unshare");
    command
        .args(NAMESPACE)
        .arg(tied.get_program())
        .args(tied.get_args());
    command
}

impl Operator {
    /// Starts the operator and waits until it calls itself ready.
    ///
    /// # Errors
    /// When it is not built, ends early (with its last lines) or does not become ready.
    pub fn start(options: &OperatorOptions) -> Result<Self> {
        Self::start_build(Binary::Operator, options)
    }

    /// As [`Operator::start`], with this build of it.
    ///
    /// # Errors
    /// As [`Operator::start`].
    pub fn start_build(build: Binary, options: &OperatorOptions) -> Result<Self> {
        let scratch = Scratch::new()?;
        let port = free_port()?;
        let mut command = searchable_command(&binary(build)?);
        command
            .arg("run")
            .arg("--kubeconfig")
            .arg(&options.kubeconfig)
            .args(["--namespace", &options.namespace])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .arg("--store")
            .arg(scratch.path().join("store"))
            .args(&options.arguments);
        let log = scratch.path().join("operator.log");
        let running = Running::start(build.name(), command, &log)?;
        let mut this = Self {
            running,
            port,
            scratch,
        };
        let start = Instant::now();
        loop {
            this.running.check_alive()?;
            match http_get(port, "/readyz") {
                Ok(_) => return Ok(this),
                Err(error) if start.elapsed() > PATIENCE => {
                    bail!("the operator is not ready: {error:#}\n{}", this.log());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// The process id, for a look at its memory.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Everything it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.output()
    }

    /// The only folder it was told to write to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Asks one of its endpoints: `/metrics`, `/healthz`, `/readyz`.
    ///
    /// # Errors
    /// When it does not answer 200.
    pub fn get(&self, path: &str) -> Result<String> {
        http_get(self.port, path)
    }

    /// Waits until it ends by itself, and gives its whole log.
    ///
    /// # Errors
    /// When it is still running after `patience`.
    pub fn wait_ended(&mut self, patience: Duration) -> Result<String> {
        eventually("the operator ends", patience, || {
            if self.running.check_alive().is_ok() {
                bail!("it runs");
            }
            Ok(())
        })?;
        Ok(self.log())
    }

    /// Stops it in the middle of whatever it does, until [`resume`](Self::resume).
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self) -> Result<()> {
        self.running.signal(Signal::STOP)
    }

    /// Lets it go on after [`pause`](Self::pause).
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn resume(&self) -> Result<()> {
        self.running.signal(Signal::CONT)
    }

    /// Lets none of its files grow beyond so many bytes, as if the disk were full then, or beyond
    /// nothing.
    ///
    /// # Errors
    /// When the limit cannot be set.
    pub fn limit_files(&self, most: Option<u64>) -> Result<()> {
        let limit = Rlimit {
            current: most,
            maximum: None,
        };
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        prlimit(id, Resource::Fsize, limit).context("limiting the operator's files")?;
        Ok(())
    }

    /// Waits until it ends by itself and gives the exit status with the whole log.
    ///
    /// # Errors
    /// When it is still running after `patience`.
    pub fn ended(self, patience: Duration) -> Result<(ExitStatus, String)> {
        let log = self.scratch.path().join("operator.log");
        let status = self.running.wait(patience)?;
        Ok((status, std::fs::read_to_string(log).unwrap_or_default()))
    }

    /// Sends SIGTERM, waits for the end and gives the exit status with the whole log.
    ///
    /// # Errors
    /// When it is still running after `patience`.
    pub fn stop(self, patience: Duration) -> Result<(ExitStatus, String)> {
        let Self {
            running, scratch, ..
        } = self;
        let log = scratch.path().join("operator.log");
        let status = running.terminate(patience)?;
        Ok((status, std::fs::read_to_string(log).unwrap_or_default()))
    }
}
