//! Why a file is not rotated, and none of the others either.

use crate::{ReadError, Shown, WriteError};
use lockstep_age::{UnwrapError, WrapError};
use lockstep_sops::{OpenError, ParseError, Place, RotateError, TreeError};
use std::path::PathBuf;

/// A file and why it is not rotated.
#[derive(Debug)]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub refusal: Refusal,
}

/// Why a file is not rotated. The file itself is the caller's to name.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Rules are found by a file's path, and a symlink has another than its file.
    #[error("it is a symlink")]
    Symlink,
    /// A merge was left half done.
    #[error("line {line}: there is an unresolved merge conflict")]
    Conflict {
        /// The line, from 1.
        line: usize,
    },
    /// It has no metadata.
    #[error("it is not encrypted: there is no sops metadata in it")]
    NotEncrypted,
    /// It is no document that SOPS knows.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A place of it cannot be read.
    #[error("the document cannot be read")]
    Tree(#[source] TreeError),
    /// It can also be opened with keys that cannot be wrapped for.
    #[error("it has keys of kinds that cannot be wrapped for: {}", kinds.join(", "))]
    OtherKinds {
        /// The kinds, as the metadata names them.
        kinds: Vec<String>,
    },
    /// It is encrypted for somebody who is not known at this place.
    #[error("it is encrypted for somebody whom the policy does not know at this path: {who}")]
    Strangers {
        /// Who that is, for people.
        who: String,
    },
    /// Another file has the same data key, and another policy.
    #[error(
        "it has the data key of {}, which others may read: one of them is a copy",
        Shown(other)
    )]
    Copy {
        /// The other file.
        other: PathBuf,
    },
    /// It leaves in clear what the policy encrypts.
    #[error("{place}: the policy encrypts this value, and the file leaves it in clear")]
    Weaker {
        /// The first such place.
        place: Place,
    },
    /// Its MAC does not cover what is in clear.
    #[error(
        "its MAC leaves out the unencrypted values (mac_only_encrypted), and the policy's does not"
    )]
    WeakerMac,
    /// The data key is not to be had.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// A value or the MAC is wrong.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new data key cannot be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// It cannot be encrypted again.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// Its age entries cannot be replaced by themselves.
    #[error("its recipients are not written in a way that lets them be changed by themselves")]
    Entries,
    /// It cannot be sealed again.
    #[error(transparent)]
    Seal(#[from] lockstep_sops::ResealError),
    /// Nobody here would read the result.
    #[error("with more recipients it would be larger than is read")]
    TooLarge,
    /// Another rotation under the same policy file is at work.
    #[error("another rotation is at work here")]
    Busy,
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Refusal {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Symlink => "name the file itself",
            Self::Conflict { .. } => "resolve it first, each side as its author left it",
            Self::NotEncrypted => "lockstep encrypt makes a data key of its own",
            Self::Parse(source) => return source.hint(),
            Self::Tree(_) => return None,
            Self::OtherKinds { .. } => {
                "rotate it with sops, or remove these keys with sops first if nobody needs them"
            }
            Self::Strangers { .. } => {
                "if they have left, list them under former; if you do not know them, find out who put the file there, and do not rotate it"
            }
            Self::Copy { .. } => {
                "find out which of them is the copy; decrypt the other and encrypt it again if both are needed"
            }
            Self::Weaker { .. } | Self::WeakerMac => {
                "look at what is in clear, then decrypt the file and encrypt it again"
            }
            Self::Unwrap(source) => return source.hint(),
            Self::Open(source) | Self::Rotate(RotateError::Open(source)) => return source.hint(),
            Self::Rotate(_) => "please report this as a bug, with a file that shows it",
            Self::Busy => "wait until it has ended, and run this again",
            Self::Seal(_) | Self::Entries => "lockstep rotate writes the whole metadata anew",
            Self::TooLarge => "split it into several files",
            Self::Wrap(_) | Self::Read(_) | Self::Write(_) => return None,
        };
        Some(hint.to_owned())
    }
}
