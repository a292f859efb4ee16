//! Asking for a passphrase: at the terminal only, and what is typed is not shown.

use lockstep_secret::{SecretBytes, SecretString};
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{Read, Write, stdin};
use std::os::fd::{AsFd, BorrowedFd};

/// The longest passphrase that is read.
const LONGEST: usize = 4096;

/// Asks `question`; `None` if there is nobody to answer, or no answer.
///
/// A terminal at standard input is asked first, then the one that the program was started at, so that a
/// file may come from standard input.
pub(crate) fn ask(question: &str) -> Option<SecretString> {
    if isatty(stdin()) {
        return ask_at(stdin().as_fd(), std::io::stderr(), stdin().lock(), question);
    }
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()?;
    ask_at(terminal.as_fd(), &terminal, &terminal, question)
}

fn ask_at(
    terminal: BorrowedFd<'_>,
    mut output: impl Write,
    input: impl Read,
    question: &str,
) -> Option<SecretString> {
    let _quiet = Quiet::new(terminal)?;
    write!(output, "{question}")
        .and_then(|()| output.flush())
        .ok()?;
    let typed = read_line(input);
    // The line break that was typed is not shown, either.
    writeln!(output).ok()?;
    typed.filter(|typed| !typed.expose().is_empty())
}

fn read_line(mut input: impl Read) -> Option<SecretString> {
    // Capacity first: a buffer that grows leaves copies behind.
    let mut line = Vec::with_capacity(LONGEST);
    let mut byte = [0];
    let ended = loop {
        match input.read(&mut byte) {
            Ok(0) | Err(_) => break false,
            Ok(_) if byte[0] == b'\n' => break true,
            Ok(_) if line.len() == LONGEST => break false,
            Ok(_) => line.push(byte[0]),
        }
    };
    let line = SecretBytes::new(line);
    if ended { line.into_string().ok() } else { None }
}

/// A terminal that does not show what is typed, for as long as this lives.
struct Quiet<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(terminal: BorrowedFd<'a>) -> Option<Self> {
        let before = tcgetattr(terminal).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::ICANON);
        tcsetattr(terminal, OptionalActions::Now, &quiet).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
