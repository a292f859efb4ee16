//! Rewrites an expression from Go's syntax into that of the engine.

use super::RegexError;
use std::iter::Peekable;
use std::str::Chars;

/// The most repetitions Go takes in braces.
const MAX_REPEAT: u32 = 1000;

/// The sets that a class can name.
const POSIX_SETS: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Gives an expression that means the same to the engine.
pub(super) fn translate(source: &str) -> Result<String, RegexError> {
    let mut translator = Translator {
        rest: source.chars().peekable(),
        out: String::new(),
    };
    translator.run()?;
    Ok(translator.out)
}

fn error<T>(what: &'static str) -> Result<T, RegexError> {
    Err(RegexError::Syntax(what))
}

struct Translator<'s> {
    rest: Peekable<Chars<'s>>,
    out: String,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), RegexError> {
        let mut after_repetition = false;
        while let Some(c) = self.rest.next() {
            let repetition = match c {
                '*' | '+' | '?' => Some(c.to_string()),
                '{' => self.braces()?,
                _ => None,
            };
            if let Some(operator) = &repetition {
                if after_repetition {
                    return error("repetition of a repetition");
                }
                self.out.push_str(operator);
                if self.rest.next_if_eq(&'?').is_some() {
                    self.out.push('?');
                }
            } else {
                self.atom(c)?;
            }
            after_repetition = repetition.is_some();
        }
        Ok(())
    }

    fn atom(&mut self, c: char) -> Result<(), RegexError> {
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            '.' | '^' | '$' | '|' | ')' => {
                self.out.push(c);
                Ok(())
            }
            literal => {
                self.literal(literal);
                Ok(())
            }
        }
    }

    fn literal(&mut self, c: char) {
        self.out
            .push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// A repetition in braces, or `None` if the brace is a character.
    fn braces(&mut self) -> Result<Option<String>, RegexError> {
        let ahead: String = self.rest.clone().take_while(|c| *c != '}').collect();
        let closed = self.rest.clone().any(|c| c == '}');
        let (low, high) = match ahead.split_once(',') {
            None => (ahead.as_str(), None),
            Some((low, high)) => (low, Some(high)),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !closed || !digits(low) || high.is_some_and(|high| !high.is_empty() && !digits(high)) {
            return Ok(None);
        }
        let number = |text: &str| text.parse().ok().filter(|count: &u32| *count <= MAX_REPEAT);
        let high = high.filter(|high| !high.is_empty());
        let (low, high) = (number(low), high.map(number));
        match (low, high) {
            (Some(low), Some(Some(high))) if high < low => return error("bad repetition count"),
            (None, _) | (_, Some(None)) => return error("repetition count too large"),
            _ => {}
        }
        for _ in 0..=ahead.chars().count() {
            self.rest.next();
        }
        Ok(Some(format!("{{{ahead}}}")))
    }

    fn group(&mut self) -> Result<(), RegexError> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        let head: String = self
            .rest
            .clone()
            .take_while(|c| !matches!(c, ':' | ')' | '>'))
            .collect();
        let name = head.strip_prefix("P<").or_else(|| head.strip_prefix('<'));
        let fine = match name {
            Some(name) => {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            }
            None => head.chars().all(|c| "imsU-".contains(c)),
        };
        if !fine {
            return error("unknown kind of group");
        }
        self.out.push('?');
        for _ in head.chars() {
            self.out.extend(self.rest.next());
        }
        self.out
            .extend(self.rest.next_if(|c| matches!(c, ':' | ')' | '>')));
        Ok(())
    }

    fn escape(&mut self) -> Result<(), RegexError> {
        match self.rest.peek() {
            Some('Q') => {
                self.rest.next();
                self.quoted();
                return Ok(());
            }
            Some('b' | 'B') => {
                let c = self.rest.next().unwrap_or('b');
                self.out.push_str(&format!("(?-u:\\{c})"));
                return Ok(());
            }
            Some('A' | 'z') => {
                self.out.push('\\');
                self.out.extend(self.rest.next());
                return Ok(());
            }
            _ => {}
        }
        if self.set()? {
            return Ok(());
        }
        let c = self.escaped_char()?;
        self.literal(c);
        Ok(())
    }

    /// Characters up to `\E` or the end.
    fn quoted(&mut self) {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return;
            }
            self.literal(c);
        }
    }

    /// A set behind a backslash, such as `\d` or `\pL`; the backslash is already taken.
    fn set(&mut self) -> Result<bool, RegexError> {
        let set = match self.rest.peek() {
            Some('d') => "[0-9]",
            Some('D') => "[^0-9]",
            Some('s') => r"[\t\n\f\r ]",
            Some('S') => r"[^\t\n\f\r ]",
            Some('w') => "[0-9A-Za-z_]",
            Some('W') => "[^0-9A-Za-z_]",
            Some('p' | 'P') => return self.unicode_set().map(|()| true),
            _ => return Ok(false),
        };
        self.rest.next();
        self.out.push_str(set);
        Ok(true)
    }

    fn unicode_set(&mut self) -> Result<(), RegexError> {
        let mut negated = self.rest.next() == Some('P');
        let mut name = String::new();
        match self.rest.next() {
            Some('{') => loop {
                match self.rest.next() {
                    Some('}') => break,
                    Some('^') if name.is_empty() => negated = !negated,
                    Some(c) if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
                    _ => return error("unknown Unicode class"),
                }
            },
            Some(c) if c.is_ascii_alphabetic() => name.push(c),
            _ => return error("unknown Unicode class"),
        }
        let letter = if negated { 'P' } else { 'p' };
        self.out.push_str(&format!("\\{letter}{{{name}}}"));
        Ok(())
    }

    /// A single character behind a backslash.
    fn escaped_char(&mut self) -> Result<char, RegexError> {
        let Some(c) = self.rest.next() else {
            return error("backslash at the end");
        };
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\x0b',
            'x' => return self.hexadecimal(),
            '0'..='7' => return self.octal(c),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return error("unknown escape"),
        })
    }

    fn octal(&mut self, first: char) -> Result<char, RegexError> {
        // A single digit other than zero would be a back reference.
        if first != '0' && !self.rest.peek().is_some_and(|c| c.is_digit(8)) {
            return error("back references do not exist");
        }
        let mut value = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.rest.next_if(|c| c.is_digit(8)) else {
                break;
            };
            value = value * 8 + digit.to_digit(8).unwrap_or_default();
        }
        char::from_u32(value).map_or_else(|| error("bad escape"), Ok)
    }

    fn hexadecimal(&mut self) -> Result<char, RegexError> {
        let braced = self.rest.next_if_eq(&'{').is_some();
        let mut digits = String::new();
        while braced || digits.len() < 2 {
            match self.rest.next() {
                Some('}') if braced => break,
                Some(c) if c.is_ascii_hexdigit() && digits.len() < 8 => digits.push(c),
                _ => return error("bad hexadecimal escape"),
            }
        }
        let value = u32::from_str_radix(&digits, 16)
            .ok()
            .and_then(char::from_u32);
        value.map_or_else(|| error("bad hexadecimal escape"), Ok)
    }

    fn class(&mut self) -> Result<(), RegexError> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.rest.peek() {
                None => return error("class without its end"),
                Some(']') if !first => break,
                _ => self.class_item()?,
            }
            first = false;
        }
        self.rest.next();
        self.out.push(']');
        Ok(())
    }

    fn class_item(&mut self) -> Result<(), RegexError> {
        if self.posix_set()? {
            return Ok(());
        }
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('\\') && ahead.peek().is_some_and(|c| "dDsSwWpP".contains(*c)) {
            self.rest.next();
            return self.set().map(|_| ());
        }
        let low = self.class_char()?;
        let mut ahead = self.rest.clone();
        let is_range = ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']');
        let high = if is_range {
            self.rest.next();
            self.class_char()?
        } else {
            low
        };
        if high < low {
            return error("bad character range");
        }
        self.out.push_str(&format!(
            "\\x{{{:X}}}-\\x{{{:X}}}",
            u32::from(low),
            u32::from(high)
        ));
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, RegexError> {
        match self.rest.next() {
            None => error("class without its end"),
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
        }
    }

    /// A set such as `[:alpha:]`, which the engine writes alike.
    fn posix_set(&mut self) -> Result<bool, RegexError> {
        let ahead: String = self.rest.clone().take(16).collect();
        let Some((name, _)) = ahead
            .strip_prefix("[:")
            .and_then(|inner| inner.split_once(":]"))
        else {
            return Ok(false);
        };
        if !POSIX_SETS.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return error("unknown class");
        }
        for _ in 0..name.len() + 4 {
            self.out.extend(self.rest.next());
        }
        Ok(true)
    }
}
