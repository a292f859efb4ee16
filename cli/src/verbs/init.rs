//! `lockstep init`.

use crate::failure::Failure;
use crate::policy_arguments::split;
use crate::terminal::Terminal;
use crate::{Exit, environment, identities};
use lockstep_age::{Recipient, RecipientError};
use lockstep_repo::{
    Expected, Holds, Nested, Overrides, POLICY_FILE, Policies, PolicyError, Privacy, Shown,
    files_below, find_policy, look_into, read_policy, write_file,
};
use lockstep_rules::{Named, SECRET_FILES, is_name, proposal};
use std::path::{Path, PathBuf};

/// Propose a policy file, `.sops.yaml`, with a rule for Kubernetes Secrets.
///
/// It is never overwritten: run again, this says what is there. lockstep and sops read it alike.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: lockstep init --age alice=age1… --age cluster=age1…")]
pub(crate) struct Arguments {
    /// The folder, usually the root of a Git repository.
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Who can decrypt, with or without a name; may be repeated or separated by commas. Also
    /// SOPS_AGE_RECIPIENTS. If nobody is named: the owner of the identity at hand.
    #[arg(short, long, value_name = "[NAME=]RECIPIENT")]
    age: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, terminal: Terminal) -> Result<(), Failure> {
    let folder = &arguments.folder;
    if !folder.is_dir() {
        return Err(Failure::new(
            Exit::NoFile,
            format!("{}: no such folder", Shown(folder)),
        ));
    }
    let path = folder.join(POLICY_FILE);
    if let Some(found) = find_policy(folder) {
        return describe(&found, folder, terminal);
    }
    let people = people(&arguments.age)?;
    let text = proposal(&people);
    write_file(&path, text.as_bytes(), Expected::Absent, Privacy::AsUsual)?;
    let names: Vec<_> = people.iter().map(|person| person.name.as_str()).collect();
    terminal.say(&format!(
        "{}: written; can decrypt: {}",
        Shown(&path),
        names.join(", ")
    ));
    warn_of_lockout(&people, terminal);
    terminal.say(&format!(
        "Secrets in files whose paths match {SECRET_FILES} are now encrypted by `lockstep encrypt`."
    ));
    survey(folder, terminal)
}

/// Says what the policy file that is there says.
fn describe(path: &Path, folder: &Path, terminal: Terminal) -> Result<(), Failure> {
    let rules = read_policy(path).map_err(|error| Failure::policy(path, &error))?;
    terminal.say(&format!("{}: already there, left as it is", Shown(path)));
    for rule in rules.rules() {
        let files = rule.path_regex().unwrap_or("all files");
        let whom = match rule.recipients() {
            Ok([_]) => "1 recipient".to_owned(),
            Ok(several) => format!("{} recipients", several.len()),
            Err(error) => error.to_string(),
        };
        terminal.say(&format!("  rule {}: {files}: {whom}", rule.number()));
    }
    survey(folder, terminal)
}

/// Lists the Secrets that are in clear, and says what comes next.
fn survey(folder: &Path, terminal: Terminal) -> Result<(), Failure> {
    let mut policies = Policies::new(Overrides::default(), &environment::current_folder()?);
    let mut to_encrypt = 0;
    for file in files_below(folder, Nested::Enter) {
        let file = file?;
        if !matches!(look_into(&file), Ok(Holds::ClearSecret)) {
            continue;
        }
        if matches!(
            policies.plan(&file),
            Err(PolicyError::NoMatch { .. } | PolicyError::NoPolicy)
        ) {
            let file = Shown(&file);
            terminal.warn(&format!(
                "{file}: holds a Secret in clear, and no rule is for this path"
            ));
        } else {
            to_encrypt += 1;
            terminal.say(&format!("{}: holds a Secret in clear", Shown(&file)));
        }
    }
    for warning in policies.warnings() {
        terminal.warn(warning);
    }
    let next = if to_encrypt > 0 {
        format!("next: lockstep encrypt -i {}", Shown(folder))
    } else {
        let example = folder.join("db-secret.yaml");
        format!(
            "next: add a Secret, say {}, and run lockstep encrypt -i on it",
            Shown(&example)
        )
    };
    terminal.say(&next);
    Ok(())
}

/// A policy that shuts its author out is most often a mistake.
fn warn_of_lockout(people: &[Named], terminal: Terminal) {
    // Which SSH keys are held is not looked at until one is needed.
    if people.iter().any(|one| one.recipient.starts_with("ssh-")) {
        return;
    }
    let found = identities::find();
    let mut held = found
        .identities
        .recipients()
        .map(|(held, _)| held.to_string())
        .peekable();
    if held.peek().is_some() && !held.any(|held| people.iter().any(|one| one.recipient == held)) {
        terminal.warn("no identity at hand is among them: you will not be able to decrypt");
    }
}

/// Who is to decrypt: those named, else the owner of the identities at hand.
fn people(given: &[String]) -> Result<Vec<Named>, Failure> {
    let mut given = given.to_vec();
    if given.is_empty() {
        given.extend(environment::age_recipients());
    }
    let mut people = Vec::new();
    for text in split(&given) {
        let (name, recipient) = parse_named(text)?;
        add(&mut people, name.unwrap_or("recipient"), &recipient);
    }
    if people.is_empty() {
        let found = identities::find();
        let owner = environment::user().filter(|name| is_name(name));
        for (recipient, _) in found.identities.recipients() {
            add(&mut people, owner.as_deref().unwrap_or("me"), recipient);
        }
        if people.is_empty() {
            return Err(nobody(&found.problems()));
        }
    }
    Ok(people)
}

fn nobody(problems: &[String]) -> Failure {
    let mut message = "no recipient is named, and no identity is at hand".to_owned();
    for problem in problems {
        message.push_str("; ");
        message.push_str(problem);
    }
    Failure::new(Exit::Failure, message)
        .hint("make an identity with `lockstep keygen -o ~/.config/sops/age/keys.txt`, or name recipients with --age")
}

fn parse_named(text: &str) -> Result<(Option<&str>, Recipient), Failure> {
    let (name, recipient) = match text.split_once('=') {
        Some((name, recipient)) => (Some(name.trim()), recipient),
        None => (None, text),
    };
    let recipient = recipient.parse().map_err(|error: RecipientError| Failure {
        exit: Exit::Failure,
        message: format!("--age: {error}"),
        hint: error.hint(),
    })?;
    if name.is_some_and(|name| !is_name(name)) {
        return Err(Failure::new(
            Exit::Failure,
            "--age: a name has ASCII letters, digits, - and _ only",
        ));
    }
    Ok((name, recipient))
}

/// Adds one recipient; a name that is taken gets a number.
fn add(people: &mut Vec<Named>, name: &str, recipient: &Recipient) {
    let recipient = recipient.to_string();
    if people.iter().any(|person| person.recipient == recipient) {
        return;
    }
    let mut free = name.to_owned();
    let mut number = 1;
    while people.iter().any(|person| person.name == free) {
        number += 1;
        free = format!("{name}-{number}");
    }
    people.push(Named {
        name: free,
        recipient,
    });
}
