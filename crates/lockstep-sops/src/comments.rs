//! Which collection a comment belongs to: its path is the additional data it is encrypted with.
//!
//! go-yaml decides this by a heuristic over blank lines and columns, so a comment can end up
//! elsewhere once other text moves. Nothing depends on it: a comment that does not decrypt where a
//! reader looks for it stays as it is, for sops and here alike, and comments are never in the MAC.

use crate::store::Format;
use crate::survey::{PathId, Slot, Survey};
use lockstep_yaml::Stream;
use std::collections::HashSet;

/// Attributes the comments of one file.
pub(crate) struct Attribution<'a> {
    stream: &'a Stream,
    survey: &'a Survey,
    /// For each comment, whether a blank line comes before whatever follows it.
    apart: Vec<bool>,
}

impl<'a> Attribution<'a> {
    pub(crate) fn new(text: &str, stream: &'a Stream, survey: &'a Survey) -> Self {
        let comments = stream.comments();
        let mut apart = vec![false; comments.len()];
        for (index, comment) in comments.iter().enumerate().rev() {
            let mut lines = text[comment.span.end..].split_inclusive('\n').skip(1);
            let blank = lines.next().is_some_and(|line| line.trim().is_empty());
            let followed = comments
                .get(index + 1)
                .is_some_and(|next| !next.inline && next.line == comment.line + 1);
            apart[index] = blank || (followed && apart[index + 1]);
        }
        Self {
            stream,
            survey,
            apart,
        }
    }

    /// The collections that comment number `index` may belong to, the likeliest first.
    pub(crate) fn containers(&self, index: usize, format: Format) -> Vec<PathId> {
        if format == Format::Ini {
            return self.section(index);
        }
        let comment = &self.stream.comments()[index];
        let at = comment.span.start;
        let Some((document, previous, next)) = self.neighbours(at) else {
            return Vec::new();
        };

        let mut candidates = Vec::new();
        if comment.inline {
            candidates.extend(previous.map(|slot| self.closed_before(slot, at)));
        } else if let Some(next) = next
            && (comment.column <= next.column && !self.apart[index]
                || previous.is_some_and(|slot| slot.value == next.container))
        {
            // Directly above an entry, and not further right: it describes that entry. So does one
            // between a key and the first entry below it, wherever it stands.
            candidates.push(next.container);
        }
        candidates.extend(previous.and_then(|slot| self.foot_of(slot, comment.column)));
        candidates.extend(next.map(|slot| slot.container));
        candidates.extend(
            previous
                .into_iter()
                .flat_map(|slot| self.survey.ancestors(slot.container)),
        );
        candidates.push(self.survey.roots[document]);
        let mut seen = HashSet::new();
        candidates.retain(|path| seen.insert(*path));
        candidates
    }

    /// The section of an INI file that comment number `index` belongs to: that of the entry or header
    /// on its line, or of the next one.
    fn section(&self, index: usize) -> Vec<PathId> {
        let comment = &self.stream.comments()[index];
        let Some((_, previous, next)) = self.neighbours(comment.span.start) else {
            return Vec::new();
        };
        let slot = if comment.inline {
            previous
        } else {
            next.or(previous)
        };
        let section = |slot: &Slot| match self.survey.roots.contains(&slot.container) {
            true => slot.value,
            false => slot.container,
        };
        slot.map(section).into_iter().collect()
    }

    /// The collection of the entry before a comment that is further right than whatever follows it:
    /// the comment stands in that block, whatever it is counted to.
    pub(crate) fn block_before(&self, index: usize) -> Option<PathId> {
        let comment = &self.stream.comments()[index];
        let (_, previous, next) = self.neighbours(comment.span.start)?;
        let inside = !comment.inline && next.is_none_or(|next| comment.column > next.column);
        previous.filter(|_| inside).map(|slot| slot.container)
    }

    /// The document that `at` is in, and the entries around it there.
    fn neighbours(&self, at: usize) -> Option<(usize, Option<&Slot>, Option<&Slot>)> {
        // Comments above a document's first line or its `---` count to what they introduce.
        let documents = self.stream.documents();
        let document = documents.partition_point(|document| document.span.end <= at);
        if document == documents.len() {
            return None;
        }
        let inside = |slot: &&Slot| slot.document == document;
        let split = self.survey.slots.partition_point(|slot| slot.start < at);
        let previous = self.survey.slots[..split].last().filter(inside);
        let next = self.survey.slots.get(split).filter(inside);
        Some((document, previous, next))
    }

    /// The outermost collection that a bracket or brace before the comment closes; without any, the
    /// one that the entry before the comment belongs to.
    fn closed_before(&self, previous: &Slot, at: usize) -> PathId {
        let closed = |path: &PathId| {
            self.survey
                .flow_ends
                .get(path)
                .is_some_and(|end| *end <= at)
        };
        let within = self
            .survey
            .ancestors(previous.value)
            .skip_while(|path| !closed(path) && *path != previous.container);
        within
            .take_while(closed)
            .last()
            .unwrap_or(previous.container)
    }

    /// The innermost collection around an entry whose entries are not further right than `column`.
    fn foot_of(&self, previous: &Slot, column: usize) -> Option<PathId> {
        self.survey.ancestors(previous.container).find(|path| {
            self.survey
                .columns
                .get(path)
                .is_some_and(|own| *own <= column)
        })
    }
}
