//! `lockstep completion`.

use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: lockstep completion bash > /etc/bash_completion.d/lockstep")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let mut command = crate::arguments::Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "lockstep", &mut script);
    terminal.data(&script)
}
