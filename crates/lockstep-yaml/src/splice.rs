//! Replaces byte ranges of a text and keeps every other byte.

use std::ops::Range;
use zeroize::Zeroizing;

/// Replacements to make in one text, in any order.
#[derive(Default)]
pub struct Splices {
    edits: Vec<(Range<usize>, Zeroizing<String>)>,
}

impl Splices {
    /// Replaces the bytes of `range`; an empty range inserts. Ranges must not overlap, and two
    /// insertions at one place keep their order.
    pub fn replace(&mut self, range: Range<usize>, text: impl Into<Zeroizing<String>>) {
        self.edits.push((range, text.into()));
    }

    /// Makes the replacements in `text`.
    ///
    /// # Panics
    /// When ranges overlap, or do not fall on character boundaries of `text`.
    #[must_use]
    pub fn apply(mut self, text: &str) -> Zeroizing<String> {
        self.edits
            .sort_by_key(|(range, _)| (range.start, range.end));
        let grown: usize = self.edits.iter().map(|(_, new)| new.len()).sum();
        let mut out = Zeroizing::new(String::with_capacity(text.len() + grown));
        let mut done = 0;
        for (range, new) in &self.edits {
            out.push_str(&text[done..range.start]);
            out.push_str(new);
            done = range.end;
        }
        out.push_str(&text[done..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_replaced_bytes_change() {
        let mut splices = Splices::default();
        splices.replace(7..8, "2".to_owned());
        splices.replace(0..1, "key".to_owned());
        splices.replace(9..9, "end\n".to_owned());
        assert_eq!(*splices.apply("a: # x\n1\n"), "key: # x\n2\nend\n");
    }
}
