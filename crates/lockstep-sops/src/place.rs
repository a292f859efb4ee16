//! Where in a file something stands: what every message about a value says instead of the value.

use std::fmt;

/// A value's place: line, key path, and the document when the file has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The YAML document within the file, counted from 1.
    pub document: usize,
    /// The line, counted from 1.
    pub line: usize,
    /// The keys and list positions that lead there.
    pub path: KeyPath,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.path.0.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        if self.document > 1 {
            write!(f, " (document {})", self.document)?;
        }
        Ok(())
    }
}

/// Keys and list positions from the top of a document: `stringData.password`,
/// `data["tls.crt"]`, `users[0].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPath(pub Vec<Step>);

/// One step of a [`KeyPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into the value of a mapping key.
    Key(String),
    /// Into a list element, counted from 0.
    Index(usize),
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_word(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{key}")?;
                }
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_/<".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_a_message() {
        let path = KeyPath(vec![
            Step::Key("data".into()),
            Step::Key("tls.crt".into()),
            Step::Index(2),
            Step::Key("a b\n".into()),
        ]);
        let place = Place {
            document: 1,
            line: 7,
            path,
        };
        assert_eq!(place.to_string(), r#"line 7, data["tls.crt"][2]["a b\n"]"#);
        let root = Place {
            document: 3,
            line: 9,
            path: KeyPath::default(),
        };
        assert_eq!(root.to_string(), "line 9 (document 3)");
    }
}
