//! Step 4, pure: opens the files that changed. The MAC is verified here, on the bytes as committed.
//!
//! A file that fails is set aside with its reason, and the others go on.

use super::fetch::Fetched;
use crate::explain::explain;
use lockstep_age::Identities;
use lockstep_api::{Failure, FailureReason};
use lockstep_git::{ReadError, RefusedEntry, SnapshotFile};
use lockstep_names::{ObjectId, RepoPath};
use lockstep_secret::SecretBytes;
use lockstep_sops::{Document, OpenErrorKind, Opened, ParseError, Parsed};
use std::collections::BTreeSet;
use std::error::Error;

/// A file that was opened.
pub(crate) struct OpenedFile {
    /// Which file.
    pub path: RepoPath,
    /// The committed bytes it was opened from.
    pub blob: ObjectId,
    /// The document; its values live until it is rendered.
    pub document: Document<Opened>,
    /// The recipients it names, if it is encrypted.
    pub recipients: BTreeSet<String>,
    /// The one whose identity opened it.
    pub opened_by: Option<String>,
}

/// One revision with every file opened that had to be.
pub(crate) struct OpenedTree {
    /// What it was opened from.
    pub fetched: Fetched,
    /// Files that were opened now.
    pub files: Vec<OpenedFile>,
    /// Files whose objects are known from before and that need not be opened.
    pub kept: Vec<RepoPath>,
    /// Files without any document.
    pub empty: Vec<(RepoPath, ObjectId)>,
    /// Files that could not be opened.
    pub failures: Vec<Failure>,
    /// Recipients that files name which could not be opened.
    pub unmet: BTreeSet<String>,
}

/// Opens every file for which `wanted` says so, with the team's identities and no others.
pub(crate) fn open(fetched: Fetched, wanted: impl Fn(&SnapshotFile) -> bool) -> OpenedTree {
    let keys = fetched.cleared.resolved.keys.clone();
    let mut tree = OpenedTree {
        files: Vec::new(),
        kept: Vec::new(),
        empty: Vec::new(),
        failures: refused(&fetched),
        unmet: BTreeSet::new(),
        fetched,
    };
    for file in tree.fetched.manifests.clone() {
        if !wanted(&file) {
            tree.kept.push(file.path);
            continue;
        }
        match open_file(&tree.fetched, &file, &keys.identities) {
            Ok(Some(opened)) => tree.files.push(opened),
            Ok(None) => tree.empty.push((file.path, file.blob)),
            Err(FailedOpening {
                reason,
                message,
                recipients,
            }) => {
                tree.failures
                    .push(Failure::of_file(&file.path, reason, &message));
                tree.unmet.extend(recipients);
            }
        }
    }
    tree
}

struct FailedOpening {
    reason: FailureReason,
    message: String,
    recipients: BTreeSet<String>,
}

impl FailedOpening {
    fn new(reason: FailureReason, error: &dyn Error, hint: Option<String>) -> Self {
        Self {
            reason,
            message: explain(error, hint),
            recipients: BTreeSet::new(),
        }
    }
}

/// Opens one file; nothing where it holds no document.
fn open_file(
    fetched: &Fetched,
    file: &SnapshotFile,
    identities: &Identities,
) -> Result<Option<OpenedFile>, FailedOpening> {
    let bytes = fetched
        .snapshot
        .read(file)
        .map_err(|e| FailedOpening::new(read_reason(&e), &e, None))?;
    let invalid =
        |error: &dyn Error, hint| FailedOpening::new(FailureReason::SyntaxInvalid, error, hint);
    let text = SecretBytes::new(bytes)
        .into_string()
        .map_err(|error| invalid(&error, None))?;
    let (mut recipients, mut opened_by) = (BTreeSet::new(), None);
    let document = match lockstep_sops::parse(text) {
        Err(ParseError::Empty) => return Ok(None),
        Err(error @ ParseError::Metadata(_)) => {
            return Err(FailedOpening::new(
                FailureReason::MetadataInvalid,
                &error,
                error.hint(),
            ));
        }
        Err(error) => return Err(invalid(&error, error.hint())),
        Ok(Parsed::Clear(document)) => document
            .into_opened()
            .map_err(|error| invalid(&error, None))?,
        Ok(Parsed::Encrypted(document)) => {
            recipients.extend(
                document
                    .metadata()
                    .age()
                    .iter()
                    .map(|entry| entry.recipient.clone()),
            );
            let key = lockstep_age::unwrap(document.metadata(), identities).map_err(|error| {
                FailedOpening {
                    recipients: recipients.clone(),
                    ..FailedOpening::new(FailureReason::KeyMissing, &error, error.hint())
                }
            })?;
            opened_by = Some(key.opened_by.to_string());
            document.open(&key.key).map_err(|error| {
                FailedOpening::new(open_reason(error.kind()), &error, error.hint())
            })?
        }
    };
    Ok(Some(OpenedFile {
        path: file.path.clone(),
        blob: file.blob.clone(),
        document,
        recipients,
        opened_by,
    }))
}

fn read_reason(error: &ReadError) -> FailureReason {
    match error {
        ReadError::TooLarge { .. } => FailureReason::TooLarge,
        ReadError::LfsPointer { .. } => FailureReason::Unsupported,
        ReadError::Damaged { .. } => FailureReason::Unreadable,
    }
}

fn open_reason(kind: OpenErrorKind) -> FailureReason {
    match kind {
        OpenErrorKind::Mac => FailureReason::MacMismatch,
        OpenErrorKind::Seal => FailureReason::SealBroken,
        OpenErrorKind::Value => FailureReason::DecryptionFailed,
        OpenErrorKind::Unsupported => FailureReason::Unsupported,
    }
}

/// What is never read: entries such as links, and files of tools that are not supported.
fn refused(fetched: &Fetched) -> Vec<Failure> {
    let entry = |entry: &RefusedEntry| {
        Failure::of_entry(
            &entry.path,
            FailureReason::EntryRefused,
            &entry.why.to_string(),
        )
    };
    let file = |(path, why): &(RepoPath, &'static str)| {
        Failure::of_file(path, FailureReason::Unsupported, why)
    };
    let entries = fetched.snapshot.refused().iter().map(entry);
    entries
        .chain(fetched.unsupported.iter().map(file))
        .collect()
}
