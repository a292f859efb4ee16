//! Exit codes: those of sops, so that scripts written for it keep working.

use std::process::ExitCode;

/// Declares the codes with their meanings in one place, for the compiler and for the reference.
macro_rules! exits {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// What a run came to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Exit {
            $(#[doc = $meaning] $name = $code,)*
        }

        impl Exit {
            /// Every code with its meaning.
            pub(crate) const ALL: &[(Self, &str)] = &[$((Self::$name, $meaning)),*];
        }
    };
}

exits! {
    Success = 0, "Everything was done.";
    Failure = 1, "Something that has no code of its own failed: a wrong option, no rule for a file, \
        a file that is not encrypted. With several files: at least one of them failed.";
    Unreadable = 2, "A file cannot be read, or one that is to be encrypted is not of its format.";
    Unwritable = 3, "The result cannot be written.";
    BadValue = 7, "`set` or `unset`: the index is not one, or the value is not JSON.";
    Conflict = 8, "Options that exclude each other, or standard input without `--filename-override`.";
    Unconfirmed = 10, "Nothing was changed: somebody would gain access, or no path was named, and \
        nobody confirmed it. `--yes` does.";
    Encrypting = 23, "A value cannot be encrypted.";
    Decrypting = 25, "A value does not decrypt: it was changed, moved, or was never encrypted.";
    Mac = 51, "The MAC is missing or wrong: the file was changed after it was encrypted.";
    Seal = 53, "The seal is wrong: names, types, comments or metadata were changed after the file was sealed. \
        sops has no such code.";
    Empty = 92, "The file to be encrypted holds no document.";
    NoFile = 100, "The file does not exist.";
    NoKey = 128, "None of the identities at hand opens the file.";
    Unedited = 200, "`edit`: the text was not changed.";
    NoEditor = 201, "`edit`: the editor cannot be started, or failed.";
    AlreadyEncrypted = 203, "The file is already encrypted.";
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// How a run ended: with a code of its own, or with that of the command it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// What the run came to.
    With(Exit),
    /// What its command came to.
    AsCommand(u8),
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::With(exit) => exit.into(),
            Ended::AsCommand(code) => Self::from(code),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
