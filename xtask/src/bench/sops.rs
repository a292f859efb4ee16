//! The command line beside the real sops: the same files, the same recipients, taking turns.
//!
//! # Limits
//! sops has no batches, so it is started once for each file. It does not flush what it writes;
//! `lockstep` does, and that is in its time.

mod floor;
mod large;

use super::manifests;
use super::process::{processor_time_of_children, watched};
use super::progress;
use super::report::{Figure, Section, Unit};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use floor::Floor;
use lockstep_testbed::{Binary, Person, Scratch, Tool, binary, tool};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often a batch is measured.
const BATCHES: usize = 3;
/// Recipients of every file.
const RECIPIENTS: usize = 3;
/// How often one file is measured.
const ROUNDS: usize = 30;

/// Measures batches of `files` files, one file, and large ones; and what the cryptography and the disk
/// alone would cost.
pub(super) fn measure(workspace: &Workspace, files: usize) -> Result<Section> {
    let bench = Bench::new(files)?;
    let floor = Floor::measure(workspace, files, RECIPIENTS)?;
    let mut figures = floor.figures(files);
    figures.extend(bench.batches(&floor)?);
    figures.extend(bench.single()?);
    figures.extend(large::measure()?);
    Ok(Section {
        title: format!(
            "Command line: Secret files of {} bytes, three age recipients",
            bench.clear[0].len()
        ),
        figures,
    })
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Lockstep,
    Sops,
}

struct Bench {
    person: Person,
    scratch: Scratch,
    lockstep: PathBuf,
    sops: PathBuf,
    names: Vec<String>,
    clear: Vec<String>,
}

impl Bench {
    fn new(files: usize) -> Result<Self> {
        let person = Person::new()?;
        let others = [Person::new()?, Person::new()?];
        let recipients = [
            person.recipient(),
            others[0].recipient(),
            others[1].recipient(),
        ];
        let scratch = Scratch::new()?;
        scratch.write(
            ".sops.yaml",
            &format!(
                "creation_rules:\n  - path_regex: -secret\\.yaml$\n    \
                 encrypted_regex: ^(data|stringData)$\n    age: {}\n",
                recipients.join(",")
            ),
        )?;
        let secret = |number| manifests::secret(number, &manifests::password(number));
        Ok(Self {
            person,
            scratch,
            lockstep: binary(Binary::Cli)?,
            sops: tool(Tool::Sops)?,
            names: (0..files)
                .map(|number| format!("app-{number:04}-secret.yaml"))
                .collect(),
            clear: (0..files).map(secret).collect(),
        })
    }

    /// Encrypts, rotates and decrypts all files in place, in turns.
    fn batches(&self, floor: &Floor) -> Result<Vec<Figure>> {
        let count = self.names.len();
        let mut verbs =
            [Verb::Encrypt, Verb::Rotate, Verb::Decrypt].map(|verb| (verb, Batch::new()));
        let mut memory = Vec::new();
        for round in 1..=BATCHES {
            progress(&format!(
                "command line: {count} files, {round} of {BATCHES}"
            ))?;
            for by in [By::Lockstep, By::Sops] {
                self.restore()?;
                for (verb, batch) in &mut verbs {
                    let before = self.texts()?;
                    let cost = self.batch(by, *verb)?;
                    self.check(by, *verb, &before)?;
                    batch.took.note(by, cost.took);
                    batch.busy.note(by, cost.busy);
                    memory.extend(cost.memory);
                }
            }
        }
        let mut figures = Vec::new();
        for (verb, batch) in &verbs {
            let what = format!("{} -i, {count} files", verb.name());
            figures.extend(batch.took.figures(&what));
            figures.push(floor.ratio(*verb, &batch.took.lockstep));
            let what = format!("{} -i, processor time of the same", verb.name());
            figures.extend(batch.busy.figures(&what));
        }
        let what = "lockstep, the most memory of all these";
        let most = memory.into_iter().fold(0.0, f64::max);
        figures.push(Figure::new(what, Unit::Mebibytes, vec![most]));
        Ok(figures)
    }

    /// Every file is what the verb makes of it.
    fn check(&self, by: By, verb: Verb, before: &[String]) -> Result<()> {
        let texts = self.texts()?;
        let is_done = |(text, before): (&String, &String)| {
            let is_encrypted = text.contains("password: ENC[AES256_GCM,");
            match verb {
                Verb::Encrypt => is_encrypted,
                Verb::Rotate => is_encrypted && text != before,
                Verb::Decrypt => text.contains("password: example-password-"),
            }
        };
        let all = texts.iter().zip(before).all(is_done);
        ensure!(all, "{by:?} {} left a file as it was", verb.name());
        Ok(())
    }

    /// One file to standard output, from the start of the program to its end.
    fn single(&self) -> Result<Vec<Figure>> {
        progress("command line: one file")?;
        self.restore()?;
        self.batch(By::Lockstep, Verb::Encrypt)?;
        let encrypted = &self.names[0];
        let clear = "clear-secret.yaml";
        self.scratch.write(clear, &self.clear[0])?;
        let mut encrypt = Duel::new();
        let mut decrypt = Duel::new();
        for _ in 0..ROUNDS {
            for by in [By::Lockstep, By::Sops] {
                encrypt.note(by, self.timed(by, &["encrypt", clear])?);
                decrypt.note(by, self.timed(by, &["decrypt", encrypted])?);
            }
        }
        let mut figures = encrypt.figures("encrypt, one file to standard output");
        figures.extend(decrypt.figures("decrypt, one file to standard output"));
        Ok(figures)
    }

    /// Every file in place: by one command where the program can, else by one for each.
    fn batch(&self, by: By, verb: Verb) -> Result<Cost> {
        let names = self.names.iter().map(String::as_str);
        let before = processor_time_of_children()?;
        let start = Instant::now();
        let mut memory = None;
        match by {
            By::Lockstep => {
                let mut command = self.person.command(self.scratch.path())?;
                command.args(verb.arguments()).args(names);
                memory = Some(watched(command)?);
            }
            By::Sops => {
                for name in names {
                    self.person
                        .run(&self.sops, self.scratch.path(), &[verb.name(), "-i", name])?;
                }
            }
        }
        Ok(Cost {
            took: start.elapsed(),
            busy: processor_time_of_children()? - before,
            memory,
        })
    }

    fn timed(&self, by: By, arguments: &[&str]) -> Result<Duration> {
        let program = match by {
            By::Lockstep => &self.lockstep,
            By::Sops => &self.sops,
        };
        let start = Instant::now();
        self.person.run(program, self.scratch.path(), arguments)?;
        Ok(start.elapsed())
    }

    /// Makes every file what it was.
    fn restore(&self) -> Result<()> {
        for (name, text) in self.names.iter().zip(&self.clear) {
            self.scratch.write(name, text)?;
        }
        Ok(())
    }

    fn texts(&self) -> Result<Vec<String>> {
        let read = |name| {
            let path = self.scratch.path().join(name);
            std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        self.names.iter().map(read).collect()
    }
}

/// What is done to every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Encrypt,
    Rotate,
    Decrypt,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Rotate => "rotate",
            Self::Decrypt => "decrypt",
        }
    }

    /// How `lockstep` is told to.
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Encrypt => &["encrypt", "-i"],
            Self::Rotate => &["rotate", "--yes"],
            Self::Decrypt => &["decrypt", "-i"],
        }
    }
}

/// What one batch cost.
struct Cost {
    took: Duration,
    /// How long processors were busy with it.
    busy: Duration,
    /// The most memory, in MiB, where it is one process.
    memory: Option<f64>,
}

struct Batch {
    took: Duel,
    busy: Duel,
}

impl Batch {
    const fn new() -> Self {
        Self {
            took: Duel::new(),
            busy: Duel::new(),
        }
    }
}

/// The same work by both.
struct Duel {
    lockstep: Vec<Duration>,
    sops: Vec<Duration>,
}

impl Duel {
    const fn new() -> Self {
        Self {
            lockstep: Vec::new(),
            sops: Vec::new(),
        }
    }

    fn note(&mut self, by: By, took: Duration) {
        match by {
            By::Lockstep => self.lockstep.push(took),
            By::Sops => self.sops.push(took),
        }
    }

    fn figures(&self, what: &str) -> Vec<Figure> {
        let lockstep = Figure::times(format!("lockstep {what}"), &self.lockstep);
        let sops = Figure::times(format!("sops {what}"), &self.sops);
        let ratio = sops.median() / lockstep.median();
        let ratio = Figure::new("… sops takes longer by", Unit::Times, vec![ratio]);
        vec![lockstep, sops, ratio]
    }
}
