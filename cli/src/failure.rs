//! What a user is told when something fails: what happened, what to do next, and the exit code.

use crate::Exit;
use lockstep_age::UnwrapError;
use lockstep_repo::{
    FolderError, PolicyError, ReadError, Refusal, Refused, ResealError, RewriteError, SealError,
    Shown, UnsealError, WriteError,
};
use lockstep_sops::{
    AlterError, EditError, EncryptError, OpenError, OpenErrorKind, ParseErrorKind,
};
use std::error::Error;
use std::path::Path;

const WHERE_IDENTITIES_GO: &str = "set SOPS_AGE_KEY_FILE to the file that holds your identity, \
    or put it at ~/.config/sops/age/keys.txt";

const WHERE_SSH_KEYS_GO: &str = "set SOPS_AGE_SSH_PRIVATE_KEY_FILE to the file of your private SSH \
    key, or put it at ~/.ssh/id_ed25519";

/// A failed run, or a failed file of it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The file first, then what happened to it. Empty if there is nothing to say.
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whoever reads our output has gone: nothing more to do, and nothing wrong.
    pub(crate) fn nobody_reads() -> Self {
        Self::new(Exit::Success, "")
    }

    /// `path` is named first; errors of this program's crates say what happened, layer by layer.
    fn at(path: &Path, exit: Exit, error: &dyn Error, hint: Option<String>) -> Self {
        Self {
            exit,
            message: format!("{}: {}", Shown(path), chain(error)),
            hint,
        }
    }

    pub(crate) fn sealing(path: &Path, error: &SealError) -> Self {
        let exit = match error {
            SealError::AlreadyEncrypted => Exit::AlreadyEncrypted,
            SealError::Parse(parse) => match parse.kind() {
                ParseErrorKind::Unreadable => Exit::Unreadable,
                ParseErrorKind::Empty => Exit::Empty,
                // Whatever is wrong with the block, there is one.
                ParseErrorKind::Reserved | ParseErrorKind::Metadata => Exit::AlreadyEncrypted,
            },
            SealError::Encrypt(EncryptError::Tree(_) | EncryptError::AlreadyEncrypted(_)) => {
                Exit::Encrypting
            }
            SealError::Encrypt(_) | SealError::Wrap(_) | SealError::TooLarge => Exit::Failure,
        };
        Self::at(path, exit, error, error.hint())
    }

    pub(crate) fn unsealing(path: &Path, error: &UnsealError) -> Self {
        let exit = match error {
            UnsealError::NotEncrypted | UnsealError::Parse(_) => Exit::Failure,
            UnsealError::Unwrap(_) => Exit::NoKey,
            UnsealError::Open(open) => opening(open),
        };
        let hint = match error {
            UnsealError::Unwrap(error) => missing_key(error),
            _ => error.hint(),
        };
        Self::at(path, exit, error, hint)
    }

    /// A file that does not get new contents.
    pub(crate) fn resealing(path: &Path, error: &ResealError) -> Self {
        let exit = match error {
            ResealError::Edit(EditError::Parse(parse)) => match parse.kind() {
                ParseErrorKind::Empty => Exit::Empty,
                ParseErrorKind::Reserved | ParseErrorKind::Metadata => Exit::AlreadyEncrypted,
                ParseErrorKind::Unreadable => Exit::Unreadable,
            },
            ResealError::Edit(EditError::Metadata) => Exit::AlreadyEncrypted,
            ResealError::Edit(EditError::Encrypt(_)) => Exit::Encrypting,
            ResealError::Edit(
                EditError::NotEncrypted | EditError::InClear(_) | EditError::Format(_),
            )
            | ResealError::TooLarge => Exit::Failure,
        };
        Self::at(path, exit, error, error.hint())
    }

    /// A value that is not changed.
    pub(crate) fn altering(path: &Path, error: &AlterError) -> Self {
        let exit = match error {
            AlterError::Reserved => Exit::AlreadyEncrypted,
            _ => Exit::Failure,
        };
        Self::at(path, exit, error, error.hint())
    }

    pub(crate) fn rotating(refused: Refused) -> Self {
        let refusal = match refused.refusal {
            // These name the file themselves.
            Refusal::Read(error) => return error.into(),
            Refusal::Write(error) => return error.into(),
            refusal => refusal,
        };
        let exit = match &refusal {
            Refusal::Unwrap(_) => Exit::NoKey,
            Refusal::Open(open) => opening(open),
            _ => Exit::Failure,
        };
        let hint = match &refusal {
            Refusal::Unwrap(error) => missing_key(error),
            refusal => refusal.hint(),
        };
        Self::at(&refused.path, exit, &refusal, hint)
    }

    pub(crate) fn policy(path: &Path, error: &PolicyError) -> Self {
        Self::at(path, Exit::Failure, error, error.hint())
    }

    /// A failed file of a batch.
    pub(crate) fn rewriting<E>(error: RewriteError<E>, work: impl FnOnce(E) -> Self) -> Self {
        match error {
            RewriteError::Read(error) => error.into(),
            RewriteError::Work(error) => work(error),
            RewriteError::Write(error) => error.into(),
        }
    }
}

fn opening(error: &OpenError) -> Exit {
    match error.kind() {
        OpenErrorKind::Value => Exit::Decrypting,
        OpenErrorKind::Mac => Exit::Mac,
        OpenErrorKind::Seal => Exit::Seal,
        OpenErrorKind::Unsupported => Exit::Failure,
    }
}

fn missing_key(error: &UnwrapError) -> Option<String> {
    match error {
        UnwrapError::NoMatch(no_match) if no_match.held.is_empty() => {
            let ssh = no_match.wants.iter().all(|one| one.starts_with("ssh-"));
            let hint = if ssh && !no_match.wants.is_empty() {
                WHERE_SSH_KEYS_GO
            } else {
                WHERE_IDENTITIES_GO
            };
            Some(hint.to_owned())
        }
        _ => error.hint(),
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        if error.is_not_found() {
            let ReadError::Io { path, .. } = &error else {
                return Self::new(Exit::NoFile, error.to_string());
            };
            return Self::new(
                Exit::NoFile,
                format!("{}: there is no such file", Shown(path)),
            );
        }
        Self::new(Exit::Unreadable, chain(&error))
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::new(Exit::Unwritable, chain(&error))
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Self::new(Exit::Unreadable, chain(&error))
    }
}

/// An error and its causes on one line. Each layer says only its own part.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
