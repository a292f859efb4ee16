//! JSON that borrows from the opened document, and its canonical text.

use lockstep_secret::SecretBytes;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A value, the line it came from, and how it stood there.
pub(crate) struct Node<'a> {
    pub(crate) line: usize,
    pub(crate) origin: Origin,
    pub(crate) json: Json<'a>,
}

/// How a value stood in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In clear; so does everything that holds other values.
    Clear,
    /// Encrypted.
    Encrypted,
}

/// The members of a JSON object, sorted.
pub(crate) type Members<'a> = BTreeMap<String, Node<'a>>;

pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Zeroizing<String>),
    Text(Text<'a>),
    List(Vec<Node<'a>>),
    Object(Members<'a>),
}

/// A string, borrowed where it stands already.
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Owned(Zeroizing<String>),
}

impl Text<'_> {
    pub(crate) fn expose(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Owned(text) => text,
        }
    }
}

impl<'a> Json<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    pub(crate) fn owned(text: String) -> Self {
        Self::Text(Text::Owned(Zeroizing::new(text)))
    }

    /// What the value is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "a mapping",
        }
    }

    /// Writes the canonical text: members sorted, no blanks. The length is counted first, so that the
    /// text is never moved while it grows.
    pub(crate) fn to_bytes(&self) -> SecretBytes {
        let mut length = 0;
        self.write(&mut |part| length += part.len());
        let mut bytes = Vec::with_capacity(length);
        self.write(&mut |part| bytes.extend_from_slice(part));
        SecretBytes::new(bytes)
    }

    fn write(&self, out: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Null => out(b"null"),
            Self::Bool(true) => out(b"true"),
            Self::Bool(false) => out(b"false"),
            Self::Number(number) => out(number.as_bytes()),
            Self::Text(text) => write_text(text.expose(), out),
            Self::List(list) => {
                for (position, node) in list.iter().enumerate() {
                    out(if position == 0 { b"[" } else { b"," });
                    node.json.write(out);
                }
                out(if list.is_empty() { b"[]" } else { b"]" });
            }
            Self::Object(members) => {
                for (position, (key, node)) in members.iter().enumerate() {
                    out(if position == 0 { b"{" } else { b"," });
                    write_text(key, out);
                    out(b":");
                    node.json.write(out);
                }
                out(if members.is_empty() { b"{}" } else { b"}" });
            }
        }
    }
}

fn write_text(text: &str, out: &mut dyn FnMut(&[u8])) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out(b"\"");
    let bytes = text.as_bytes();
    let mut written = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => {
                let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
                &[b'\\', b'u', b'0', b'0', high, low]
            }
            _ => continue,
        };
        out(&bytes[written..position]);
        out(escaped);
        written = position + 1;
    }
    out(&bytes[written..]);
    out(b"\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_a_json_reader_reads_back() {
        let odd: String = (0u8..=127)
            .map(char::from)
            .chain("grüße\u{2028}🔑".chars())
            .collect();
        let node = |json| Node {
            line: 1,
            origin: Origin::Clear,
            json,
        };
        let json = Json::Object(BTreeMap::from([
            ("b\"\\\n".to_owned(), node(Json::owned(odd.clone()))),
            (
                "a".to_owned(),
                node(Json::List(vec![node(Json::Null), node(Json::Bool(true))])),
            ),
            (
                "c".to_owned(),
                node(Json::Number(Zeroizing::new("1.5".into()))),
            ),
            ("d".to_owned(), node(Json::List(Vec::new()))),
            ("e".to_owned(), node(Json::Object(BTreeMap::new()))),
        ]));
        let bytes = json.to_bytes();
        let read: serde_json::Value = serde_json::from_slice(bytes.expose()).unwrap();
        let expected = serde_json::json!(
            {"a": [null, true], "b\"\\\n": odd, "c": 1.5, "d": [], "e": {}}
        );
        assert_eq!(read, expected);
        assert!(bytes.expose().starts_with(b"{\"a\":[null,true],\"b"));
    }
}
