//! Spells scalars: each function either writes text that reads back as the same string in YAML 1.1
//! and 1.2 parsers alike, or says that the style cannot.
//!
//! Whether a plain text would read as a number is not its business: that depends on the reader.

use zeroize::Zeroizing;

/// Where a scalar is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// By indentation.
    Block,
    /// Inside brackets or braces, where commas and brackets end a plain scalar.
    Flow,
}

/// A literal block scalar in two pieces.
pub struct Literal {
    /// The indicators, such as `|` or `|2-`.
    pub header: String,
    /// The content lines, indented, each with its line break.
    pub content: Zeroizing<String>,
}

/// Whether `text` can stand without quotes.
#[must_use]
pub fn plain_fits(text: &str, context: Context) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let second = chars.next();
    let starts = match first {
        '-' | '?' | ':' => second.is_some_and(|next| next != ' ' && !is_flow_indicator(next)),
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => false,
        _ => true,
    };
    starts
        && text.chars().all(is_printable)
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        // libyaml ends a plain scalar in brackets at a question mark too.
        && (context == Context::Block || !text.contains(|c| is_flow_indicator(c) || c == '?'))
}

/// Writes `text` in single quotes, unless it needs escapes or more than one line.
#[must_use]
pub fn single_quoted(text: &str) -> Option<Zeroizing<String>> {
    if !text.chars().all(|c| is_printable(c) || c == '\t') {
        return None;
    }
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 8));
    out.push('\'');
    for c in text.chars() {
        if c == '\'' {
            out.push('\'');
        }
        out.push(c);
    }
    out.push('\'');
    Some(out)
}

/// Writes `text` in double quotes on one line. This always works.
#[must_use]
pub fn double_quoted(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + text.len() / 8 + 8));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => push_escape(&mut out, c),
        }
    }
    out.push('"');
    out
}

fn push_escape(out: &mut String, c: char) {
    let code = u32::from(c);
    let (letter, digits) = match code {
        0..=0xff => ('x', 2),
        0x100..=0xffff => ('u', 4),
        _ => ('U', 8),
    };
    out.push('\\');
    out.push(letter);
    for position in (0..digits).rev() {
        let digit = (code >> (4 * position)) & 0xf;
        out.push(char::from_digit(digit, 16).expect("this holds because four bits are one digit"));
    }
}

/// Writes `text` as a literal block with its content `indent` columns from the left and
/// `relative` columns from its parent, unless it has characters that need escapes.
///
/// The header says the indentation only where a reader could not tell, or where `digit` asks for
/// it; it keeps or strips line breaks at the end as `text` needs. With [`keeps`](Literal::keeps), a
/// blank line that follows would become part of the value.
#[must_use]
pub fn literal(
    text: &str,
    indent: usize,
    relative: usize,
    digit: Digit,
    line_break: &str,
) -> Option<Literal> {
    let allowed = |c: char| is_printable(c) || c == '\t' || c == '\n';
    if text.is_empty() || !text.chars().all(allowed) {
        return None;
    }
    let first = text.lines().find(|line| !line.is_empty());
    let ambiguous = first.is_some_and(|line| line.starts_with([' ', '\t']));
    let mut header = String::from("|");
    if ambiguous || digit == Digit::Always {
        if !(1..=9).contains(&relative) {
            return None;
        }
        header.push(char::from_digit(u32::try_from(relative).ok()?, 10)?);
    }
    let without = text.trim_end_matches('\n');
    match text.len() - without.len() {
        0 => header.push('-'),
        1 if !without.is_empty() => {}
        _ => header.push('+'),
    }
    let mut content = Zeroizing::new(String::with_capacity(text.len() + text.len() / 4 + indent));
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            content.extend(std::iter::repeat_n(' ', indent));
            content.push_str(line);
        }
        content.push_str(line_break);
    }
    Some(Literal { header, content })
}

/// Whether a literal block says its indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digit {
    /// Only where a reader could not tell.
    IfNeeded,
    /// Always, as the text it replaces did.
    Always,
}

impl Literal {
    /// Whether blank lines after the content would belong to the value.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.header.ends_with('+')
    }
}

fn is_flow_indicator(c: char) -> bool {
    matches!(c, ',' | '[' | ']' | '{' | '}')
}

/// Whether a character can stand for itself on one line. Tabs, and what YAML 1.1 takes for a line
/// break (U+0085, U+2028, U+2029) or for a byte order mark, cannot.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
