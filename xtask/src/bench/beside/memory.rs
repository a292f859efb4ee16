//! How many copies of the passwords a process holds.

use aho_corasick::AhoCorasick;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_testbed::read_memory;
use std::collections::HashSet;
use std::fmt;

/// What was found of some values, as they are or in base64.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) found: usize,
    values: usize,
    looked_for: usize,
}

impl Copies {
    /// Searches all of a process's memory.
    pub(super) fn in_memory(process: u32, values: &[String]) -> Result<Self> {
        let forms = values
            .iter()
            .flat_map(|value| [value.clone(), STANDARD.encode(value)]);
        let needles: Vec<_> = forms.collect();
        let longest = needles.iter().map(String::len).max().unwrap_or_default();
        let search = AhoCorasick::new(&needles).context("preparing the search")?;
        let (mut found, mut seen) = (0, HashSet::new());
        read_memory(process, longest, |piece| {
            let finds = search.find_iter(piece.bytes);
            for find in finds.filter(|find| find.start() < piece.own) {
                found += 1;
                seen.insert(find.pattern().as_usize() / 2);
            }
        })?;
        Ok(Self {
            found,
            values: seen.len(),
            looked_for: values.len(),
        })
    }
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            found,
            values,
            looked_for,
        } = self;
        write!(f, "{found} copies of {values} of {looked_for}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_testbed::Scratch;
    use std::process::{Command, Stdio};

    /// A value that only another process has in its memory, in either form.
    #[test]
    fn copies_are_counted_in_both_forms() {
        let scratch = Scratch::new().unwrap();
        let values = ["held-by-another-one", "held-by-nobody-else"].map(str::to_owned);
        let held = format!("{} {}", values[0], STANDARD.encode(&values[0]));
        let mut sleeper = Command::new("sleep")
            .arg("600")
            .env_clear()
            .env("HELD", held)
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let copies = Copies::in_memory(sleeper.id(), &values);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        let copies = copies.unwrap();
        assert!(copies.found >= 2, "{copies}");
        assert_eq!((copies.values, copies.looked_for), (1, 2));
    }
}
