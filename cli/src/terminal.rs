//! The one door to the terminal: data goes to standard output, everything said to people goes to
//! standard error.

use crate::failure::Failure;
use crate::{Exit, environment};
use std::io::{self, IsTerminal, Write};

/// How messages look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Never,
    Always,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let color = if io::stderr().is_terminal() && !environment::no_color() {
            Color::Always
        } else {
            Color::Never
        };
        Self { color }
    }

    /// Whether a person is watching: then success is worth a word, too.
    pub(crate) fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// A silent one if nobody reads any more, as in `lockstep decrypt FILE | head -1`.
    pub(crate) fn data(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
            _ => Failure::new(
                Exit::Unwritable,
                format!("standard output: cannot write: {error}"),
            ),
        })
    }

    /// Says something that went well.
    pub(crate) fn say(self, text: &str) {
        self.line(text);
    }

    /// Says something to look after that did not keep the work from being done.
    pub(crate) fn warn(self, text: &str) {
        self.line(&format!("{} {text}", self.paint("33", "warning:")));
    }

    /// Says what failed and what to do next.
    pub(crate) fn fail(self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.line(&failure.message);
        }
        if let Some(hint) = &failure.hint {
            self.hint(hint);
        }
    }

    /// Says what to do next.
    pub(crate) fn hint(self, text: &str) {
        self.line(&format!("{} {text}", self.paint("36", "hint:")));
    }

    /// Asks a question to be answered with yes or no; `None` if nobody is there to answer. Anything but
    /// a yes is a no.
    pub(crate) fn ask(self, question: &str) -> Option<bool> {
        if !environment::somebody_is_there() {
            return None;
        }
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
        let answer = environment::typed_line()?;
        Some(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    fn paint(self, color: &str, text: &str) -> String {
        match self.color {
            Color::Never => text.to_owned(),
            Color::Always => format!("\u{1b}[1;{color}m{text}\u{1b}[0m"),
        }
    }

    /// If nobody listens there is nobody to tell.
    fn line(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}
