//! One large document, and one of twice the size: is the cost linear?

use super::{By, Duel};
use crate::bench::report::{Figure, Unit};
use anyhow::Result;
use lockstep_testbed::{Binary, Person, Scratch, Tool, binary, tool};
use std::fmt::Write as _;
use std::time::Instant;

/// Megabytes of the two documents.
const SIZES: [usize; 2] = [5, 10];
const ROUNDS: usize = 3;

/// A Secret of about `megabytes`, in values of a kilobyte.
fn document(megabytes: usize) -> Result<String> {
    let mut text =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: large\nstringData:\n".to_owned();
    for number in 0..megabytes * 1000 {
        writeln!(text, "  key-{number:06}: {}", "v".repeat(985))?;
    }
    Ok(text)
}

/// Encrypts and decrypts each to standard output, in turns.
pub(super) fn measure() -> Result<Vec<Figure>> {
    let (person, scratch) = (Person::new()?, Scratch::new()?);
    let (lockstep, sops) = (binary(Binary::Cli)?, tool(Tool::Sops)?);
    let mut figures = Vec::new();
    let mut medians = [Vec::new(), Vec::new()];
    for megabytes in SIZES {
        scratch.write("large.yaml", &document(megabytes)?)?;
        let rule = format!("creation_rules:\n  - age: {}\n", person.recipient());
        scratch.write(".sops.yaml", &rule)?;
        let encrypted = person.run(&sops, scratch.path(), &["encrypt", "large.yaml"])?;
        scratch.write("encrypted.yaml", &encrypted)?;
        let duels = [("encrypt", "large.yaml"), ("decrypt", "encrypted.yaml")];
        for ((verb, file), medians) in duels.into_iter().zip(&mut medians) {
            let mut duel = Duel::new();
            for _ in 0..ROUNDS {
                for (by, program) in [(By::Lockstep, &lockstep), (By::Sops, &sops)] {
                    let start = Instant::now();
                    person.run(program, scratch.path(), &[verb, file])?;
                    duel.note(by, start.elapsed());
                }
            }
            medians.push(Figure::times("", &duel.lockstep).median());
            figures.extend(duel.figures(&format!("{verb}, a document of {megabytes} MB")));
        }
    }
    for (verb, medians) in ["encrypt", "decrypt"].iter().zip(&medians) {
        let what = format!("lockstep {verb}: twice the size takes longer by");
        figures.push(Figure::new(
            what,
            Unit::Times,
            vec![medians[1] / medians[0]],
        ));
    }
    Ok(figures)
}
