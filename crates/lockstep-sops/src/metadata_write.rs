//! Writes the `sops` block as sops 3.13 does: keys sorted, four columns per level, times quoted.
//! In a document written in braces it is one more entry of the braces.

use crate::metadata::AgeEntry;
use crate::resolve;
use crate::selector::{EncryptionPolicy, MacScope};
use lockstep_yaml::write::{self, Context, Digit};

/// The release whose format is written; sops refuses files without a version.
pub(crate) const FORMAT_VERSION: &str = "3.13.3";

/// What goes into the block.
pub(crate) struct Block<'a> {
    pub(crate) age: &'a [AgeEntry],
    pub(crate) policy: &'a EncryptionPolicy,
    pub(crate) last_modified: &'a str,
    pub(crate) mac: &'a str,
}

impl Block<'_> {
    /// The block as lines below `column`, the column of the document's keys.
    pub(crate) fn to_lines(&self, column: usize, line_break: &str) -> String {
        let mut out = Lines {
            text: String::new(),
            column,
            line_break,
        };
        out.line(0, "sops:");
        out.line(4, "age:");
        for entry in self.age {
            let enc = write::literal(&entry.enc, column + 12, 2, Digit::IfNeeded, line_break)
                .filter(|_| entry.enc.contains('\n'));
            match enc {
                Some(block) => {
                    out.line(8, &format!("- enc: {}", block.header));
                    out.text.push_str(&block.content);
                }
                None => out.line(8, &format!("- enc: {}", *write::double_quoted(&entry.enc))),
            }
            out.line(10, &format!("recipient: {}", scalar(&entry.recipient)));
        }
        for (name, value) in self.fields() {
            out.line(4, &format!("{name}: {value}"));
        }
        out.text
    }

    /// The block as an entry in braces.
    pub(crate) fn to_flow(&self) -> String {
        let quoted = |text: &str| write::double_quoted(text).to_string();
        let age: Vec<String> = self
            .age
            .iter()
            .map(|entry| {
                let (enc, recipient) = (quoted(&entry.enc), quoted(&entry.recipient));
                format!("{{\"enc\": {enc}, \"recipient\": {recipient}}}")
            })
            .collect();
        let mut out = format!("\"sops\": {{\"age\": [{}]", age.join(", "));
        for (name, value) in self.plain_fields() {
            let value = if name == "mac_only_encrypted" {
                value
            } else {
                quoted(&value)
            };
            out.push_str(&format!(", \"{name}\": {value}"));
        }
        out.push('}');
        out
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let spell = |(name, value): (&'static str, String)| match name {
            "lastmodified" => (name, write::double_quoted(&value).to_string()),
            "mac_only_encrypted" | "version" => (name, value),
            _ => (name, scalar(&value)),
        };
        self.plain_fields().into_iter().map(spell).collect()
    }

    /// The fields behind the keys, sorted by name.
    fn plain_fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            (
                self.policy.selector.field(),
                self.policy.selector.text().to_owned(),
            ),
            ("lastmodified", self.last_modified.to_owned()),
            ("mac", self.mac.to_owned()),
            ("version", FORMAT_VERSION.to_owned()),
        ];
        if self.policy.mac_scope == MacScope::EncryptedOnly {
            fields.push(("mac_only_encrypted", "true".to_owned()));
        }
        fields.sort_unstable();
        fields
    }
}

struct Lines<'a> {
    text: String,
    column: usize,
    line_break: &'a str,
}

impl Lines<'_> {
    fn line(&mut self, indent: usize, text: &str) {
        self.text
            .extend(std::iter::repeat_n(' ', self.column + indent));
        self.text.push_str(text);
        self.text.push_str(self.line_break);
    }
}

/// A string in the style that go-yaml would choose for it.
fn scalar(text: &str) -> String {
    if write::plain_fits(text, Context::Block) && resolve::is_safe_plain(text) {
        return text.to_owned();
    }
    let single = resolve::is_safe_plain(text)
        .then(|| write::single_quoted(text))
        .flatten();
    single
        .unwrap_or_else(|| write::double_quoted(text))
        .to_string()
}
