//! Seeing a field of an object change, at the moment it does.

use crate::kubectl::Kubectl;
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// `kubectl get --watch` on one object; ended when dropped.
pub struct Watch {
    kubectl: Child,
    lines: Receiver<(Instant, String)>,
}

impl Watch {
    /// Watches `what` and shows of it what `path` (a kubectl JSONPath) picks. The first value, which
    /// is what there is now, has been seen when this returns.
    ///
    /// # Errors
    /// When the object is not there.
    pub fn start(kubectl: &Kubectl, what: &[&str], path: &str) -> Result<Self> {
        let mut child = kubectl
            .command()
            .arg("get")
            .args(what)
            .arg("--watch")
            .args(["-o", &format!("jsonpath={path}{{\"\\n\"}}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("running kubectl")?;
        let stdout = child
            .stdout
            .take()
            .context("kubectl has no standard output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        let this = Self {
            kubectl: child,
            lines,
        };
        this.lines
            .recv_timeout(Duration::from_secs(30))
            .with_context(|| format!("kubectl shows nothing of {what:?}"))?;
        Ok(this)
    }

    /// Waits for a value that `is` what is wanted and says when it was seen.
    ///
    /// # Errors
    /// When `patience` is over, or kubectl ended.
    pub fn until(&self, patience: Duration, is: impl Fn(&str) -> bool) -> Result<Instant> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (seen, line) = self
                .lines
                .recv_timeout(left)
                .with_context(|| format!("not seen within {patience:?}"))?;
            if is(&line) {
                return Ok(seen);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}
