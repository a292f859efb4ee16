//! `lockstep key restore`.

use super::bundle::{self, KeySecret};
use crate::Exit;
use crate::failure::Failure;
use crate::identities;
use crate::kubectl::Cluster;
use crate::terminal::Terminal;
use lockstep_age::DecryptError;
use lockstep_repo::{LARGEST_FILE, Shown, read_file};
use std::path::PathBuf;

/// Put keys back from a backup: create what is missing, and overwrite nothing.
///
/// A key Secret that is there and holds the saved identities is left as it is. One that lacks any of
/// them is reported and left as it is, too: which of the two is right is for a person to say.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: lockstep key restore keys.age\nA cluster whose keys are all there shows that the backup can be opened and is complete."
)]
pub(crate) struct Arguments {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// A file of identities that may open the backup, besides those `decrypt` would use.
    #[arg(short, long, value_name = "FILE")]
    identity: Vec<PathBuf>,

    /// Namespace of the operator; else the one the keys were saved from.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    #[command(flatten)]
    cluster: Cluster,
}

/// What became of one Secret.
enum Restored {
    /// With these recipients.
    Created(String),
    WasThere,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let mut failed = false;
    for mut secret in open(arguments, terminal)? {
        if let Some(namespace) = &arguments.namespace {
            secret.metadata.namespace.clone_from(namespace);
        }
        let name = format!("{}/{}", secret.metadata.namespace, secret.metadata.name);
        match restore(&secret, &arguments.cluster) {
            Ok(Restored::Created(recipients)) => {
                terminal.say(&format!("Secret {name}: restored {recipients}"));
            }
            Ok(Restored::WasThere) => terminal.say(&format!("Secret {name}: is there already")),
            Err(failure) => {
                failed = true;
                let message = format!("Secret {name}: {}", failure.message);
                terminal.fail(&Failure { message, ..failure });
            }
        }
    }
    if failed {
        return Err(Failure::new(Exit::Failure, ""));
    }
    Ok(())
}

/// Decrypts the backup.
fn open(arguments: &Arguments, terminal: Terminal) -> Result<Vec<KeySecret>, Failure> {
    let file = read_file(&arguments.file, LARGEST_FILE)?;
    let found = identities::find_with(&arguments.identity);
    found.tell_warnings(terminal);
    let shown = Shown(&arguments.file);
    let text = lockstep_age::decrypt(file.text.expose().as_bytes(), &found.identities);
    let text = text.map_err(|error| {
        found.tell_problems(terminal);
        let exit = match error {
            DecryptError::NoMatch { .. } => Exit::NoKey,
            _ => Exit::Failure,
        };
        Failure::new(exit, format!("{shown}: {error}"))
    })?;
    bundle::from_text(&text).map_err(|failure| Failure {
        message: format!("{shown}: {}", failure.message),
        ..failure
    })
}

fn restore(secret: &KeySecret, cluster: &Cluster) -> Result<Restored, Failure> {
    let fail = |message: String| Failure::new(Exit::Failure, message);
    let contents = secret.contents();
    let saved = contents.recipients;
    if saved.is_empty() {
        return Err(fail(contents.problems.join("; ")));
    }
    let namespace = format!("--namespace={}", secret.metadata.namespace);
    let there = cluster.get(&["secret", &namespace, &secret.metadata.name])?;
    let Some(there) = bundle::from_cluster(there)?.pop() else {
        cluster.create(&secret.manifest()?)?;
        let recipients: Vec<_> = saved.into_iter().collect();
        return Ok(Restored::Created(recipients.join(", ")));
    };
    let held = there.contents().recipients;
    let lacking: Vec<_> = saved.difference(&held).map(String::as_str).collect();
    if lacking.is_empty() {
        return Ok(Restored::WasThere);
    }
    Err(fail(format!(
        "it is there and does not hold {}; it was left as it is",
        lacking.join(", ")
    ))
    .hint("rename or delete it if the backup is right; never delete a key that is in use"))
}
