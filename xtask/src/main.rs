//! The one script surface: demo, test, bench and the checks they call.

mod bench;
mod demo;
mod layers;
mod programs;
mod testing;
mod verbs;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;

/// Builds, checks and shows Lockstep.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Bench(verbs::bench::Bench),
    Demo(verbs::demo::Demo),
    Docs(verbs::docs::Docs),
    Layers(verbs::layers::Layers),
    Long(verbs::long::Long),
    Test(verbs::test::Test),
    Tools(verbs::tools::Tools),
}

fn main() -> ExitCode {
    let Arguments { verb } = Arguments::parse();
    match run(verb) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    lockstep_testbed::clean_up_on_interrupt()?;
    match verb {
        Verb::Bench(bench) => bench.run(),
        Verb::Demo(demo) => demo.run(),
        Verb::Docs(docs) => docs.run(),
        Verb::Layers(layers) => layers.run(),
        Verb::Long(long) => long.run(),
        Verb::Test(test) => test.run(),
        Verb::Tools(tools) => tools.run(),
    }
}
