//! Looks for text in the memory of another process.

use crate::forms::Needles;
use anyhow::{Result, bail};
use lockstep_testbed::read_memory;

/// How many bytes around a find are shown.
const AROUND: usize = 48;

/// One look at a process's memory.
pub(crate) struct Scan {
    /// What was found, each with where and with what stands around it.
    pub(crate) found: Vec<String>,
    /// How many bytes were looked at.
    pub(crate) bytes: usize,
}

impl Scan {
    /// Fails where anything was found.
    pub(crate) fn expect_nothing(&self, when: &str) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        let shown: Vec<&str> = self.found.iter().take(20).map(String::as_str).collect();
        let count = self.found.len();
        bail!("{when}: {count} finds in memory\n{}", shown.join("\n"));
    }
}

/// Reads all memory of the process and looks for each needle.
pub(crate) fn scan(process: u32, needles: &Needles) -> Result<Scan> {
    let mut found = Vec::new();
    let bytes = read_memory(process, needles.longest(), |piece| {
        let seen = piece.bytes;
        for (offset, what) in needles.find(seen).filter(|(offset, _)| *offset < piece.own) {
            let around = &seen[offset.saturating_sub(AROUND)..seen.len().min(offset + AROUND)];
            found.push(format!(
                "{what} at {:#x} in {}: …{}…",
                piece.at + offset as u64,
                piece.region,
                around.escape_ascii()
            ));
        }
    })?;
    Ok(Scan { found, bytes })
}
