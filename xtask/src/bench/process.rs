//! What the kernel says of processes: memory of a running one, processor time of those that ended.

use anyhow::{Context as _, Result, ensure};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Resident memory in MiB: now, and the most there ever was.
pub(super) struct Resident {
    pub(super) now: f64,
    pub(super) peak: f64,
}

/// Reads `VmRSS` and `VmHWM`.
pub(super) fn resident(process: u32) -> Result<Resident> {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let mebibytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes: Option<f64> =
            line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kibibytes
            .map(|kibibytes| kibibytes / 1024.0)
            .with_context(|| format!("{path} says no {name}"))
    };
    Ok(Resident {
        now: mebibytes("VmRSS:")?,
        peak: mebibytes("VmHWM:")?,
    })
}

/// Runs a command to its end, and gives the most memory it had, in MiB, as far as looking every few
/// milliseconds shows.
pub(super) fn watched(mut command: Command) -> Result<f64> {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.context("starting it")?;
    let process = child.id();
    let (ended, end) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let mut most = 0.0;
            while end.recv_timeout(Duration::from_millis(3)).is_err() {
                if let Ok(now) = resident(process) {
                    most = now.peak.max(most);
                }
            }
            most
        });
        let output = child.wait_with_output();
        // The watcher has ended only if it panicked, which is told below.
        let _ = ended.send(());
        let most = watcher.join().unwrap_or(f64::NAN);
        let output = output.context("waiting for it")?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {message}", output.status);
        Ok(most)
    })
}

/// The processor time of all children of this process that have ended, which other work on the
/// machine does not change. The kernel counts it in hundredths of a second.
pub(super) fn processor_time_of_children() -> Result<Duration> {
    let path = "/proc/self/stat";
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    // The name in parentheses may hold anything; the fields after it are numbered from 3.
    let (_, fields) = text
        .rsplit_once(") ")
        .context("no name in /proc/self/stat")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks = |number: usize| -> Result<u64> {
        let field = fields.get(number - 3).context("too few fields")?;
        field.parse().with_context(|| format!("reading {path}"))
    };
    let (user, system) = (ticks(16)?, ticks(17)?);
    Ok(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        let own = resident(std::process::id()).unwrap();
        assert!(own.now > 0.0 && own.peak >= own.now);
    }
    #[test]
    fn children_that_have_ended_are_counted() {
        let before = processor_time_of_children().unwrap();
        let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        std::process::Command::new("sh")
            .args(["-c", busy])
            .status()
            .unwrap();
        assert!(processor_time_of_children().unwrap() > before);
    }
}
