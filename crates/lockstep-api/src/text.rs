//! Text of others, made fit for a status, an event or a terminal.

/// The longest text that is shown, in characters.
const LONGEST: usize = 1024;

/// Escapes control characters and shortens to 1,024 characters, so that a hostile file name or commit
/// cannot forge lines, colour a terminal or outgrow a status.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Characters that reorder or hide the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(shown("apps/\u{1b}[31mred\n"), "apps/\\u{1b}[31mred\\u{a}");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown("grüße"), "grüße");
        assert_eq!(shown(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }
}
