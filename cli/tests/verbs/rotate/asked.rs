//! `rotate` at a terminal, where somebody can be asked.

use super::Teams;
use crate::scratch::program;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};

/// A run at a terminal of its own.
struct Session {
    terminal: File,
    child: Child,
    seen: String,
}

impl Session {
    fn start(teams: &Teams, arguments: &[&str]) -> Self {
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
        let child = Command::new(program())
            .args(arguments)
            .current_dir(teams.scratch.repo())
            .env_clear()
            .env("HOME", teams.scratch.home())
            .env("NO_COLOR", "1")
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
    fn read_until(&mut self, text: &str) {
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
    fn answer(mut self, text: &str) -> (i32, String) {
        self.terminal.write_all(text.as_bytes()).unwrap();
        self.read_until("this is never said");
        let code = self.child.wait().unwrap().code().unwrap();
        (code, self.seen)
    }
}

/// Carol joins the shop, and somebody is asked.
fn asked() -> (Teams, Session) {
    let teams = Teams::new();
    teams.policy("[*alice, *bob, *carol]", "[*alice, *carol]", "");
    let mut session = Session::start(&teams, &["rotate", "shop"]);
    session.read_until("[y/N] ");
    assert!(
        session
            .seen
            .contains("shop/db-secret.yaml: gained by carol")
    );
    assert!(session.seen.contains(&teams.carol.recipient));
    assert!(
        session.seen.ends_with("Rotate 2 files? [y/N] "),
        "{}",
        session.seen
    );
    (teams, session)
}

#[test]
fn a_yes_rotates_and_anything_else_changes_nothing() {
    let (teams, session) = asked();
    let before = teams.state();
    let (code, said) = session.answer("yes\n");
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with("2 files rotated\r\n"), "{said}");
    assert_ne!(teams.state(), before);

    // The last is the end of input.
    for answer in ["n\n", "\n", "yo\n", "\u{4}"] {
        let (teams, session) = asked();
        let before = teams.state();
        let (code, said) = session.answer(answer);
        assert_eq!(code, 10, "{said}");
        assert!(said.ends_with("nothing was changed\r\n"), "{said}");
        assert_eq!(teams.state(), before);
    }
}

#[test]
fn what_changes_while_the_answer_is_thought_about_stops_the_run() {
    let (teams, session) = asked();
    let edited = teams.scratch.read("shop/db-secret.yaml") + "# mine\n";
    teams.scratch.write("shop/db-secret.yaml", &edited);
    let before = teams.state();
    let (code, said) = session.answer("y\n");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("shop/db-secret.yaml: it was changed by somebody else meanwhile"));
    assert_eq!(teams.state(), before);

    let (teams, session) = asked();
    teams.policy("[*alice]", "[*alice]", "");
    let before = teams.state();
    let (code, said) = session.answer("y\n");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nothing was changed: the policy file .sops.yaml was changed meanwhile"));
    assert_eq!(teams.state(), before);
}
