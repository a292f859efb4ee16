//! `lockstep key backup`.

use super::bundle::{self, KeySecret};
use crate::Exit;
use crate::failure::{Failure, chain};
use crate::kubectl::Cluster;
use crate::terminal::Terminal;
use lockstep_age::Recipient;
use lockstep_repo::{Expected, Privacy, write_file};
use lockstep_secret::SecretBytes;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Save the keys that the operator holds for its Teams, encrypted to somebody who keeps them safe.
///
/// The key Secrets that the Teams name are read by kubectl, with your own rights. The result is an age
/// file; decrypted, it is a List of Secrets for `kubectl create -f -`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: lockstep key backup --to age1… -o keys.age\nTry it at once, with the identity of that recipient: lockstep key restore keys.age"
)]
pub(crate) struct Arguments {
    /// Recipients who can open the backup, separated by commas: never one of the keys themselves.
    #[arg(long, value_name = "RECIPIENT", required = true, value_delimiter = ',')]
    to: Vec<String>,

    /// Only the keys of these Teams; else of all.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    team: Vec<String>,

    /// Where to write the backup, a new file; standard output if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Namespace of the operator, where the keys are.
    #[arg(
        short,
        long,
        value_name = "NAMESPACE",
        default_value = "lockstep-system"
    )]
    namespace: String,

    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Deserialize)]
struct Teams {
    items: Vec<Team>,
}

#[derive(Deserialize)]
struct Team {
    metadata: Named,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    keys: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    secret_ref: Named,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    recipients: Vec<Published>,
}

#[derive(Deserialize)]
struct Published {
    recipient: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    state: String,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let escrow = recipients(&arguments.to)?;
    let teams = teams(arguments)?;
    let mut secrets = secrets(arguments, &teams)?;
    let (saved, problems) = inspect(&teams, &secrets);
    // Put back, an empty one would only stand in the way of the key that belongs there.
    secrets.retain(KeySecret::has_entries);
    if let Some(own) = escrow.iter().find(|one| saved.contains(&one.to_string())) {
        return Err(Failure::new(
            Exit::Failure,
            format!(
                "{own} is one of the keys that are saved: who has lost it cannot open the backup"
            ),
        )
        .hint("encrypt to somebody outside the cluster; `lockstep keygen` makes an identity"));
    }
    if saved.is_empty() {
        return Err(tell(&problems, terminal, "there is no key to save"));
    }
    let text = bundle::to_text(secrets)?;
    let file = lockstep_age::encrypt(&text, &escrow)
        .map_err(|error| Failure::new(Exit::Encrypting, chain(&error)))?;
    match &arguments.output {
        None => terminal.data(file.as_bytes())?,
        Some(path) => write_file(path, file.as_bytes(), Expected::Absent, Privacy::OwnerOnly)?,
    }
    for recipient in &saved {
        terminal.say(&format!("saved {recipient}"));
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(tell(&problems, terminal, "the backup is not complete"))
}

fn tell(problems: &[String], terminal: Terminal, message: &str) -> Failure {
    for problem in problems {
        terminal.warn(problem);
    }
    Failure::new(Exit::Failure, message)
}

fn recipients(texts: &[String]) -> Result<Vec<Recipient>, Failure> {
    let parse = |text: &String| {
        text.parse::<Recipient>().map_err(|error| {
            let failure = Failure::new(Exit::Failure, format!("--to: {error}"));
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    };
    texts.iter().map(parse).collect()
}

/// The Teams that were asked for.
fn teams(arguments: &Arguments) -> Result<Vec<Team>, Failure> {
    let answer = arguments.cluster.get(&["teams.lockstep.dev"])?;
    let read = |answer: SecretBytes| serde_json::from_slice::<Teams>(answer.expose());
    let mut teams = match answer.map(read) {
        None => Vec::new(),
        Some(Ok(teams)) => teams.items,
        Some(Err(_)) => return Err(Failure::new(Exit::Failure, "kubectl gave no Teams")),
    };
    for wanted in &arguments.team {
        if teams.iter().all(|team| team.metadata.name != *wanted) {
            let message = format!("there is no Team {wanted}");
            return Err(Failure::new(Exit::Failure, message));
        }
    }
    if !arguments.team.is_empty() {
        teams.retain(|team| arguments.team.contains(&team.metadata.name));
    }
    Ok(teams)
}

/// The key Secrets of these Teams, as far as they are there.
fn secrets(arguments: &Arguments, teams: &[Team]) -> Result<Vec<KeySecret>, Failure> {
    let keys = teams.iter().flat_map(|team| &team.spec.keys);
    let names: BTreeSet<&str> = keys.map(|key| key.secret_ref.name.as_str()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let namespace = format!("--namespace={}", arguments.namespace);
    let mut what = vec!["secrets", &namespace];
    what.extend(names);
    bundle::from_cluster(arguments.cluster.get(&what)?)
}

/// The recipients whose identities are in `secrets`, and what the Teams want and is not there.
fn inspect(teams: &[Team], secrets: &[KeySecret]) -> (BTreeSet<String>, Vec<String>) {
    let (mut saved, mut problems) = (BTreeSet::new(), Vec::new());
    for secret in secrets {
        let contents = secret.contents();
        saved.extend(contents.recipients);
        problems.extend(contents.problems);
    }
    for team in teams {
        let name = &team.metadata.name;
        for key in &team.spec.keys {
            let wanted = &key.secret_ref.name;
            if secrets.iter().all(|one| one.metadata.name != *wanted) {
                problems.push(format!("Team {name}: there is no key Secret {wanted}"));
            }
        }
        let published = team.status.recipients.iter();
        let lost =
            published.filter(|one| one.state != "Retired" && !saved.contains(&one.recipient));
        problems.extend(lost.map(|one| {
            let (recipient, secret) = (&one.recipient, &one.secret);
            format!("Team {name}: the identity of {recipient} is not in Secret {secret}")
        }));
    }
    (saved, problems)
}
