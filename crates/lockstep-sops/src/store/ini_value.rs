//! Values of INI files: how they are quoted, and how that is kept.

use super::ini::{line_end, trimmed};
use std::ops::Range;
use zeroize::Zeroizing;

/// A value as it stands in a file.
pub(crate) struct Value {
    /// With its quotes.
    pub(crate) span: Range<usize>,
    pub(crate) content: Zeroizing<String>,
    /// What follows it on its line.
    pub(crate) comment: Option<Range<usize>>,
}

/// How a value is quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Plain,
    Double,
    Single,
    Back,
    /// `"""`
    Triple,
}

impl Quote {
    fn mark(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Double => "\"",
            Self::Single => "'",
            Self::Back => "`",
            Self::Triple => "\"\"\"",
        }
    }

    /// The quotes that a value as written has.
    fn of(written: &str) -> Self {
        if written.len() >= 6 && written.starts_with(Self::Triple.mark()) {
            return Self::Triple;
        }
        let surrounds = |quote: &Self| {
            let inner = written.strip_prefix(quote.mark());
            let inner = inner.and_then(|inner| inner.strip_suffix(quote.mark()));
            inner.is_some_and(|inner| *quote == Self::Back || !inner.contains(quote.mark()))
        };
        let found = [Self::Double, Self::Single, Self::Back]
            .into_iter()
            .find(surrounds);
        found.unwrap_or(Self::Plain)
    }

    /// Whether sops reads the value in these quotes as what it is.
    fn carries(self, value: &str) -> bool {
        let on_one_line = !value.contains('\n');
        match self {
            Self::Plain => {
                on_one_line
                    && value.trim() == value
                    && !value.contains(['#', ';'])
                    && !value.starts_with('`')
                    && !value.ends_with('\\')
                    && !value.starts_with(Self::Triple.mark())
                    && Self::of(value) == Self::Plain
            }
            Self::Double | Self::Single => {
                on_one_line && !value.contains(['#', ';']) && !value.contains(self.mark())
            }
            Self::Back => on_one_line || !value.contains('`'),
            Self::Triple => !value.contains(self.mark()),
        }
    }
}

/// Reads the value in `range`, the rest of a line behind the key; in quotes it may go on below.
pub(crate) fn read(text: &str, range: Range<usize>) -> Result<Value, &'static str> {
    let written = trimmed(text, range);
    let line = &text[written.clone()];
    let long_quote = [Quote::Triple, Quote::Back]
        .into_iter()
        .find(|quote| line.starts_with(quote.mark()));
    if let Some(quote) = long_quote {
        return quoted(text, written, quote.mark());
    }
    let (value, comment) = match line.find(['#', ';']) {
        Some(at) => {
            let comment = written.start + at..written.end;
            (trimmed(text, written.start..comment.start), Some(comment))
        }
        None => (written, None),
    };
    // The backslash counts behind a comment, too.
    if line.ends_with('\\') || text[value.clone()].ends_with('\\') {
        return Err("lines that go on behind a backslash are not supported");
    }
    let quote = Quote::of(&text[value.clone()]).mark().len();
    let content = text[value.start + quote..value.end - quote].to_owned();
    Ok(Value {
        span: value,
        content: Zeroizing::new(content),
        comment,
    })
}

fn quoted(text: &str, written: Range<usize>, mark: &str) -> Result<Value, &'static str> {
    let start = written.start + mark.len();
    let mut line = start..written.end;
    let close = loop {
        if let Some(at) = text[line.clone()].rfind(mark) {
            break line.start + at;
        }
        let next = line_end(text, line.start) + 1;
        if next >= text.len() {
            return Err("a value in quotes does not end");
        }
        line = next..line_end(text, next);
    };
    let end = close + mark.len();
    if !text[end..line_end(text, end)].trim().is_empty() {
        return Err("something follows the closing quote");
    }
    Ok(Value {
        span: written.start..end,
        content: Zeroizing::new(text[start..close].to_owned()),
        comment: None,
    })
}

/// Ciphertext in the quotes of what stood there.
pub(crate) fn ciphertext(written: &str, sealed: &str) -> String {
    let mark = Quote::of(written).mark();
    format!("{mark}{sealed}{mark}")
}

/// A value in the quotes of what stands there, or in those that sops would give it.
pub(crate) fn spelled(written: &str, value: &str) -> Zeroizing<String> {
    let own = Quote::of(written);
    let quote = if own.carries(value) {
        own
    } else {
        fitting(value)
    };
    Zeroizing::new(format!("{0}{value}{0}", quote.mark()))
}

fn fitting(value: &str) -> Quote {
    if Quote::Plain.carries(value) {
        Quote::Plain
    } else if value.contains(['\n', '`']) {
        Quote::Triple
    } else if Quote::Double.carries(value) {
        Quote::Double
    } else {
        Quote::Back
    }
}
