//! Where in a document: `["stringData"]["password"][0]`, as sops spells it.

use crate::Exit;
use crate::failure::Failure;
use lockstep_sops::{KeyPath, Step};

/// Reads an index. Keys stand in single or double quotes, which cannot be part of a key.
pub(crate) fn parse(text: &str) -> Result<KeyPath, Failure> {
    let steps: Option<Vec<_>> = text
        .split('[')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(position, part)| (position > 0).then(|| step(part)).flatten())
        .collect();
    match steps {
        Some(steps) if !steps.is_empty() => Ok(KeyPath(steps)),
        _ => Err(Failure::new(
            Exit::BadValue,
            "the index is not of the form [\"key\"][0][\"key\"]",
        )
        .hint("quote the whole for the shell, as in '[\"stringData\"][\"password\"]'")),
    }
}

fn step(part: &str) -> Option<Step> {
    let inner = part.strip_suffix(']')?;
    for quote in ['"', '\''] {
        if let Some(rest) = inner.strip_prefix(quote) {
            return Some(Step::Key(rest.strip_suffix(quote)?.to_owned()));
        }
    }
    inner.parse().ok().map(Step::Index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_read_as_sops_reads_them() {
        for (text, expected) in [
            (r#"["a"]"#, "a"),
            (r#"["a"]['b c'][0]"#, r#"a["b c"][0]"#),
            (r#"[2]["tls.crt"]"#, r#"[2]["tls.crt"]"#),
            (r#"["a]"]"#, r#"["a]"]"#),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "a", "a[0]", "[a]", "[\"a\"", "[\"a']", "[-1]", "[\"a\"]b", "[\"]",
        ] {
            assert_eq!(parse(text).unwrap_err().exit, Exit::BadValue, "{text}");
        }
    }
}
