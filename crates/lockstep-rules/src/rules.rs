//! The rules of one policy file, and which of them a path falls under.

use crate::error::{RecipientsError, RulesError};
use crate::names::Names;
use crate::raw;
use crate::readers::{self, Groups, Readers};
use crate::teams::Teams;
use lockstep_sops::{EncryptionPolicy, GoRegex, MacScope, Selector, recipient_name};

/// What a policy file says.
#[derive(Debug)]
pub struct Rules {
    rules: Option<Vec<Rule>>,
    teams: Teams,
    names: Names,
    unknown: Vec<UnknownField>,
}

/// One entry of `creation_rules`.
#[derive(Debug)]
pub struct Rule {
    number: usize,
    line: u64,
    path_regex: Option<GoRegex>,
    recipients: Result<Readers, RecipientsError>,
    policy: EncryptionPolicy,
}

/// A recipient as the policy file names it, blanks trimmed. Whether it is one is for age to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientText {
    /// Its line in the policy file, from 1; where several stand in one text, the rule's.
    pub line: u64,
    /// The text.
    pub text: String,
}

impl RecipientText {
    /// The recipient without what does not matter: an SSH key has a comment that anybody may change.
    #[must_use]
    pub fn name(&self) -> String {
        recipient_name(&self.text)
    }

    /// Whether both are one recipient.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.text == other.text || self.name() == other.name()
    }
}

/// A field that neither sops nor Lockstep reads, most often a typing error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Its line, from 1.
    pub line: u64,
    /// Its name.
    pub name: String,
}

/// What a policy file says about one path.
#[derive(Debug)]
pub enum Choice<'a> {
    /// The file has no `creation_rules`: it says nothing about any path.
    NoRules,
    /// It has rules, and none of them is for this path.
    NoMatch,
    /// The first rule that matches.
    Rule(&'a Rule),
}

impl Rules {
    /// Reads a policy file. Rules are checked whether or not a path falls under them, except for
    /// their recipients, which [`Rule::recipients`] gives.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        // Before anything else reads the text, or its message might repeat the key.
        if let Some((line, _)) = (1..)
            .zip(text.lines())
            .find(|(_, text)| holds_private_key(text))
        {
            return Err(RulesError::PrivateKey { line });
        }
        let file: Option<raw::File> = raw::read(text)?;
        let names: raw::KeyNames = raw::read(text)?;
        let (rules, lockstep) =
            file.map_or((None, None), |file| (file.creation_rules, file.lockstep));
        let rules = match rules {
            None => None,
            Some(rules) => {
                let rules = (1..).zip(rules);
                Some(
                    rules
                        .map(|(number, rule)| Rule::new(number, rule))
                        .collect::<Result<_, _>>()?,
                )
            }
        };
        Ok(Self {
            rules,
            teams: Teams::new(lockstep)?,
            names: Names::of(text),
            unknown: unknown_fields(names),
        })
    }

    /// Finds the rule for a path: the file's path below the policy file's folder, or its absolute
    /// path where it lies elsewhere.
    #[must_use]
    pub fn rule_for(&self, path: &str) -> Choice<'_> {
        let Some(rules) = &self.rules else {
            return Choice::NoRules;
        };
        rules
            .iter()
            .find(|rule| rule.matches(path))
            .map_or(Choice::NoMatch, Choice::Rule)
    }

    /// Lists all rules in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// What is said of teams.
    #[must_use]
    pub fn teams(&self) -> &Teams {
        &self.teams
    }

    /// What recipients are called.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Lists the fields that nobody reads.
    #[must_use]
    pub fn unknown_fields(&self) -> &[UnknownField] {
        &self.unknown
    }
}

impl Rule {
    fn new(number: usize, rule: serde_saphyr::Spanned<raw::Rule>) -> Result<Self, RulesError> {
        let line = rule.referenced.line();
        let rule = rule.value;
        let path_regex = rule
            .path_regex
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(GoRegex::new)
            .transpose()
            .map_err(|source| RulesError::PathRegex {
                line,
                number,
                source,
            })?;
        let mac_scope = match rule.mac_only_encrypted {
            Some(true) => MacScope::EncryptedOnly,
            Some(false) | None => MacScope::AllValues,
        };
        let policy = EncryptionPolicy {
            selector: selector(line, number, &rule)?,
            mac_scope,
        };
        let recipients = readers::of(line, &rule);
        Ok(Self {
            number,
            line,
            path_regex,
            recipients,
            policy,
        })
    }

    fn matches(&self, path: &str) -> bool {
        self.path_regex
            .as_ref()
            .is_none_or(|regex| regex.is_match(path))
    }

    /// Its position among the rules, from 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its line in the policy file, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The expression that paths are searched for; a rule without one is for every path.
    #[must_use]
    pub fn path_regex(&self) -> Option<&str> {
        self.path_regex.as_ref().map(GoRegex::as_str)
    }

    /// Whom files under this rule are encrypted for.
    ///
    /// # Errors
    /// [`RecipientsError`] if the rule names none, or names keys of other kinds.
    pub fn recipients(&self) -> Result<&[RecipientText], &RecipientsError> {
        self.recipients
            .as_ref()
            .map(|readers| readers.all.as_slice())
    }

    /// How the data key is split over those, if it is. A recipient may be in several groups.
    #[must_use]
    pub fn groups(&self) -> Option<&Groups> {
        self.recipients.as_ref().ok()?.groups.as_ref()
    }

    /// What is encrypted, and what the MAC covers.
    #[must_use]
    pub fn policy(&self) -> &EncryptionPolicy {
        &self.policy
    }
}

/// The one selector of a rule; an empty text counts as none, as in sops.
fn selector(line: u64, number: usize, rule: &raw::Rule) -> Result<Selector, RulesError> {
    let fields = [
        ("unencrypted_suffix", &rule.unencrypted_suffix),
        ("encrypted_suffix", &rule.encrypted_suffix),
        ("unencrypted_regex", &rule.unencrypted_regex),
        ("encrypted_regex", &rule.encrypted_regex),
        ("unencrypted_comment_regex", &rule.unencrypted_comment_regex),
        ("encrypted_comment_regex", &rule.encrypted_comment_regex),
    ];
    let mut set = fields.into_iter().filter_map(|(field, text)| {
        Some((field, text.as_deref().filter(|text| !text.is_empty())?))
    });
    let Some((field, text)) = set.next() else {
        return Ok(Selector::default());
    };
    if let Some((other, _)) = set.next() {
        return Err(RulesError::Selectors {
            line,
            number,
            fields: [field, other],
        });
    }
    Selector::from_field(field, text).map_err(|source| RulesError::Selector {
        line,
        number,
        source,
    })
}

const FILE_FIELDS: [&str; 3] = ["creation_rules", "destination_rules", "stores"];

const RULE_FIELDS: [&str; 18] = [
    "path_regex",
    "key_groups",
    "shamir_threshold",
    "age",
    "pgp",
    "kms",
    "aws_profile",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
    "mac_only_encrypted",
];

fn unknown_fields(names: raw::KeyNames) -> Vec<UnknownField> {
    // At the top people keep anchors under names of their own, so only what resembles a field of
    // sops is taken for one that went wrong.
    let at_top = names.names.into_iter().filter(|(_, name)| {
        let resembles = |field: &&str| name.starts_with(&field[..4]);
        !FILE_FIELDS.contains(&name.as_str()) && FILE_FIELDS.iter().any(resembles)
    });
    let in_rules = names.rules.into_iter().flat_map(|rule| rule.names);
    // `<<` merges another mapping in.
    let in_rules =
        in_rules.filter(|(_, name)| !RULE_FIELDS.contains(&name.as_str()) && name != "<<");
    at_top
        .chain(in_rules)
        .map(|(line, name)| UnknownField { line, name })
        .collect()
}

/// Whether a line holds what looks like a private key, of age in either case, or of SSH.
fn holds_private_key(line: &str) -> bool {
    line.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || line.contains("PRIVATE KEY-----")
}
