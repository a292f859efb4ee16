//! Paths in messages: a hostile repository may hold file names with terminal escapes in them.

use std::fmt;
use std::path::Path;

/// A path as it is shown: control characters escaped, and no needless `./` in front.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        let text = text
            .strip_prefix("./")
            .filter(|rest| !rest.is_empty())
            .unwrap_or(&text);
        for character in text.chars() {
            if is_harmless(character) {
                fmt::Write::write_char(f, character)?;
            } else {
                write!(f, "{}", character.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Neither a control character nor one that reorders the text around it.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_look_as_people_write_them() {
        let shown = |path| Shown(Path::new(path)).to_string();
        assert_eq!(shown("./apps/x.yaml"), "apps/x.yaml");
        assert_eq!(
            ["./", ".", "../x", "/x"].map(shown),
            ["./", ".", "../x", "/x"]
        );
    }

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        let path = Path::new("grün/\u{1b}[2Jx\n\u{202e}y");
        assert_eq!(Shown(path).to_string(), "grün/\\u{1b}[2Jx\\u{a}\\u{202e}y");
    }
}
