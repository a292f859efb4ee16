//! Reading the memory of another process, through `/proc/PID/mem`.
//!
//! # Limits
//! Every page that can be read is; registers, the kernel's socket buffers and swapped pages' copies on
//! disk are not seen. The operator is not dumpable, so its memory is open to root of its user
//! namespace only; where it has none of its own, without root, reading fails and says so.

use anyhow::{Context as _, Result};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// A piece of a process's memory.
pub struct Piece<'a> {
    /// The address of the first byte.
    pub at: u64,
    /// The bytes; those from `own` on are the next piece's first.
    pub bytes: &'a [u8],
    /// How many of the bytes are in no other piece.
    pub own: usize,
    /// What the kernel calls the region, and where it is.
    pub region: String,
}

/// Shows `look` all memory of the process, piece by piece, each with the first `overlap` bytes of the
/// next, so that nothing that long is cut in two; how many bytes there were.
///
/// # Errors
/// When the memory may not be read.
pub fn read_memory(
    process: u32,
    overlap: usize,
    mut look: impl FnMut(&Piece<'_>),
) -> Result<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"));
    let memory = File::open(format!("/proc/{process}/mem"));
    let (maps, memory) = maps
        .and_then(|maps| Ok((maps, memory?)))
        .context("only root may look into the operator; try `unshare --user --map-root-user cargo xtask test`")?;
    let mut buffer = vec![0; CHUNK + overlap];
    let mut total = 0;
    for line in maps.lines() {
        let region = Region::parse(line).with_context(|| format!("reading {line:?}"))?;
        if region.is_readable {
            total += region.read(&memory, &mut buffer, &mut look);
        }
    }
    Ok(total)
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

    fn read(&self, memory: &File, buffer: &mut [u8], look: &mut impl FnMut(&Piece<'_>)) -> usize {
        let mut at = self.start;
        let mut total = 0;
        while at < self.end {
            let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
            let want = left.min(buffer.len());
            // A region may go away in between, and some of the kernel's own cannot be read.
            let Ok(length @ 1..) = memory.read_at(&mut buffer[..want], at) else {
                return total;
            };
            let own = length.min(CHUNK);
            look(&Piece {
                at,
                bytes: &buffer[..length],
                own,
                region: format!("{} ({:#x}-{:#x})", self.name, self.start, self.end),
            });
            total += own;
            at += own as u64;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_holds_is_found() {
        let held = b"held by a test of memory, ".repeat(3);
        let mut found = false;
        let address = held.as_ptr() as u64;
        let bytes = read_memory(std::process::id(), held.len(), |piece| {
            let within = address.checked_sub(piece.at).map(|offset| offset as usize);
            found |= within.is_some_and(|at| {
                at < piece.own && piece.bytes.get(at..at + held.len()) == Some(&held[..])
            });
        });
        assert!(found && bytes.unwrap() > CHUNK);
    }
}
