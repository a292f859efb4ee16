//! Finds in the text what the parser does not report: block scalar headers, whole content lines.

use crate::error::{YamlError, YamlErrorKind};
use crate::node::BlockScalar;
use std::ops::Range;

/// Refuses characters that readers disagree about: a carriage return alone, U+0085, U+2028 and U+2029
/// end a line for some, a byte order mark is invisible to some, control characters stop go-yaml.
pub(crate) fn check_characters(text: &str) -> Result<(), YamlError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let fine = match c {
            '\t' | '\n' | ' '..='~' => true,
            '\r' => chars.peek().is_some_and(|(_, next)| *next == '\n'),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
            c => c >= '\u{a0}',
        };
        if !fine {
            let start = line_start(body, at);
            let line = body[..start].matches('\n').count() + 1;
            let column = body[start..at].chars().count() + 1;
            return Err(YamlError {
                line,
                column,
                kind: YamlErrorKind::Character(c),
            });
        }
    }
    Ok(())
}

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
    let digit = text[header.clone()].bytes().find(u8::is_ascii_digit);
    let more = digit.map_or(0, |digit| usize::from(digit - b'1'));
    let indent = indent.unwrap_or(least_indent + more);
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

/// Corrects a block scalar that ends with a text without a last line break: its value has none there
/// either, as libyaml and go-yaml read it. A last line of blanks only is then no line at all.
pub(crate) fn end_without_line_break(text: &str, block: &mut BlockScalar, value: &mut String) {
    let last = line_start(text, text.len());
    if text.ends_with('\n') || block.content.end < last {
        return;
    }
    if !text[last..].trim().is_empty() {
        // A block that ends where the last line starts is whole: that line belongs to what follows.
        if block.content.end > last {
            value.truncate(value.strip_suffix('\n').unwrap_or(value).len());
        }
        return;
    }
    block.content.end = last;
    let body = &text[block.content.start..last];
    let breaks = body[body.trim_end().len()..].matches('\n').count();
    value.truncate(value.trim_end_matches('\n').len());
    value.extend(std::iter::repeat_n('\n', breaks));
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
