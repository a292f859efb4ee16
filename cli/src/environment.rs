//! The one door to the environment: every variable that is read, and standard input.

use crate::Exit;
use crate::failure::Failure;
use lockstep_secret::SecretString;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

/// Every variable that is read and what it is for.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    (
        "SOPS_AGE_RECIPIENTS",
        "Recipients for `encrypt` and `init`, separated by commas; `--age` goes before it.",
    ),
    (
        "SOPS_CONFIG",
        "The policy file, instead of the search for `.sops.yaml`; `--config` goes before it.",
    ),
    ("SOPS_AGE_KEY", "Identities, one a line."),
    ("SOPS_AGE_KEY_FILE", "A file of identities."),
    (
        "SOPS_AGE_KEY_CMD",
        "A command that prints identities; it is split like a shell's words, run without a shell, and \
         told the recipient in SOPS_AGE_RECIPIENT.",
    ),
    (
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
        "A private SSH key, ssh-ed25519 or ssh-rsa; `~/.ssh/id_ed25519` and `~/.ssh/id_rsa` are tried \
         as well.",
    ),
    (
        "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
        "A command that prints a private SSH key without a passphrase.",
    ),
    (
        "XDG_CONFIG_HOME",
        "Where `sops/age/keys.txt`, the default identity file, is looked for; else `~/.config`.",
    ),
    ("HOME", "Where `~` is."),
    (
        "USER",
        "What `init` calls the owner of the identity at hand.",
    ),
    (
        "SOPS_EDITOR",
        "The editor for `edit`, with its options; it goes before EDITOR.",
    ),
    (
        "EDITOR",
        "The editor for `edit`; without any, the first of vim, nano and vi.",
    ),
    ("PATH", "Where editors are looked for."),
    (
        "XDG_RUNTIME_DIR",
        "Where decrypted copies are put, if it is in memory; else `/dev/shm`.",
    ),
    (
        "TMPDIR",
        "Where pipes are made, and with `--allow-disk` decrypted copies, if nothing is in memory.",
    ),
    ("NO_COLOR", "Messages without colour."),
];

/// A variable that is set and not empty.
fn variable(name: &'static str) -> Option<OsString> {
    debug_assert!(VARIABLES.iter().any(|(known, _)| *known == name));
    env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &'static str) -> Option<String> {
    variable(name)?.into_string().ok()
}

pub(crate) fn age_recipients() -> Option<String> {
    text("SOPS_AGE_RECIPIENTS")
}

pub(crate) fn config() -> Option<PathBuf> {
    variable("SOPS_CONFIG").map(PathBuf::from)
}

pub(crate) fn age_key() -> Option<SecretString> {
    text("SOPS_AGE_KEY").map(SecretString::new)
}

pub(crate) fn age_key_file() -> Option<PathBuf> {
    variable("SOPS_AGE_KEY_FILE").map(PathBuf::from)
}

/// The command that prints identities.
pub(crate) fn age_key_command() -> Option<String> {
    text("SOPS_AGE_KEY_CMD")
}

/// The command that prints a private SSH key.
pub(crate) fn ssh_key_command() -> Option<String> {
    text("SOPS_AGE_SSH_PRIVATE_KEY_CMD")
}

pub(crate) fn ssh_key_file() -> Option<PathBuf> {
    variable("SOPS_AGE_SSH_PRIVATE_KEY_FILE").map(PathBuf::from)
}

/// Where ssh-keygen puts keys of the kinds that age takes.
pub(crate) fn own_ssh_keys() -> Vec<PathBuf> {
    let Some(home) = variable("HOME") else {
        return Vec::new();
    };
    let folder = PathBuf::from(home).join(".ssh");
    ["id_ed25519", "id_rsa"]
        .iter()
        .map(|name| folder.join(name))
        .collect()
}

/// Where sops looks for identities when nothing else is said.
pub(crate) fn default_key_file() -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| {
        let below_home = if cfg!(target_os = "macos") {
            "Library/Application Support"
        } else {
            ".config"
        };
        variable("HOME").map(|home| PathBuf::from(home).join(below_home))
    })?;
    Some(folder.join("sops/age/keys.txt"))
}

/// The command line of the user's editor.
pub(crate) fn editor() -> Option<String> {
    text("SOPS_EDITOR").or_else(|| text("EDITOR"))
}

/// The folders in which programs are looked for.
pub(crate) fn search_path() -> Vec<PathBuf> {
    variable("PATH").map_or(Vec::new(), |path| env::split_paths(&path).collect())
}

/// The user's own folder in memory, where the system has one.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    variable("XDG_RUNTIME_DIR").map(PathBuf::from)
}

/// Where files go that are soon removed.
pub(crate) fn temporary_folder() -> PathBuf {
    variable("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}

pub(crate) fn user() -> Option<String> {
    text("USER")
}

pub(crate) fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}

/// The current folder; relative paths and sops's own search start there.
pub(crate) fn current_folder() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| {
        Failure::new(
            Exit::Failure,
            format!("the current folder cannot be used: {error}"),
        )
    })
}

/// Standard input, unless it is a terminal that would be waited for.
pub(crate) fn standard_input() -> Option<impl Read> {
    let stdin = io::stdin();
    (!stdin.is_terminal()).then(|| stdin.lock())
}

/// One line that somebody types; `None` if standard input is no terminal, so that nobody would.
pub(crate) fn typed_line() -> Option<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return None;
    }
    let mut line = String::new();
    stdin.read_line(&mut line).ok()?;
    Some(line)
}

/// Whether standard output is a terminal.
pub(crate) fn output_is_seen() -> bool {
    io::stdout().is_terminal()
}

/// Whether a question would be seen and could be answered.
pub(crate) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
