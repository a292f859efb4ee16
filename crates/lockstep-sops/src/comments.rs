//! Which collection a comment belongs to: its path is the additional data it is encrypted with.
//!
//! go-yaml decides this by a heuristic over blank lines and columns, so a comment can end up
//! elsewhere once other text moves. Nothing depends on it: a comment that does not decrypt where a
//! reader looks for it stays as it is, for sops and here alike, and comments are never in the MAC.

use crate::survey::{PathId, Slot, Survey};
use lockstep_yaml::{Comment, Stream};

/// The collections a comment may belong to, the likeliest first.
pub(crate) fn containers(
    text: &str,
    stream: &Stream,
    survey: &Survey,
    comment: &Comment,
) -> Vec<PathId> {
    let at = comment.span.start;
    // Comments above a document's first line or its `---` count to the document they introduce.
    let Some(document) = stream
        .documents()
        .iter()
        .position(|document| at < document.span.end)
    else {
        return Vec::new();
    };
    let root = survey.roots[document];
    let inside = |slot: &&Slot| slot.document == document;
    let split = survey.slots.partition_point(|slot| slot.start < at);
    let previous = survey.slots[..split].last().filter(inside);
    let next = survey.slots.get(split).filter(inside);

    let mut candidates = Vec::new();
    if comment.inline {
        candidates.extend(previous.map(|slot| slot.container));
    } else if let Some(above) = next.filter(|next| belongs_to_next(text, comment, next)) {
        candidates.push(above.container);
    }
    if let Some(previous) = previous {
        candidates.extend(foot_of(
            survey,
            &survey.slots[..split],
            previous,
            comment.column,
        ));
    }
    candidates.extend(next.map(|slot| slot.container));
    candidates.extend(
        previous
            .into_iter()
            .flat_map(|slot| survey.ancestors(slot.container)),
    );
    candidates.push(root);
    let mut seen = Vec::new();
    candidates.retain(|path| {
        let new = !seen.contains(path);
        seen.push(*path);
        new
    });
    candidates
}

/// A comment directly above an entry, and not further right, describes that entry.
fn belongs_to_next(text: &str, comment: &Comment, next: &Slot) -> bool {
    let between = &text[comment.span.end..next.start];
    let blank_line = between
        .split_inclusive('\n')
        .skip(1)
        .any(|line| line.ends_with('\n') && line.trim().is_empty());
    comment.column <= next.column && !blank_line
}

/// The collection of the nearest entry before the comment that is not further right than it.
fn foot_of(survey: &Survey, before: &[Slot], previous: &Slot, column: usize) -> Option<PathId> {
    let around: Vec<PathId> = survey.ancestors(previous.container).collect();
    before
        .iter()
        .rev()
        .filter(|slot| slot.document == previous.document && around.contains(&slot.container))
        .find(|slot| slot.column <= column)
        .map(|slot| slot.container)
}
