//! One key Secret: the identities in it, and what is wrong with the rest.

use k8s_openapi::api::core::v1::Secret;
use lockstep_age::Identities;
use lockstep_names::NamespaceName;
use lockstep_secret::SecretBytes;

/// Ending of the entries of a key Secret that hold identities; Flux's `sops-age` Secret has it too.
const ENTRY_SUFFIX: &str = ".agekey";

/// What one look at a key Secret found.
#[derive(Debug)]
pub(super) struct KeySecret {
    /// What can be used.
    pub identities: Identities,
    /// What cannot.
    pub problems: Vec<KeyProblem>,
}

/// A key of a Team that the operator cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key Secret {secret} {why}")]
pub(crate) struct MissingKey {
    /// The Secret's name, in the operator's namespace.
    pub secret: String,
    /// What is wrong with it.
    pub why: KeyProblem,
}

/// What is wrong with a key Secret; never anything of its content, and no other Team's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyProblem {
    /// It is not there.
    #[error("does not exist in namespace {0}")]
    NotFound(NamespaceName),
    /// It has no entry of the right name.
    #[error("has no identity in an entry that ends in {ENTRY_SUFFIX}")]
    NoEntry,
    /// It lacks an identity that the Team says it holds.
    #[error("does not hold the identity of {0}, which the Team names")]
    Lacking(String),
    /// An entry is no identity; the others are used.
    #[error("has an entry {entry} that cannot be used: {why}")]
    Invalid {
        /// The entry's name.
        entry: String,
        /// Why.
        why: String,
    },
    /// It holds an identity that another Team holds, too.
    #[error(
        "holds the identity of {recipient}, and so does another Team; it is used for neither unless \
         each names the other in sharedWith"
    )]
    Shared {
        /// The public half.
        recipient: String,
        /// The other Teams, for administrators only.
        teams: Vec<String>,
    },
}

impl KeySecret {
    /// There is no such Secret.
    pub(super) fn not_found(namespace: NamespaceName) -> Self {
        Self {
            identities: Identities::default(),
            problems: vec![KeyProblem::NotFound(namespace)],
        }
    }
}

/// Reads every `*.agekey` entry of a Secret; one that is no identity does not hide the others.
pub(super) fn read(name: &str, secret: Secret) -> KeySecret {
    let mut look = KeySecret {
        identities: Identities::default(),
        problems: Vec::new(),
    };
    let entries = secret.data.unwrap_or_default().into_iter();
    for (entry, value) in entries.filter(|(entry, _)| entry.ends_with(ENTRY_SUFFIX)) {
        let origin = format!("Secret {name}, entry {entry}");
        match identities(SecretBytes::new(value.0), &origin) {
            Ok(more) => {
                let unusable = more.unusable().iter().map(|one| KeyProblem::Invalid {
                    entry: entry.clone(),
                    why: format!("line {}: {}", one.line, one.why),
                });
                look.problems.extend(unusable);
                look.identities.extend(more);
            }
            Err(why) => look.problems.push(KeyProblem::Invalid { entry, why }),
        }
    }
    if look.identities.is_empty() && look.problems.is_empty() {
        look.problems.push(KeyProblem::NoEntry);
    }
    look
}

fn identities(value: SecretBytes, origin: &str) -> Result<Identities, String> {
    let text = value.into_string().map_err(|error| error.to_string())?;
    Identities::parse(&text, origin).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;
    use lockstep_age::Identity;

    fn secret(entries: &[(&str, &str)]) -> Secret {
        let data = entries
            .iter()
            .map(|(name, text)| ((*name).to_owned(), ByteString(text.as_bytes().to_vec())));
        Secret {
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    #[test]
    fn an_entry_that_is_no_identity_does_not_hide_the_others() {
        let good = Identity::generate();
        let text = good.to_file_text("now");
        let half = &text.expose()[..text.expose().len() - 20];
        let look = read(
            "a-age",
            secret(&[
                ("a.agekey", half),
                ("b.agekey", text.expose()),
                ("c.agekey", ""),
                ("d.agekey", "AGE-PLUGIN-YUBIKEY-1ABC"),
                ("notes.txt", "not looked at"),
            ]),
        );
        let held: Vec<_> = look.identities.recipients().collect();
        assert_eq!(held, [(&good.to_public(), "Secret a-age, entry b.agekey")]);
        let bad: Vec<_> = look
            .problems
            .iter()
            .map(|problem| match problem {
                KeyProblem::Invalid { entry, .. } => entry.as_str(),
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(bad, ["a.agekey", "c.agekey", "d.agekey"]);
        assert!(!format!("{:?}", look.problems).contains("SECRET-KEY-1Q"));
    }

    #[test]
    fn a_secret_without_identities_says_so() {
        for empty in [Secret::default(), secret(&[("identity", "x")])] {
            assert_eq!(read("a-age", empty).problems, [KeyProblem::NoEntry]);
        }
    }
}
