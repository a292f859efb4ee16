//! The reference page of the command line, made from the code so that it cannot fall behind it.

use crate::environment::VARIABLES;
use crate::{Exit, arguments};
use clap::{Command, CommandFactory};
use std::fmt::{self, Write};

/// Writes `docs/reference/cli.md`.
///
/// # Panics
/// Never: writing to a `String` does not fail.
#[must_use]
pub fn reference() -> String {
    let mut page = String::new();
    write_page(&mut page).expect("this holds because writing to a String cannot fail");
    page
}

fn write_verb(page: &mut String, name: &str, verb: &mut Command) -> fmt::Result {
    writeln!(page, "## `lockstep {name}`\n")?;
    let help = verb.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    writeln!(page, "```text\n{}\n```\n", lines.join("\n").trim_end())
}

fn write_page(page: &mut String) -> fmt::Result {
    writeln!(page, "# The `lockstep` command line\n")?;
    writeln!(
        page,
        "<!-- Made from the code: change it there, then run `UPDATE_DOCS=1 cargo test -p lockstep \
         --test reference`. -->\n"
    )?;
    writeln!(
        page,
        "Data goes to standard output; everything said to people goes to standard error. Options \
         may stand before or after paths.\n"
    )?;
    let mut command = arguments::Arguments::command()
        .term_width(100)
        .disable_help_subcommand(true);
    command.build();
    for verb in command
        .get_subcommands_mut()
        .filter(|verb| !verb.is_hide_set())
    {
        let name = verb.get_name().to_owned();
        if !verb.has_subcommands() {
            write_verb(page, &name, verb)?;
        }
        for part in verb.get_subcommands_mut() {
            let name = format!("{name} {}", part.get_name());
            write_verb(page, &name, part)?;
        }
    }
    writeln!(page, "## Exit codes\n")?;
    writeln!(
        page,
        "They are those of sops. With several paths the code is 0 or 1.\n"
    )?;
    writeln!(page, "| code | meaning |\n|---|---|")?;
    for (exit, meaning) in Exit::ALL {
        writeln!(page, "| {} | {meaning} |", exit.code())?;
    }
    writeln!(page, "\n## Environment\n")?;
    writeln!(page, "| variable | meaning |\n|---|---|")?;
    for (name, meaning) in VARIABLES {
        writeln!(page, "| `{name}` | {meaning} |")?;
    }
    Ok(())
}
