//! Looks for text in the memory of another process, through `/proc/PID/mem`.
//!
//! # Limits
//! Every page that can be read is; registers, the kernel's socket buffers and swapped pages' copies on
//! disk are not seen. The operator is not dumpable, so its memory is open to root of its user
//! namespace only; where it has none of its own, without root, the search fails and says so.

use crate::forms::Needles;
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// How much is read at once.
const CHUNK: usize = 1 << 20;
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
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"));
    let memory = File::open(format!("/proc/{process}/mem"));
    let (maps, memory) = maps
        .and_then(|maps| Ok((maps, memory?)))
        .context("only root may look into the operator; try `unshare --user --map-root-user cargo xtask test`")?;
    let mut scan = Scan {
        found: Vec::new(),
        bytes: 0,
    };
    for line in maps.lines() {
        let region = Region::parse(line).with_context(|| format!("reading {line:?}"))?;
        if region.is_readable {
            search(&memory, &region, needles, &mut scan);
        }
    }
    Ok(scan)
}

/// A line of `/proc/PID/maps`.
struct Region<'a> {
    start: u64,
    end: u64,
    is_readable: bool,
    name: &'a str,
}

impl<'a> Region<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        Some(Self {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            is_readable: words.next()?.starts_with('r'),
            name: words.nth(3).unwrap_or("anonymous"),
        })
    }
}

fn search(memory: &File, region: &Region<'_>, needles: &Needles, scan: &mut Scan) {
    let mut buffer = vec![0; CHUNK + needles.longest()];
    let mut at = region.start;
    while at < region.end {
        let want = usize::try_from(region.end - at).map_or(buffer.len(), |n| n.min(buffer.len()));
        // A region may go away in between, and some of the kernel's own cannot be read.
        let Ok(length @ 1..) = memory.read_at(&mut buffer[..want], at) else {
            return;
        };
        let step = length.min(CHUNK);
        let seen = &buffer[..length];
        for (offset, what) in needles.find(seen).filter(|(offset, _)| *offset < step) {
            let around = &seen[offset.saturating_sub(AROUND)..length.min(offset + AROUND)];
            scan.found.push(format!(
                "{what} at {:#x} in {} ({:#x}-{:#x}): …{}…",
                at + offset as u64,
                region.name,
                region.start,
                region.end,
                around.escape_ascii()
            ));
        }
        scan.bytes += step;
        at += step as u64;
    }
}
