//! The program at a terminal, where somebody can be asked.

use crate::scratch::{Scratch, program};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};

/// A run at a terminal of its own.
pub(crate) struct Session {
    terminal: File,
    child: Child,
    pub(crate) seen: String,
}

impl Session {
    pub(crate) fn start(scratch: &Scratch, arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(scratch.repo())
            .env_clear()
            .env("HOME", scratch.home())
            .env("NO_COLOR", "1");
        Self::spawn(command)
    }

    /// Runs a prepared command, whose end must be seen: it keeps the terminal open for as long as it lives.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = || {
            let file = File::options()
                .read(true)
                .write(true)
                .open(name.to_str().unwrap());
            Stdio::from(file.unwrap())
        };
        let child = command
            .stdin(theirs())
            .stderr(theirs())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            terminal: File::from(ours),
            child,
            seen: String::new(),
        }
    }

    /// Reads until `text` was said, or nothing more is.
    pub(crate) fn read_until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            match self.terminal.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => self.seen.push_str(str::from_utf8(&bytes[..read]).unwrap()),
                // What Linux says once the other side has gone.
                Err(error) if error.raw_os_error() == Some(5) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => unreachable!("{error}"),
            }
        }
    }

    /// Answers, and gives the exit code and everything that was said.
    pub(crate) fn answer(mut self, text: &str) -> (i32, String) {
        self.terminal.write_all(text.as_bytes()).unwrap();
        self.read_until("this is never said");
        let code = self.child.wait().unwrap().code().unwrap();
        (code, self.seen)
    }
}
