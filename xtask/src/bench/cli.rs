//! The command line beside the real sops: the same files, the same recipients, taking turns.
//!
//! # Limits
//! sops has no batches, so it is started once for each file. It does not flush what it writes;
//! `lockstep` does, and that is in its time.

use super::manifests;
use super::process::processor_time_of_children;
use super::progress;
use super::report::{Figure, Section, Unit};
use anyhow::{Context as _, Result, ensure};
use lockstep_testbed::{Binary, Person, Scratch, Tool, binary, tool};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often a batch is measured.
const BATCHES: usize = 3;
/// How often one file is measured.
const ROUNDS: usize = 30;

/// Measures batches of `files` files, and one file.
pub(super) fn measure(files: usize) -> Result<Section> {
    let bench = Bench::new(files)?;
    let mut figures = bench.batches()?;
    figures.extend(bench.single()?);
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

    /// Encrypts and decrypts all files in place, in turns.
    fn batches(&self) -> Result<Vec<Figure>> {
        let count = self.names.len();
        let [mut encrypt, mut decrypt, mut encrypting, mut decrypting] = [const { Duel::new() }; 4];
        for round in 1..=BATCHES {
            progress(&format!(
                "command line: {count} files, {round} of {BATCHES}"
            ))?;
            for by in [By::Lockstep, By::Sops] {
                self.restore()?;
                let (took, busy) = self.batch(by, "encrypt")?;
                encrypt.note(by, took);
                encrypting.note(by, busy);
                let is_encrypted = |text: &String| text.contains("password: ENC[AES256_GCM,");
                ensure!(
                    self.texts()?.iter().all(is_encrypted),
                    "{by:?} left a file in clear"
                );
                let (took, busy) = self.batch(by, "decrypt")?;
                decrypt.note(by, took);
                decrypting.note(by, busy);
                let is_clear = |text: &String| text.contains("password: example-password-");
                ensure!(
                    self.texts()?.iter().all(is_clear),
                    "{by:?} left a file encrypted"
                );
            }
        }
        let mut figures = encrypt.figures(&format!("encrypt -i, {count} files"));
        figures.extend(decrypt.figures(&format!("decrypt -i, {count} files")));
        figures.extend(encrypting.figures("encrypt -i, processor time of the same"));
        figures.extend(decrypting.figures("decrypt -i, processor time of the same"));
        Ok(figures)
    }

    /// One file to standard output, from the start of the program to its end.
    fn single(&self) -> Result<Vec<Figure>> {
        progress("command line: one file")?;
        self.restore()?;
        self.batch(By::Lockstep, "encrypt")?;
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

    /// Every file in place: by one command where the program can, else by one for each. How long it
    /// took, and for how long processors were busy with it.
    fn batch(&self, by: By, verb: &str) -> Result<(Duration, Duration)> {
        let names = self.names.iter().map(String::as_str);
        let before = processor_time_of_children()?;
        let took = match by {
            By::Lockstep => {
                let arguments: Vec<_> = [verb, "-i"].into_iter().chain(names).collect();
                self.timed(by, &arguments)
            }
            By::Sops => names.map(|name| self.timed(by, &[verb, "-i", name])).sum(),
        };
        Ok((took?, processor_time_of_children()? - before))
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
