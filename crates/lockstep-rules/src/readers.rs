//! Whom the files of a rule are for: recipients, in key groups or not.

use crate::error::RecipientsError;
use crate::raw;
use crate::rules::RecipientText;

/// Whom the files of a rule are for.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    pub(crate) all: Vec<RecipientText>,
    /// Where the data key is split.
    pub(crate) groups: Option<Groups>,
}

/// Key groups over which the data key is split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The recipients of each group, at least two groups; none is empty.
    pub groups: Vec<Vec<RecipientText>>,
    /// Of how many of them a key each is needed.
    pub threshold: usize,
}

/// The recipients of a rule: its key groups if it has any, else its flat fields, as in sops.
pub(crate) fn of(line: u64, rule: &raw::Rule) -> Result<Readers, RecipientsError> {
    let groups = rule.key_groups.as_deref().unwrap_or_default();
    let [_, _, ..] = groups else {
        let mut all = Vec::new();
        if let [group] = groups {
            add_group(line, group, &mut all)?;
        } else {
            add_flat(line, rule, &mut all)?;
        }
        let all = not_empty(line, all)?;
        return Ok(Readers { all, groups: None });
    };
    let count = groups.len();
    if count > 255 {
        let groups = count;
        return Err(RecipientsError::TooManyGroups { line, groups });
    }
    // Without a word on it, all groups are needed.
    let threshold = rule
        .shamir_threshold
        .filter(|threshold| *threshold != 0)
        .unwrap_or(count);
    if !(2..=count).contains(&threshold) {
        let groups = count;
        return Err(RecipientsError::Threshold {
            line,
            threshold,
            groups,
        });
    }
    let mut readers = Readers::default();
    let mut read = Vec::new();
    for group in groups {
        let mut found = Vec::new();
        add_group(line, group, &mut found)?;
        let found = not_empty(line, found)?;
        for one in &found {
            if !readers.all.iter().any(|known| known.is(one)) {
                readers.all.push(one.clone());
            }
        }
        read.push(found);
    }
    readers.groups = Some(Groups {
        groups: read,
        threshold,
    });
    Ok(readers)
}

fn add_flat(
    line: u64,
    rule: &raw::Rule,
    found: &mut Vec<RecipientText>,
) -> Result<(), RecipientsError> {
    let others = [
        ("pgp", &rule.pgp),
        ("kms", &rule.kms),
        ("gcp_kms", &rule.gcp_kms),
        ("hckms", &rule.hckms),
        ("azure_keyvault", &rule.azure_keyvault),
        ("hc_vault_transit_uri", &rule.hc_vault_transit_uri),
    ];
    refuse_others(line, others)?;
    add_texts(line, rule.age.as_ref(), found);
    Ok(())
}

fn add_group(
    line: u64,
    group: &raw::Group,
    found: &mut Vec<RecipientText>,
) -> Result<(), RecipientsError> {
    for merged in group.merge.as_deref().unwrap_or_default() {
        add_group(line, merged, found)?;
    }
    let others = [
        ("pgp", &group.pgp),
        ("kms", &group.kms),
        ("gcp_kms", &group.gcp_kms),
        ("hckms", &group.hckms),
        ("azure_keyvault", &group.azure_keyvault),
        ("hc_vault", &group.hc_vault),
    ];
    refuse_others(line, others)?;
    add_texts(line, group.age.as_ref(), found);
    Ok(())
}

fn refuse_others(
    line: u64,
    fields: [(&'static str, &Option<raw::Presence>); 6],
) -> Result<(), RecipientsError> {
    let kinds: Vec<_> = fields
        .into_iter()
        .filter(|(_, field)| field.as_ref().is_some_and(|field| field.0))
        .map(|(name, _)| name)
        .collect();
    if kinds.is_empty() {
        Ok(())
    } else {
        Err(RecipientsError::OtherKinds { line, kinds })
    }
}

/// Adds comma-separated recipients, leaving out those that are already there.
pub(crate) fn add_texts(
    rule_line: u64,
    texts: Option<&raw::Texts>,
    found: &mut Vec<RecipientText>,
) {
    for (line, text) in texts.map(|texts| texts.0.as_slice()).unwrap_or_default() {
        let line = if *line == 0 { rule_line } else { *line };
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let recipient = RecipientText {
                line,
                text: part.to_owned(),
            };
            if !found.iter().any(|known| known.is(&recipient)) {
                found.push(recipient);
            }
        }
    }
}

fn not_empty(line: u64, found: Vec<RecipientText>) -> Result<Vec<RecipientText>, RecipientsError> {
    if found.is_empty() {
        Err(RecipientsError::Nobody { line })
    } else {
        Ok(found)
    }
}
