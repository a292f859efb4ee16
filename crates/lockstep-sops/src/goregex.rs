//! Regular expressions with Go's meaning, because sops is written in Go.
//!
//! The engine is Rust's, which runs in linear time too; the expression is translated first. Where
//! they differ: `\d \w \s \b` are ASCII in Go, `\Q…\E` and octal escapes exist, `[` inside a class is
//! a character, `a**` is an error. What Go refuses is refused here; sops would silently match
//! nothing, and encrypt nothing.

use regex::bytes::Regex;

mod translate;

/// A regular expression as Go's `regexp` package reads it, searched anywhere in a text.
#[derive(Clone, Debug)]
pub struct GoRegex {
    source: String,
    regex: Regex,
}

impl PartialEq for GoRegex {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for GoRegex {}

/// Why Go would not take an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// A rule of the syntax is broken.
    #[error("{0}")]
    Syntax(&'static str),
    /// The engine refuses it: unbalanced, unknown class, or too large.
    #[error("unbalanced, unknown or too large")]
    Engine,
}

impl GoRegex {
    /// Compiles `source`.
    ///
    /// # Errors
    /// [`RegexError`] when Go would refuse it.
    pub fn new(source: &str) -> Result<Self, RegexError> {
        let translated = translate::translate(source)?;
        let regex = Regex::new(&translated).map_err(|_| RegexError::Engine)?;
        Ok(Self {
            source: source.to_owned(),
            regex,
        })
    }

    /// The expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it matches anywhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        for (pattern, text, expected) in [
            (r"^\d$", "5", true),
            (r"^\d$", "٣", false),
            (r"^\D$", "٣", true),
            (r"^\w+$", "aZ_9", true),
            (r"^\w$", "ä", false),
            (r"^\W$", "ä", true),
            (r"^\s$", "\u{a0}", false),
            (r"^\s$", "\x0b", false),
            (r"\bword\b", "a word b", true),
            (r"\bä", "ä", false),
            (r"a\Bb", "ab", true),
            (r"^.$", "ä", true),
            (r"^[^a]$", "ä", true),
            (r"^[\d-]+$", "1-2", true),
            (r"^[\D]$", "ä", true),
            (r"^[[a]+$", "[a[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[+--]$", ",", true),
            (r"^[[:alpha:]]$", "a", true),
            (r"^[[:^alpha:]]$", "1", true),
            (r"^\pL$", "ä", true),
            (r"^\p{^L}$", "1", true),
            (r"^[\p{Greek}]$", "α", true),
            (r"(?i)^DATA$", "data", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b", "axb", false),
            (r"^\101$", "A", true),
            (r"^\x41\x{42}$", "AB", true),
            (r"^a{2}$", "aa", true),
            (r"^a{,2}$", "a{,2}", true),
            (r"^{$", "{", true),
            (r"^\<a\>$", "<a>", true),
            (r"^\_$", "_", true),
            (r"(?s)^.$", "\n", true),
            (r"^.$", "\n", false),
            (r"a$", "a\n", false),
            (r"data|stringData", "metadata", true),
            (r"^(data|stringData)$", "metadata", false),
            (r"^(?P<n>a)(?<m>b)(?:c)$", "abc", true),
            (r"a*?b", "b", true),
        ] {
            let regex = GoRegex::new(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert_eq!(regex.is_match(text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "a**",
            "a+*",
            "a{2}{3}",
            "a*??",
            "*a",
            "(",
            ")",
            "[a",
            "[b-a]",
            "a{1001}",
            r"\1",
            r"\E",
            r"\C",
            r"\ä",
            r"\y",
            r"\p{Nope}",
            "(?x)a",
            "(?u)a",
            "(?=a)",
            "(?<!a)",
            r"\x{110000}",
            r"\xg",
            "\\",
            "[[:nope:]]",
            r"[a-\d]",
            "a{2,1}",
            "(?Pa)",
            r"\Z",
        ] {
            assert!(GoRegex::new(pattern).is_err(), "{pattern}");
        }
    }
}
