//! Encrypts examined files again and publishes the results together.

use super::{Examined, Refusal, Refused, read};
use crate::pool::{Width, parallel};
use crate::seal::{WrappedKey, fill};
use crate::write::{Staged, publish_together, room_for, stage};
use crate::{Expected, LARGEST_FILE, Privacy};
use lockstep_age::{Identities, unwrap};
use lockstep_secret::DataKey;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;

/// Gives every file a new data key, wrapped for whom its plan names. All files are staged and verified
/// before the first is replaced; if any of them fails, none is. `still_allowed` is asked once more
/// before that.
///
/// # Errors
/// [`NotRotated`], or what `still_allowed` said.
pub fn rotate<E: From<NotRotated>>(
    files: &[Examined],
    identities: &Identities,
    still_allowed: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    let refused = |index: usize, refusal: Refusal| Refused {
        path: files[index].path.clone(),
        refusal,
    };
    if let (Some(first), Err(error)) = (files.first(), room_for(files.len())) {
        let refusal = Refusal::Write(error.at(&first.path));
        return Err(NotRotated::before(vec![refused(0, refusal)]).into());
    }
    let _locks =
        lock(files).map_err(|index| NotRotated::before(vec![refused(index, Refusal::Busy)]))?;
    let mut staged = Vec::with_capacity(files.len());
    let mut failed = Vec::new();
    let results = parallel(Width::Processors, files, |file| prepare(file, identities));
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Ok(one) => staged.push(one),
            Err(refusal) => failed.push(refused(index, refusal)),
        }
    }
    if !failed.is_empty() {
        return Err(NotRotated::before(failed).into());
    }
    still_allowed()?;
    publish_together(staged).map_err(|unpublished| {
        let errors = unpublished.errors.into_iter();
        let refused = errors.map(|(index, error)| refused(index, error.into()));
        E::from(NotRotated {
            refused: refused.collect(),
            replaced: unpublished.replaced,
        })
    })
}

/// Why files were not rotated.
#[derive(Debug)]
pub struct NotRotated {
    /// The files that failed.
    pub refused: Vec<Refused>,
    /// How many files are rotated all the same, because they could not be put back. Nearly always none.
    pub replaced: usize,
}

impl NotRotated {
    /// What failed before any file was touched.
    fn before(refused: Vec<Refused>) -> Self {
        Self {
            refused,
            replaced: 0,
        }
    }
}

/// Locks the policy files: two rotations that put files back could undo each other's work. Gives the
/// first file whose policy is locked by somebody else; a system without locks has none.
fn lock(files: &[Examined]) -> Result<Vec<File>, usize> {
    let mut locked = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let Some(rule) = &file.plan.rule else {
            continue;
        };
        if locked.contains_key(&rule.file) {
            continue;
        }
        let Ok(policy) = File::open(&rule.file) else {
            continue;
        };
        if flock(&policy, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(index);
        }
        locked.insert(&rule.file, policy);
    }
    Ok(locked.into_values().collect())
}

fn prepare(file: &Examined, identities: &Identities) -> Result<Staged, Refusal> {
    let document = read(&file.path, &file.source.text)?;
    let old_key = unwrap(document.metadata(), identities)?.key;
    let key = DataKey::generate(&mut fill);
    let wrapped = WrappedKey::of(&key, &file.plan)?;
    let now = jiff::Timestamp::now();
    let document = document.sealed_for(file.plan.standing.team.as_deref());
    let rotated = document.rotate(&old_key, &file.policy, &key, &wrapped, now, &mut fill)?;
    if rotated.len() as u64 > LARGEST_FILE {
        return Err(Refusal::TooLarge);
    }
    let expected = Expected::Unchanged(file.source.fingerprint);
    let staged = stage(&file.path, rotated.as_bytes(), expected, Privacy::AsUsual)?;
    Ok(staged)
}
