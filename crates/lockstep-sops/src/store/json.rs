//! JSON: exactly what Go's `encoding/json` takes, with spans.
//!
//! Stricter than sops, which keeps both of two equal keys, reads what a truncated file still has,
//! ignores what follows the object, and replaces half a surrogate pair: those are refused here.

use lockstep_yaml::{
    Assembly, CollectionStyle, Document, Node, NodeId, NodeKind, Scalar, ScalarStyle, Stream,
    YamlError, YamlErrorKind,
};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Objects and arrays nest at most this deep, as in YAML.
const MAX_DEPTH: usize = 128;

/// Reads one JSON value and nothing behind it.
pub(crate) fn read(text: &str) -> Result<Stream, YamlError> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
        line_start: 0,
        depth: 0,
        assembly: Assembly::new(),
    };
    reader.blanks();
    let line = reader.line;
    let root = reader.value()?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.wrong("something follows the end of the object"));
    }
    Ok(reader.assembly.finish(Document {
        line,
        span: 0..text.len(),
        root,
    }))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    line_start: usize,
    depth: usize,
    assembly: Assembly,
}

impl Reader<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, kind: YamlErrorKind) -> YamlError {
        YamlError {
            line: self.line,
            column: self.text[self.line_start..self.at].chars().count() + 1,
            kind,
        }
    }

    fn wrong(&self, rule: &str) -> YamlError {
        self.error(YamlErrorKind::Syntax(rule.to_owned()))
    }

    fn blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.next() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = self.at;
            }
        }
    }

    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<NodeId, YamlError> {
        match self.next() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't' | b'f' | b'n') => self.word(),
            None => Err(self.wrong("the file ends too early")),
            Some(_) => Err(self.wrong("a value is missing here")),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<NodeKind, YamlError>,
    ) -> Result<NodeId, YamlError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(YamlErrorKind::TooDeep(MAX_DEPTH)));
        }
        let (start, line, column) = (self.at, self.line, self.at - self.line_start);
        self.depth += 1;
        self.at += 1;
        let kind = read(self)?;
        self.depth -= 1;
        self.add(kind, start, line, column)
    }

    fn add(
        &mut self,
        kind: NodeKind,
        start: usize,
        line: usize,
        column: usize,
    ) -> Result<NodeId, YamlError> {
        let node = Node {
            line,
            column,
            span: start..self.at,
            start,
            anchor: None,
            tag: None,
            block_indent: 0,
            in_flow: true,
            kind,
        };
        self.assembly.add(node).map_err(|kind| self.error(kind))
    }

    fn object(&mut self) -> Result<NodeKind, YamlError> {
        let mut entries = Vec::new();
        let mut seen = HashMap::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(NodeKind::Mapping(CollectionStyle::Flow, entries));
        }
        loop {
            self.blanks();
            if self.next() != Some(b'"') {
                return Err(self.wrong("a key in double quotes is missing here"));
            }
            let (start, line) = (self.at, self.line);
            let column = start - self.line_start;
            let text = self.quoted()?;
            if let Some(first) = seen.insert(text.to_string(), line) {
                self.at = start;
                let key = text.to_string();
                return Err(self.error(YamlErrorKind::DuplicateKey { key, first }));
            }
            let key = self.add(string(text), start, line, column)?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.wrong("a colon is missing here"));
            }
            self.blanks();
            let value = self.value()?;
            entries.push((key, value));
            self.blanks();
            if self.take(b'}') {
                return Ok(NodeKind::Mapping(CollectionStyle::Flow, entries));
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or a closing brace is missing here"));
            }
        }
    }

    fn array(&mut self) -> Result<NodeKind, YamlError> {
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(NodeKind::Sequence(CollectionStyle::Flow, items));
        }
        loop {
            self.blanks();
            items.push(self.value()?);
            self.blanks();
            if self.take(b']') {
                return Ok(NodeKind::Sequence(CollectionStyle::Flow, items));
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or a closing bracket is missing here"));
            }
        }
    }

    fn string(&mut self) -> Result<NodeId, YamlError> {
        let (start, line, column) = (self.at, self.line, self.at - self.line_start);
        let text = self.quoted()?;
        self.add(string(text), start, line, column)
    }

    /// Reads a string, which starts here.
    fn quoted(&mut self) -> Result<Zeroizing<String>, YamlError> {
        self.at += 1;
        let rest = &self.text.as_bytes()[self.at..];
        // As long as what is written at most: a buffer that grows leaves copies behind.
        let length = closing_quote(rest).ok_or_else(|| self.wrong("a string does not end"))?;
        let mut out = Zeroizing::new(String::with_capacity(length));
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .bytes()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
                .count();
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.wrong("a control character in a string must be escaped")),
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn escape(&mut self) -> Result<char, YamlError> {
        let escaped = self.text.as_bytes().get(self.at + 1).copied();
        let c = match escaped {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err(self.wrong("this is no escape of JSON")),
        };
        self.at += 2;
        Ok(c)
    }

    fn code_point(&mut self) -> Result<char, YamlError> {
        let half = |at: usize| -> Option<u32> {
            let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u32::from_str_radix(digits, 16).ok().filter(|_| hex)
        };
        let Some(first) = half(self.at) else {
            return Err(self.wrong("\\u takes four hexadecimal digits"));
        };
        let (code, length) = match (first, half(self.at + 6)) {
            (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
                (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
            }
            _ => (first, 6),
        };
        let c = char::from_u32(code)
            .ok_or_else(|| self.wrong("half a surrogate pair is no character"))?;
        self.at += length;
        Ok(c)
    }

    fn number(&mut self) -> Result<NodeId, YamlError> {
        let rest = &self.text[self.at..];
        let length = number_length(rest.as_bytes());
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}');
        let Some(length) = length.filter(|end| rest.as_bytes().get(*end).is_none_or(ends)) else {
            return Err(self.wrong("this is no number of JSON"));
        };
        let mut number = Zeroizing::new(rest[..length].to_owned());
        if number.parse::<i64>().is_err() {
            if !number.parse().is_ok_and(f64::is_finite) {
                return Err(self.wrong("the number does not fit into 64 bits"));
            }
            // SOPS types what is too large for an integer as a float; so must be read what stands here.
            if !number.contains(['.', 'e', 'E']) {
                number.push_str(".0");
            }
        }
        self.plain(length, number)
    }

    fn word(&mut self) -> Result<NodeId, YamlError> {
        let rest = &self.text[self.at..];
        let words = ["true", "false", "null"];
        let Some(word) = words.into_iter().find(|word| {
            let behind = rest.strip_prefix(word).map(str::as_bytes);
            behind.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
        }) else {
            return Err(self.wrong("a value is missing here"));
        };
        self.plain(word.len(), Zeroizing::new(word.to_owned()))
    }

    fn plain(&mut self, length: usize, text: Zeroizing<String>) -> Result<NodeId, YamlError> {
        let (start, column) = (self.at, self.at - self.line_start);
        self.at += length;
        let scalar = Scalar {
            style: ScalarStyle::Plain,
            text,
            block: None,
        };
        self.add(NodeKind::Scalar(scalar), start, self.line, column)
    }
}

fn string(text: Zeroizing<String>) -> NodeKind {
    NodeKind::Scalar(Scalar {
        style: ScalarStyle::DoubleQuoted,
        text,
        block: None,
    })
}

/// How far the quote is that ends a string, escapes counted as they are written.
fn closing_quote(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The length of a number: `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at += match (bytes.get(at), digits(at)) {
        (_, 0) => return None,
        (Some(b'0'), _) => 1,
        (_, length) => length,
    };
    if bytes.get(at) == Some(&b'.') {
        at += 1 + Some(digits(at + 1)).filter(|length| *length > 0)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
        at += Some(digits(at)).filter(|length| *length > 0)?;
    }
    Some(at)
}
