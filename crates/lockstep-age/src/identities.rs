//! Several identities and where each came from, so that a failure can say what was tried.

use crate::ssh::{self, SshIdentity, SshKey};
use crate::{Identity, IdentityError, Recipient, SshKeyError};
use lockstep_secret::SecretString;
use std::fmt::Debug;
use std::sync::Arc;

/// The identities at hand, in the order they were found. A clone shares them: no private half is
/// copied.
#[derive(Clone, Debug, Default)]
pub struct Identities {
    held: Vec<Arc<Held>>,
    unusable: Vec<Unusable>,
    reserves: Vec<Arc<dyn Reserve>>,
}

/// Identities that cost something to have: somebody is asked, or a program is run. They are had only
/// when those at hand do not open a file.
pub trait Reserve: Debug + Send + Sync {
    /// What may open an entry for `recipient`, as the file names it. This is called for every entry of
    /// every such file, from several threads.
    fn identities_for(&self, recipient: &str) -> Identities;
}

/// One identity and its source.
#[derive(Debug)]
pub(crate) struct Held {
    identity: Kind,
    pub(crate) recipient: Recipient,
    /// The recipient as files name it.
    pub(crate) name: String,
    pub(crate) origin: String,
}

#[derive(Debug)]
enum Kind {
    X25519(Identity),
    Ssh(SshIdentity),
}

impl Held {
    pub(crate) fn as_age(&self) -> &dyn age::Identity {
        match &self.identity {
            Kind::X25519(identity) => identity.as_age(),
            Kind::Ssh(identity) => &identity.age,
        }
    }
}

/// An identity of a kind that this program cannot use: the others of its source still count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Where it stands: a file, a variable, a Secret's entry.
    pub origin: String,
    /// The line there, from 1.
    pub line: usize,
    /// Its kind.
    pub why: IdentityError,
}

impl Identities {
    /// Reads an identity file or variable: one identity a line, or several with blanks between;
    /// empty lines and lines that start with `#` are skipped. `origin` says in messages where the
    /// text came from. An ssh-ed25519 key without a passphrase is one, too.
    ///
    /// # Errors
    /// [`IdentitiesError`] if a line holds something that is damaged or no identity, or if there is
    /// no identity at all. Kinds that are known and not supported are kept as [`Unusable`].
    pub fn parse(text: &SecretString, origin: &str) -> Result<Self, IdentitiesError> {
        let mut found = Self::default();
        let mut left = text.expose();
        for (line, content) in (1..).zip(text.expose().lines()) {
            if ssh::is_private_key(content) {
                found.add_ssh(left, origin, line);
                return Ok(found);
            }
            left = left.split_once('\n').map_or("", |(_, rest)| rest);
            if content.starts_with('#') {
                continue;
            }
            for word in words(content) {
                match Identity::parse(word) {
                    Ok(identity) => found.push(identity, origin),
                    Err(
                        why @ (IdentityError::PostQuantum
                        | IdentityError::Plugin
                        | IdentityError::Ssh
                        | IdentityError::Encrypted),
                    ) => {
                        found.unusable.push(Unusable {
                            origin: origin.to_owned(),
                            line,
                            why,
                        });
                        if why == IdentityError::Encrypted {
                            // The rest of the text is that one file.
                            return Ok(found);
                        }
                    }
                    Err(why) => {
                        return Err(IdentitiesError::BadLine {
                            origin: origin.to_owned(),
                            line,
                            why,
                        });
                    }
                }
            }
        }
        if found.held.is_empty() && found.unusable.is_empty() {
            return Err(IdentitiesError::Empty {
                origin: origin.to_owned(),
            });
        }
        Ok(found)
    }

    fn push(&mut self, identity: Identity, origin: &str) {
        let recipient = identity.to_public();
        self.hold(Kind::X25519(identity), recipient, origin);
    }

    /// Takes an SSH key of the kind for which nothing but the key is needed, and which gives nothing
    /// away by how long it takes; others are for [`Source::read_ssh`](crate::Source::read_ssh).
    fn add_ssh(&mut self, text: &str, origin: &str, line: usize) {
        match ssh::parse_private(text) {
            Ok(SshKey::Open(identity)) if !identity.recipient.is_rsa() => {
                let recipient = identity.recipient.clone();
                self.hold(Kind::Ssh(identity), recipient, origin);
            }
            Ok(_) | Err(_) => self.unusable.push(Unusable {
                origin: origin.to_owned(),
                line,
                why: IdentityError::Ssh,
            }),
        }
    }

    pub(crate) fn of_ssh(identity: SshIdentity, origin: &str) -> Self {
        let mut identities = Self::default();
        let recipient = identity.recipient.clone();
        identities.hold(Kind::Ssh(identity), recipient, origin);
        identities
    }

    fn hold(&mut self, identity: Kind, recipient: Recipient, origin: &str) {
        self.held.push(Arc::new(Held {
            name: recipient.to_string(),
            identity,
            recipient,
            origin: origin.to_owned(),
        }));
    }

    /// Adds what is to be tried last.
    pub fn keep_in_reserve(&mut self, reserve: Arc<dyn Reserve>) {
        self.reserves.push(reserve);
    }

    pub(crate) fn reserves(&self) -> &[Arc<dyn Reserve>] {
        &self.reserves
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.held.extend(other.held);
        self.unusable.extend(other.unusable);
        self.reserves.extend(other.reserves);
    }

    /// Lets go of every identity for whose public half `keep` says no.
    pub fn retain(&mut self, keep: impl Fn(&Recipient) -> bool) {
        self.held.retain(|held| keep(&held.recipient));
    }

    /// Lists the public halves, each with where its identity came from.
    pub fn recipients(&self) -> impl Iterator<Item = (&Recipient, &str)> {
        self.held
            .iter()
            .map(|held| (&held.recipient, held.origin.as_str()))
    }

    /// Lists what was found and cannot be used.
    #[must_use]
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }

    /// Whether there is nothing at hand to open a file with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn held(&self) -> &[Arc<Held>] {
        &self.held
    }
}

/// The words of a line, or the whole line where blanks are part of what it says (`-----BEGIN …`,
/// `ssh-ed25519 …`).
fn words(line: &str) -> Vec<&str> {
    let line = line.trim();
    if line.starts_with("-----") || line.starts_with("ssh-") {
        vec![line]
    } else {
        line.split_whitespace().collect()
    }
}

/// Why a source gave no identities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentitiesError {
    /// A line that is no identity.
    #[error("{origin}, line {line}: {why}")]
    BadLine {
        /// Where the text came from.
        origin: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it. Part of this message, hence no `source`.
        why: IdentityError,
    },
    /// A private SSH key that cannot be used.
    #[error("{origin}: {why}")]
    Ssh {
        /// Where the text came from.
        origin: String,
        /// What is wrong with it. Part of this message, hence no `source`.
        why: SshKeyError,
    },
    /// Neither text nor an age file.
    #[error("{origin}: this is no identity file")]
    NotText {
        /// Where it came from.
        origin: String,
    },
    /// Nothing but comments and empty lines.
    #[error("{origin}: there is no identity in it")]
    Empty {
        /// Where the text came from.
        origin: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test key, from the age library's own tests.
    const TEST_KEY: &str =
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

    fn parse(text: &str) -> Result<Identities, IdentitiesError> {
        Identities::parse(&SecretString::new(text.to_owned()), "keys.txt")
    }

    #[test]
    fn files_as_age_keygen_writes_them_are_read() {
        let text = format!("# created: today\r\n# public key: age1x\r\n\r\n{TEST_KEY}\r\n");
        let found = parse(&text).unwrap();
        let held: Vec<_> = found.recipients().map(|(_, origin)| origin).collect();
        assert_eq!(held, ["keys.txt"]);
    }

    #[test]
    fn several_keys_may_stand_on_one_line() {
        let found = parse(&format!("{TEST_KEY} {TEST_KEY}")).unwrap();
        assert_eq!(found.recipients().count(), 2);
    }

    #[test]
    fn unsupported_kinds_do_not_hide_the_others() {
        let found = parse(&format!("AGE-PLUGIN-YUBIKEY-1ABC\n{TEST_KEY}\n")).unwrap();
        assert_eq!(found.recipients().count(), 1);
        assert_eq!(
            found.unusable(),
            [Unusable {
                origin: "keys.txt".into(),
                line: 1,
                why: IdentityError::Plugin
            }]
        );
        let ssh = parse("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n").unwrap();
        assert!(ssh.is_empty());
        assert_eq!(ssh.unusable().len(), 1);
    }

    #[test]
    fn damage_is_an_error_that_names_the_line_and_nothing_else() {
        let text = format!("# x\n{}", TEST_KEY.replace("GQ97", "GQ98"));
        let error = parse(&text).unwrap_err().to_string();
        assert_eq!(
            error,
            "keys.txt, line 2: the private key is damaged: a character is missing, added or mistyped"
        );
    }

    #[test]
    fn no_identity_at_all_is_an_error() {
        assert_eq!(
            parse("# nothing\n\n").unwrap_err(),
            IdentitiesError::Empty {
                origin: "keys.txt".into()
            }
        );
    }
}
