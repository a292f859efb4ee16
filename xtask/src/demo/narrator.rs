//! The lines of the demo: what, how long it took, and what there is to see.

use anyhow::Result;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Longer lines are cut: base64 tells nobody anything after the first words.
const WIDTH: usize = 92;

/// Writes to standard output, in colour on a terminal.
pub(super) struct Narrator {
    terminal: bool,
    colour: bool,
}

impl Narrator {
    pub(super) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            terminal,
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Does `work`, and writes `title` with the time it took.
    pub(super) fn step<T>(&self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.measured(title, || {
            let start = Instant::now();
            let done = work()?;
            Ok((start.elapsed(), done))
        })
    }

    /// Does `work`, and writes `title` with the time it says it took.
    pub(super) fn measured<T>(
        &self,
        title: &str,
        work: impl FnOnce() -> Result<(Duration, T)>,
    ) -> Result<T> {
        let mut stdout = io::stdout();
        if self.terminal {
            write!(stdout, "          {title} …")?;
            stdout.flush()?;
        }
        let outcome = work();
        if self.terminal {
            write!(stdout, "\r\x1b[K")?;
        }
        match outcome {
            Ok((took, done)) => {
                let took = format!("{:>6.2} s", took.as_secs_f64());
                writeln!(
                    stdout,
                    "{}  {}",
                    self.painted("32", &took),
                    self.painted("1", title)
                )?;
                Ok(done)
            }
            Err(error) => {
                writeln!(stdout, "{}  {title}", self.painted("31", "  failed"))?;
                Err(error)
            }
        }
    }

    /// Shows lines that belong to the step before.
    pub(super) fn show(&self, text: &str) -> Result<()> {
        for line in text.lines() {
            let cut: String = line.chars().take(WIDTH).collect();
            let more = if cut.len() < line.len() { "…" } else { "" };
            writeln!(
                io::stdout(),
                "            {}",
                self.painted("2", &format!("{cut}{more}"))
            )?;
        }
        Ok(())
    }

    /// Writes a closing line.
    pub(super) fn end(&self, text: &str) -> Result<()> {
        Ok(writeln!(io::stdout(), "\n{text}")?)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
