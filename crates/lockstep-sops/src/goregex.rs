//! Regular expressions as Go's RE2 reads them, because sops does.

use regex::bytes::Regex;

/// A regular expression with Go's meaning: ASCII classes, linear time.
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

/// Why Go, or this program, would not take an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(pub(crate) String);

impl GoRegex {
    /// Compiles `source`.
    ///
    /// # Errors
    /// [`RegexError`] when Go would refuse it.
    pub fn new(source: &str) -> Result<Self, RegexError> {
        let regex = Regex::new(source).map_err(|error| RegexError(error.to_string()))?;
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
