//! Rotation: brings encrypted files to policy under a new data key, all of them or none.
//!
//! 1. [`gather`] reads files and tells the encrypted ones from others.
//! 2. [`examine`] opens each with the identities at hand, which verifies its MAC, and compares it with
//!    its plan: who gains, who loses, and what keeps it from being rotated.
//! 3. [`rotate`] encrypts all of them again, stages every result, and publishes them together.
//!
//! *Guarantees.* Nothing is changed unless every file could be opened, was found to be its team's, and
//! was verified after it was encrypted again. A file that changed since it was gathered stops the run.
//! The data key is wrapped for whom the policy names and for nobody else.
//!
//! *Limits.* A file's list of recipients is not authenticated: whoever may write files may take a name
//! off the list or put one on. That somebody else's file was planted shows by the names it still has,
//! by whose identity opens it, and by its data key, if another file of the run has the same.

mod publish;
mod refusal;
mod rewrap;

pub use publish::{NotRotated, rotate};
pub use refusal::{Refusal, Refused};
pub use rewrap::rewrap;

use crate::folder::{Holds, format_of, look_at};
use crate::pool::{Width, parallel};
use crate::{LARGEST_FILE, Plan, ReadError, Source, read_file};
use lockstep_age::{Identities, Recipient, unwrap};
use lockstep_secret::{DataKey, SecretBytes, SecretString};
use lockstep_sops::{
    Document, Encrypted, EncryptionPolicy, MacScope, Metadata, Parsed, Selection, parse_as,
    recipient_name,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file that was read.
#[derive(Debug)]
pub struct Candidate {
    /// As it was named, or found.
    pub path: PathBuf,
    /// What is in it.
    pub holds: Holds,
    pub(crate) source: Source,
}

/// A file that can be rotated.
#[derive(Debug)]
pub struct Examined {
    /// The file.
    pub path: PathBuf,
    /// What the policy wants.
    pub plan: Plan,
    /// Recipients that will be able to open it and could not, as far as it says.
    pub gains: Vec<String>,
    /// Recipients that it names and that will not be able to open what it becomes.
    pub loses: Vec<String>,
    /// Which selection it will have.
    pub held: Held,
    /// Whose identity opened it.
    pub opened_by: Recipient,
    pub(crate) source: Source,
    pub(crate) policy: EncryptionPolicy,
}

/// Whose selection a rotated file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The policy's.
    Policy,
    /// Its own, which encrypts more than the policy asks for: nothing is ever put in clear.
    Own,
}

/// Reads files and looks at what they hold, in the order of `paths`.
pub fn gather(paths: &[PathBuf]) -> Vec<Result<Candidate, ReadError>> {
    parallel(Width::Processors, paths, |path| {
        let mut source = read_file(path, LARGEST_FILE)?;
        // All texts are kept until the end of the run, and what a file is read into is larger.
        source.text = SecretString::new(source.text.expose().to_owned());
        Ok(Candidate {
            path: path.clone(),
            holds: held_in(path, &source.text),
            source,
        })
    })
}

/// What cannot be read and has nothing encrypted in it, such as a template, is no business of ours.
fn held_in(path: &Path, text: &SecretString) -> Holds {
    match look_at(&copy(text), format_of(path)) {
        Holds::Unreadable if !text.expose().contains("ENC[AES256_GCM,") => Holds::Other,
        holds => holds,
    }
}

/// Opens every file with the identities at hand and compares it with its plan. Every file is tried.
pub fn examine(
    files: Vec<(Candidate, Plan)>,
    identities: &Identities,
) -> Vec<Result<Examined, Refused>> {
    let looked = parallel(Width::Processors, &files, |(file, plan)| {
        look(file, plan, identities)
    });
    let copies = copies(&files, &looked);
    let mut results = Vec::with_capacity(files.len());
    for (((candidate, plan), looked), copy) in files.into_iter().zip(looked).zip(copies) {
        let Candidate { path, source, .. } = candidate;
        results.push(match (looked, copy) {
            (Err(refusal), _) => Err(Refused { path, refusal }),
            (Ok(_), Some(other)) => Err(Refused {
                path,
                refusal: Refusal::Copy { other },
            }),
            (Ok(looked), None) => Ok(Examined {
                path,
                plan,
                gains: looked.gains,
                loses: looked.loses,
                held: looked.held,
                opened_by: looked.opened_by,
                source,
                policy: looked.policy,
            }),
        });
    }
    results
}

/// What was seen in a file.
struct Looked {
    key: DataKey,
    gains: Vec<String>,
    loses: Vec<String>,
    held: Held,
    opened_by: Recipient,
    policy: EncryptionPolicy,
}

fn look(file: &Candidate, plan: &Plan, identities: &Identities) -> Result<Looked, Refusal> {
    let text = &file.source.text;
    if file.path.is_symlink() {
        return Err(Refusal::Symlink);
    }
    if let Some(line) = conflict_in(text) {
        return Err(Refusal::Conflict { line });
    }
    let document = read(&file.path, text)?;
    let metadata = document.metadata().clone();
    check_kinds(&metadata)?;
    let (gains, loses) = compare_recipients(&metadata, plan)?;
    let unwrapped = unwrap(&metadata, identities)?;
    for opener in std::iter::once(&unwrapped.opened_by).chain(&unwrapped.also_by) {
        check_opener(opener, plan)?;
    }
    let (held, policy) = compare_selection(&document, plan)?;
    document.open(&unwrapped.key)?;
    Ok(Looked {
        key: unwrapped.key,
        gains,
        loses,
        held,
        opened_by: unwrapped.opened_by,
        policy,
    })
}

/// Reads an encrypted file. The text is copied: it is needed again.
pub(crate) fn read(path: &Path, text: &SecretString) -> Result<Document<Encrypted>, Refusal> {
    match parse_as(copy(text), format_of(path))? {
        Parsed::Encrypted(document) => Ok(document),
        Parsed::Clear(_) => Err(Refusal::NotEncrypted),
    }
}

pub(crate) fn copy(text: &SecretString) -> SecretBytes {
    SecretBytes::new(text.expose().as_bytes().to_vec())
}

/// The first line that Git writes where two versions meet, even where YAML would take it for text.
pub(crate) fn conflict_in(text: &SecretString) -> Option<usize> {
    let marks = ["<<<<<<< ", "||||||| ", ">>>>>>> "];
    let mut lines = text.expose().lines();
    let found = lines.position(|line| marks.iter().any(|mark| line.starts_with(mark)))?;
    Some(found + 1)
}

/// Entries that cannot be wrapped anew would be lost, and their owners locked out.
fn check_kinds(metadata: &Metadata) -> Result<(), Refusal> {
    let kinds = metadata.other_keys();
    if kinds.is_empty() {
        return Ok(());
    }
    let kinds = kinds.iter().map(|keys| keys.kind.clone()).collect();
    Err(Refusal::OtherKinds { kinds })
}

/// Says who gains and who loses; refuses a file with recipients whom nobody knows at this place.
pub(crate) fn compare_recipients(
    metadata: &Metadata,
    plan: &Plan,
) -> Result<(Vec<String>, Vec<String>), Refusal> {
    let mut present: Vec<String> = Vec::new();
    for entry in metadata.age() {
        let recipient = recipient_name(&entry.recipient);
        if !present.contains(&recipient) {
            present.push(recipient);
        }
    }
    let known = &plan.standing.known;
    let strangers: Vec<_> = present.iter().filter(|one| !known.contains(*one)).collect();
    if !strangers.is_empty() {
        let strangers: Vec<_> = strangers.into_iter().cloned().collect();
        return Err(Refusal::Strangers {
            who: plan.standing.show_all(&strangers),
        });
    }
    let wanted: Vec<_> = plan.recipients.iter().map(ToString::to_string).collect();
    let loses = present
        .iter()
        .filter(|one| wanted.iter().all(|wanted| wanted != *one))
        .cloned()
        .collect();
    // Where the data key is split in another way, fewer keys together may open the file than before.
    let regrouped = !same_split(metadata, plan);
    let mut gains: Vec<String> = Vec::new();
    for one in wanted {
        if (regrouped || !present.contains(&one)) && !gains.contains(&one) {
            gains.push(one);
        }
    }
    Ok((gains, loses))
}

/// Whether a file's data key is split as the plan splits it, or is whole in both.
fn same_split(metadata: &Metadata, plan: &Plan) -> bool {
    let Some(split) = &plan.split else {
        return metadata.key_groups() == 1;
    };
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let present = metadata.groups().map(|entries| {
        let names = entries.iter().map(|entry| recipient_name(&entry.recipient));
        sorted(names.collect())
    });
    let wanted = split
        .groups
        .iter()
        .map(|group| sorted(group.iter().map(ToString::to_string).collect()));
    metadata.threshold() == split.threshold && present.eq(wanted)
}

/// Refuses a file that somebody's identity opened whom nobody knows at this place, whatever names are on
/// its list: who holds identities of two teams opens the files of both.
fn check_opener(opened_by: &Recipient, plan: &Plan) -> Result<(), Refusal> {
    let name = opened_by.to_string();
    if plan.recipients.contains(opened_by) || plan.standing.known.contains(&name) {
        return Ok(());
    }
    Err(Refusal::Strangers {
        who: plan.standing.show(&name),
    })
}

/// Refuses a file that encrypts, or authenticates, less than the policy asks for: what is in clear
/// there was never verified, or was put there on purpose.
pub(crate) fn compare_selection(
    document: &Document<Encrypted>,
    plan: &Plan,
) -> Result<(Held, EncryptionPolicy), Refusal> {
    let metadata = document.metadata();
    let wanted = &plan.policy;
    if metadata.mac_scope() == MacScope::EncryptedOnly && wanted.mac_scope == MacScope::AllValues {
        return Err(Refusal::WeakerMac);
    }
    let selection = document
        .compare_selection(&wanted.selector)
        .map_err(Refusal::Tree)?;
    match selection {
        Selection::Same => Ok((Held::Policy, wanted.clone())),
        Selection::More => {
            let policy = EncryptionPolicy {
                selector: metadata.selector().clone(),
                mac_scope: wanted.mac_scope,
            };
            Ok((Held::Own, policy))
        }
        Selection::Less(place) => Err(Refusal::Weaker { place }),
    }
}

/// For each file the first other one that has its data key and other recipients in the policy. Data
/// keys are made by chance, so that one of the two was copied.
fn copies(files: &[(Candidate, Plan)], looked: &[Result<Looked, Refusal>]) -> Vec<Option<PathBuf>> {
    let mut by_key = BTreeMap::<&[u8; 32], Vec<usize>>::new();
    for (index, looked) in looked.iter().enumerate() {
        if let Ok(looked) = looked {
            by_key.entry(looked.key.expose()).or_default().push(index);
        }
    }
    let mut copies = vec![None; files.len()];
    for same in by_key.values().filter(|same| same.len() > 1) {
        for &index in same {
            let differs = |other: &&usize| readers(&files[**other].1) != readers(&files[index].1);
            let other = same.iter().find(differs);
            copies[index] = other.map(|&other| files[other].0.path.clone());
        }
    }
    copies
}

/// Who will be able to read a file, and whose it is.
fn readers(plan: &Plan) -> (Option<&str>, Vec<String>) {
    let mut recipients: Vec<_> = plan.recipients.iter().map(ToString::to_string).collect();
    recipients.sort_unstable();
    recipients.dedup();
    (plan.standing.team.as_deref(), recipients)
}
