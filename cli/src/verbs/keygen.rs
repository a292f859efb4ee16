//! `lockstep keygen`.

use crate::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use lockstep_age::Identity;
use lockstep_repo::{Expected, Privacy, create_folder, write_file};
use std::path::PathBuf;

/// Make a new identity (a private key) and print its recipient (the public half).
///
/// The identity has the format of age-keygen. A file gets mode 0600 and is never overwritten.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: lockstep keygen -o ~/.config/sops/age/keys.txt\nThat is where lockstep and sops look for identities when nothing else is said."
)]
pub(crate) struct Arguments {
    /// Where to write the identity; standard output if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let identity = Identity::generate();
    let recipient = identity.to_public();
    let created = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let text = identity.to_file_text(&created.to_string());
    match &arguments.output {
        None => terminal.data(text.expose().as_bytes())?,
        Some(path) => {
            if let Some(folder) = path.parent() {
                create_folder(folder)?;
            }
            write_file(
                path,
                text.expose().as_bytes(),
                Expected::Absent,
                Privacy::OwnerOnly,
            )
            .map_err(|error| {
                let failure = Failure::from(error);
                if path.exists() {
                    Failure {
                        exit: Exit::Failure,
                        ..failure
                    }
                    .hint("choose another file; a key that is overwritten is lost")
                } else {
                    failure
                }
            })?;
        }
    }
    terminal.say(&format!("Public key: {recipient}"));
    Ok(())
}
