//! The memory of a running process, as the kernel counts it.

use anyhow::{Context as _, Result};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        let own = resident(std::process::id()).unwrap();
        assert!(own.now > 0.0 && own.peak >= own.now);
    }
}
