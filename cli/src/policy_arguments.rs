//! Options that say how to encrypt, which go before the policy file.

use crate::failure::{Failure, chain};
use crate::{Exit, environment};
use lockstep_age::Recipient;
use lockstep_repo::Overrides;
use lockstep_sops::{MacScope, Selector};
use std::path::PathBuf;

/// How to encrypt, over what the policy file says.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArguments {
    /// Recipients, instead of the rule's; may be repeated or separated by commas. Also
    /// SOPS_AGE_RECIPIENTS.
    #[arg(short, long, value_name = "RECIPIENT")]
    age: Vec<String>,

    /// The policy file, instead of the search for `.sops.yaml`. Also SOPS_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Of how many of the rule's key groups a key each is needed to decrypt; all of them if not said.
    #[arg(long, value_name = "NUMBER")]
    shamir_secret_sharing_threshold: Option<usize>,

    #[command(flatten)]
    selector: SelectorArguments,

    /// Leave unencrypted values out of the MAC, so that they can be edited by hand.
    #[arg(long)]
    mac_only_encrypted: bool,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct SelectorArguments {
    /// Encrypt only values below keys that this regular expression matches.
    #[arg(long, value_name = "REGEX")]
    encrypted_regex: Option<String>,

    /// Encrypt all values but those below keys that this regular expression matches.
    #[arg(long, value_name = "REGEX")]
    unencrypted_regex: Option<String>,

    /// Encrypt only values below keys that end so.
    #[arg(long, value_name = "SUFFIX")]
    encrypted_suffix: Option<String>,

    /// Encrypt all values but those below keys that end so.
    #[arg(long, value_name = "SUFFIX")]
    unencrypted_suffix: Option<String>,
}

impl PolicyArguments {
    pub(crate) fn overrides(&self) -> Result<Overrides, Failure> {
        Ok(Overrides {
            config: self.config.clone().or_else(environment::config),
            recipients: recipients(&self.age)?,
            selector: self.selector.selector()?,
            threshold: self.shamir_secret_sharing_threshold,
            mac_scope: self.mac_only_encrypted.then_some(MacScope::EncryptedOnly),
        })
    }
}

/// The recipients that were given, else those of the environment; none if neither says any.
fn recipients(given: &[String]) -> Result<Vec<Recipient>, Failure> {
    let (texts, origin) = if given.is_empty() {
        (
            Vec::from_iter(environment::age_recipients()),
            "SOPS_AGE_RECIPIENTS",
        )
    } else {
        (given.to_vec(), "--age")
    };
    split(&texts)
        .map(|text| {
            text.parse::<Recipient>().map_err(|error| Failure {
                exit: Exit::Failure,
                message: format!("{origin}: {error}"),
                hint: error.hint(),
            })
        })
        .collect()
}

/// The parts of comma-separated texts that are not empty.
pub(crate) fn split(texts: &[String]) -> impl Iterator<Item = &str> {
    texts
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

impl SelectorArguments {
    fn selector(&self) -> Result<Option<Selector>, Failure> {
        [
            ("encrypted_regex", &self.encrypted_regex),
            ("unencrypted_regex", &self.unencrypted_regex),
            ("encrypted_suffix", &self.encrypted_suffix),
            ("unencrypted_suffix", &self.unencrypted_suffix),
        ]
        .into_iter()
        .find_map(|(field, text)| Some((field, text.as_deref()?)))
        .map(|(field, text)| {
            Selector::from_field(field, text)
                .map_err(|error| Failure::new(Exit::Failure, chain(&error)))
        })
        .transpose()
    }
}
