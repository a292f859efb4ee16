//! Finds in the text what the parser does not report: block scalar headers, whole content lines.

use crate::node::BlockScalar;
use std::ops::Range;

/// The start of the line that `at` is on.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line that `at` is on, behind its line break.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline + 1)
}

/// Finds the parts of a block scalar. `from` is the end of whatever comes before its header (key,
/// tag, anchor, indicator); `reported` is the parser's span, which starts at the first character of
/// the first line that is not blank and runs into the indentation of what follows.
pub(crate) fn block_scalar(
    text: &str,
    from: usize,
    reported: Range<usize>,
    indent: Option<usize>,
    least_indent: usize,
) -> Option<BlockScalar> {
    let header = block_header(text, from)?;
    let first_line = line_end(text, header.end);
    let indent = indent.unwrap_or(least_indent);
    let keeps = text[header.clone()].contains('+');
    let mut end = whole_lines(text, reported.end).max(first_line);
    while !keeps && end > first_line {
        let last = line_start(text, end - 1);
        let line = text[last..end].trim_end_matches(['\n', '\r']);
        let blank = line.len() <= indent && line.bytes().all(|byte| byte == b' ');
        if !blank {
            break;
        }
        end = last;
    }
    Some(BlockScalar {
        header,
        content: first_line..end,
        indent,
    })
}

/// The last line start at or before `at`, unless `at` is the end of a text without a last newline.
fn whole_lines(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    let rest_is_indent = text[start..at].bytes().all(|byte| byte == b' ');
    if rest_is_indent {
        start
    } else {
        line_end(text, at)
    }
}

/// Skips indicators, blanks, properties and comments up to a `|` or `>`, and takes its indicators.
fn block_header(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = find_indicator(bytes, from, |byte| matches!(byte, b'|' | b'>'))?;
    let length = bytes[start + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'))
        .count();
    Some(start..start + 1 + length)
}

/// The dash of a block sequence's first element, between the last token and that element; an empty
/// range.
pub(crate) fn first_dash(text: &str, from: usize, reported: usize) -> Range<usize> {
    let found = find_indicator(text.as_bytes(), from, |byte| byte == b'-');
    let dash = found.map_or(reported, |dash| dash.min(reported));
    dash..dash
}

/// Finds an indicator outside comments, tags and anchors.
fn find_indicator(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let skip: fn(&u8) -> bool = match byte {
            byte if wanted(byte) => return Some(at),
            b'#' => |byte| *byte != b'\n',
            b'&' | b'!' => |byte| !byte.is_ascii_whitespace(),
            _ => |_| false,
        };
        at += 1 + bytes[at + 1..].iter().take_while(|byte| skip(byte)).count();
    }
    None
}
