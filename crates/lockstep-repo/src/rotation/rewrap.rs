//! Other recipients for examined files, under the data keys they have.

use super::{Examined, Refusal, Refused, read};
use crate::seal::{WrappedKey, fill};
use crate::{Expected, LARGEST_FILE, Privacy, write_file};
use lockstep_age::{Identities, unwrap};
use lockstep_secret::SecretString;

/// Wraps a file's data key for whom its plan names, and for nobody else. Its values, MAC and time stay.
///
/// # Errors
/// [`Refused`]; the file is then as it was.
pub fn rewrap(file: &Examined, identities: &Identities) -> Result<(), Box<Refused>> {
    prepare(file, identities).map_err(|refusal| {
        let path = file.path.clone();
        Box::new(Refused { path, refusal })
    })
}

fn prepare(file: &Examined, identities: &Identities) -> Result<(), Refusal> {
    let document = read(&file.path, &file.source.text)?;
    let key = unwrap(document.metadata(), identities)?.key;
    let wrapped = WrappedKey::of(&key, &file.plan)?;
    let text = document.rewrap(&wrapped).ok_or(Refusal::Entries)?;
    // The seal is over the recipients, too. The file's own was verified when it was examined.
    let team = file.plan.standing.team.as_deref();
    let rewrapped = read(&file.path, &SecretString::new(text))?.sealed_for(team);
    let text = rewrapped.seal_again(&key, &mut fill)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(Refusal::TooLarge);
    }
    // What is written must still open, for exactly these.
    let again = read(&file.path, &SecretString::new(text.clone()))?;
    if !wrapped.is_in(again.metadata()) {
        return Err(Refusal::Entries);
    }
    again.open(&key)?;
    let expected = Expected::Unchanged(file.source.fingerprint);
    write_file(&file.path, text.as_bytes(), expected, Privacy::AsUsual)?;
    Ok(())
}
