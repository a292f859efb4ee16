//! `.sops.yaml` as it is written, before anything is decided about it.
//!
//! Fields are read as go-yaml would fill sops's own structures; fields that nobody reads are listed
//! apart, because a typing error in a field name silently drops what it was to say.

use crate::error::RulesError;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;

/// Reads a policy file as `T`. Its size is the caller's to limit; aliases that unfold to too much
/// are refused.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, RulesError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            // The default of 32 is less than what people write to explain their rules.
            max_buffered_comment_events: 100_000,
            // Few people in many rules are no attack; what aliases unfold to is limited all the same.
            enforce_alias_anchor_ratio: false,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(RulesError::syntax)
}

/// The whole file.
#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) creation_rules: Option<Vec<Spanned<Rule>>>,
    pub(crate) lockstep: Option<Lockstep>,
}

/// What SOPS has no words for. A typing error here would drop a guard without a word, so that unknown
/// fields are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lockstep {
    pub(crate) teams: Option<BTreeMap<String, Spanned<Team>>>,
    pub(crate) former: Option<Texts>,
}

/// One entry of `teams`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Team {
    pub(crate) paths: Texts,
    pub(crate) namespaces: Option<Texts>,
    pub(crate) recipients: Option<Texts>,
    pub(crate) former: Option<Texts>,
}

/// One entry of `creation_rules`.
#[derive(Deserialize)]
pub(crate) struct Rule {
    pub(crate) path_regex: Option<String>,
    pub(crate) key_groups: Option<Vec<Group>>,
    pub(crate) shamir_threshold: Option<usize>,
    pub(crate) age: Option<Texts>,
    pub(crate) pgp: Option<Presence>,
    pub(crate) kms: Option<Presence>,
    pub(crate) gcp_kms: Option<Presence>,
    pub(crate) hckms: Option<Presence>,
    pub(crate) azure_keyvault: Option<Presence>,
    pub(crate) hc_vault_transit_uri: Option<Presence>,
    pub(crate) unencrypted_suffix: Option<String>,
    pub(crate) encrypted_suffix: Option<String>,
    pub(crate) unencrypted_regex: Option<String>,
    pub(crate) encrypted_regex: Option<String>,
    pub(crate) unencrypted_comment_regex: Option<String>,
    pub(crate) encrypted_comment_regex: Option<String>,
    pub(crate) mac_only_encrypted: Option<bool>,
}

/// One key group of a rule.
#[derive(Deserialize)]
pub(crate) struct Group {
    pub(crate) merge: Option<Vec<Self>>,
    pub(crate) age: Option<Texts>,
    pub(crate) pgp: Option<Presence>,
    pub(crate) kms: Option<Presence>,
    pub(crate) gcp_kms: Option<Presence>,
    pub(crate) hckms: Option<Presence>,
    pub(crate) azure_keyvault: Option<Presence>,
    pub(crate) hc_vault: Option<Presence>,
}

/// A text or a list of texts, each with its line.
pub(crate) struct Texts(pub(crate) Vec<(u64, String)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Texts, E> {
                Ok(Texts(Vec::new()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
                // The line is filled in by whoever knows where the rule stands.
                Ok(Texts(vec![(0, text.to_owned())]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(item) = items.next_element::<Spanned<String>>()? {
                    texts.push((item.referenced.line(), item.value));
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Collect)
    }
}

/// Whether a field says anything: its content is not looked at.
pub(crate) struct Presence(pub(crate) bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Presence;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Presence, E> {
                Ok(Presence(false))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Presence, E> {
                Ok(Presence(
                    text.split(',').any(|part| !part.trim().is_empty()),
                ))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Presence, A::Error> {
                let mut found = false;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    found = true;
                }
                Ok(Presence(found))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// The names of a mapping's keys, each with its line.
pub(crate) struct KeyNames {
    pub(crate) names: Vec<(u64, String)>,
    /// The same for each entry of `creation_rules`.
    pub(crate) rules: Vec<Self>,
}

impl<'de> Deserialize<'de> for KeyNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = KeyNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_unit<E: de::Error>(self) -> Result<KeyNames, E> {
                Ok(KeyNames {
                    names: Vec::new(),
                    rules: Vec::new(),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeyNames, A::Error> {
                let mut found = KeyNames {
                    names: Vec::new(),
                    rules: Vec::new(),
                };
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    if key.value == "creation_rules" {
                        found.rules = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    found.names.push((key.referenced.line(), key.value));
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Collect)
    }
}
