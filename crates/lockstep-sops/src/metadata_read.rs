//! Reads the `sops` block, as leniently as sops does: field names in any case, unknown fields
//! ignored, null for absent, numbers and bools for text.

mod sealed_keys;

use crate::error::MetadataError;
use crate::metadata::{AgeEntry, Metadata, OtherKeys};
use crate::seal::FIELD as SEAL_FIELD;
use crate::selector::{MacScope, Selector};
use crate::timestamp::Timestamp;
use lockstep_yaml::{Node, NodeId, NodeKind, ScalarStyle, Stream};
use std::collections::HashSet;

/// Key kinds that are counted, and not opened.
const OTHER_KINDS: [&str; 6] = ["pgp", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault"];

/// Reads the mapping at `id`; `line` is that of the `sops` key.
pub(crate) fn read(stream: &Stream, id: NodeId, line: usize) -> Result<Metadata, MetadataError> {
    let block = Block {
        stream,
        id,
        line,
        name: "sops".to_owned(),
    };
    block.check_names()?;
    let flat = block.keys()?;
    let (keys, groups) = if flat.is_empty() {
        block.groups()?
    } else {
        let entries = flat.age.len();
        (flat, vec![entries])
    };
    if keys.is_empty() {
        return Err(MetadataError::NoKeys { line });
    }
    let Some((modified, modified_line)) = block.text("lastmodified")? else {
        return Err(MetadataError::Missing {
            line,
            field: "sops.lastmodified",
        });
    };
    let last_modified = Timestamp::parse_rfc3339(&modified).ok_or(MetadataError::Field {
        line: modified_line,
        field: "sops.lastmodified".to_owned(),
        expected: "a time in RFC 3339",
    })?;
    let Some((version, _)) = block.text("version")? else {
        return Err(MetadataError::Missing {
            line,
            field: "sops.version",
        });
    };
    Ok(Metadata {
        age: keys.age,
        others: keys.others,
        groups,
        threshold: block.threshold()?,
        selector: block.selector()?,
        mac_scope: block.mac_scope()?,
        last_modified: last_modified.to_seconds().to_string(),
        mac: block.text("mac")?.map(|(mac, _)| mac).unwrap_or_default(),
        version,
        seal: block.text(SEAL_FIELD)?.map(|(seal, _)| seal),
        keys: sealed_keys::of(&block)?,
    })
}

#[derive(Default)]
struct Keys {
    age: Vec<AgeEntry>,
    others: Vec<OtherKeys>,
}

impl Keys {
    fn is_empty(&self) -> bool {
        self.age.is_empty() && self.others.is_empty()
    }

    fn add(&mut self, more: Self) {
        self.age.extend(more.age);
        for other in more.others {
            match self
                .others
                .iter_mut()
                .find(|known| known.kind == other.kind)
            {
                Some(known) => known.count += other.count,
                None => self.others.push(other),
            }
        }
    }
}

/// A mapping of the metadata, with its name for messages.
struct Block<'a> {
    stream: &'a Stream,
    id: NodeId,
    line: usize,
    name: String,
}

impl<'a> Block<'a> {
    fn keys(&self) -> Result<Keys, MetadataError> {
        let mut keys = Keys::default();
        for entry in self.list("age")? {
            let field = |name| {
                let found = entry.text(name)?;
                found.ok_or_else(|| entry.wrong(name, "there"))
            };
            keys.age.push(AgeEntry {
                recipient: field("recipient")?.0,
                enc: field("enc")?.0,
            });
        }
        for kind in OTHER_KINDS {
            let count = self.list(kind)?.len();
            if count > 0 {
                keys.others.push(OtherKeys {
                    kind: kind.to_owned(),
                    count,
                });
            }
        }
        Ok(keys)
    }

    /// The keys of all groups, and how many age entries each has.
    fn groups(&self) -> Result<(Keys, Vec<usize>), MetadataError> {
        let mut keys = Keys::default();
        let mut lengths = Vec::new();
        for group in &self.list("key_groups")? {
            let group = group.keys()?;
            lengths.push(group.age.len());
            keys.add(group);
        }
        Ok((keys, lengths))
    }

    /// 0 if it is not said.
    fn threshold(&self) -> Result<usize, MetadataError> {
        const NAME: &str = "shamir_threshold";
        match self.text(NAME)? {
            None => Ok(0),
            Some((text, _)) if text.is_empty() => Ok(0),
            Some((text, _)) => text
                .parse()
                .map_err(|_| self.wrong(NAME, "a number of groups")),
        }
    }

    fn selector(&self) -> Result<Selector, MetadataError> {
        let mut selector = None;
        for field in Selector::FIELDS {
            let Some((text, line)) = self.text(field)?.filter(|(text, _)| !text.is_empty()) else {
                continue;
            };
            if selector.is_some() {
                return Err(MetadataError::Selectors { line });
            }
            let read = Selector::from_field(field, &text);
            selector = Some(read.map_err(|source| MetadataError::Selector { line, source })?);
        }
        Ok(selector.unwrap_or_default())
    }

    fn mac_scope(&self) -> Result<MacScope, MetadataError> {
        let text = self.text("mac_only_encrypted")?.map(|(text, _)| text);
        match text.as_deref() {
            None | Some("" | "0" | "f" | "F" | "false" | "False" | "FALSE") => {
                Ok(MacScope::AllValues)
            }
            Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(MacScope::EncryptedOnly),
            Some(_) => Err(self.wrong("mac_only_encrypted", "true or false")),
        }
    }

    /// Refuses a field that is there in two spellings: nobody could say which one counts.
    fn check_names(&self) -> Result<(), MetadataError> {
        let NodeKind::Mapping(_, entries) = &self.stream.node(self.id).kind else {
            return Ok(());
        };
        let mut seen = HashSet::new();
        for (key, _) in entries {
            let key = self.stream.node(*key);
            if let NodeKind::Scalar(name) = &key.kind
                && !seen.insert(name.text.to_ascii_lowercase())
            {
                let (line, block) = (key.line, self.name.clone());
                return Err(MetadataError::Twice { line, block });
            }
        }
        Ok(())
    }

    /// The value of a field, if it is there and not null.
    fn field(&self, name: &str) -> Option<&'a Node> {
        self.field_id(name).map(|id| self.stream.node(id))
    }

    fn field_id(&self, name: &str) -> Option<NodeId> {
        let NodeKind::Mapping(_, entries) = &self.stream.node(self.id).kind else {
            return None;
        };
        let value = entries.iter().find_map(|(key, value)| {
            let NodeKind::Scalar(key) = &self.stream.node(*key).kind else {
                return None;
            };
            key.text.eq_ignore_ascii_case(name).then_some(*value)
        })?;
        let id = self.resolve(value);
        (!self.is_null(id)).then_some(id)
    }

    fn is_null(&self, id: NodeId) -> bool {
        matches!(&self.stream.node(id).kind, NodeKind::Scalar(scalar)
            if scalar.style == ScalarStyle::Plain
                && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    fn resolve(&self, id: NodeId) -> NodeId {
        match self.stream.node(id).kind {
            NodeKind::Alias(target) => target,
            _ => id,
        }
    }

    /// A text field and its line.
    fn text(&self, name: &str) -> Result<Option<(String, usize)>, MetadataError> {
        let Some(node) = self.field(name) else {
            return Ok(None);
        };
        let NodeKind::Scalar(scalar) = &node.kind else {
            return Err(self.wrong(name, "a text"));
        };
        Ok(Some((scalar.text.to_string(), node.line)))
    }

    /// The mappings of a list field; none if it is absent.
    fn list(&self, name: &str) -> Result<Vec<Self>, MetadataError> {
        let Some(node) = self.field(name) else {
            return Ok(Vec::new());
        };
        let NodeKind::Sequence(_, items) = &node.kind else {
            return Err(self.wrong(name, "a list"));
        };
        let mut blocks = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let id = self.resolve(*item);
            let node = self.stream.node(id);
            let name = format!("{}.{name}[{index}]", self.name);
            if !matches!(node.kind, NodeKind::Mapping(..)) {
                let (line, expected) = (node.line, "a mapping");
                return Err(MetadataError::Field {
                    line,
                    field: name,
                    expected,
                });
            }
            let block = Self {
                stream: self.stream,
                id,
                line: node.line,
                name,
            };
            block.check_names()?;
            blocks.push(block);
        }
        Ok(blocks)
    }

    fn wrong(&self, name: &str, expected: &'static str) -> MetadataError {
        let line = self.field(name).map_or(self.line, |node| node.line);
        MetadataError::Field {
            line,
            field: format!("{}.{name}", self.name),
            expected,
        }
    }
}
