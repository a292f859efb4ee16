//! The words of a command, split as sops splits them: like a shell's, and nothing is expanded.

/// Splits a command into words; `None` if a quote is not closed or nothing follows a backslash.
pub(super) fn split(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => {
                // A comment, to the end of its line.
                characters.by_ref().find(|next| *next == '\n');
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => word.push(characters.next()?),
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell_without_expansion() {
        let words = |text| split(text).unwrap();
        assert_eq!(words("pass show age/key"), ["pass", "show", "age/key"]);
        assert_eq!(
            words(r#"a 'b c' "d \" e" f\ g '' #h"#),
            ["a", "b c", "d \" e", "f g", ""]
        );
        assert_eq!(
            words("a$HOME ~ * b#c | d"),
            ["a$HOME", "~", "*", "b#c", "|", "d"]
        );
        assert_eq!(words("# nothing\n  x"), ["x"]);
        assert!(words("  ").is_empty());
        for open in ["a 'b", "a \"b", "a \\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }
}
