//! Puts decrypted values back into the file, in the style their ciphertext stands in.
//!
//! Where a plain ciphertext gives no style (sops writes all of them plain), the style is the one sops
//! would choose: quotes where the text would read as another type, a literal block for several lines.

use crate::carrier::{PLAIN_MARK, line_break_before};
use crate::resolve;
use crate::tree::{OpenedKind, OpenedScalar};
use lockstep_yaml::write::{self, Context, Digit, Literal};
use lockstep_yaml::{BlockScalar, Node, Scalar, ScalarStyle, Splices};
use zeroize::Zeroizing;

/// Replaces the ciphertext at `node` by what it decrypted to.
pub(crate) fn put(
    splices: &mut Splices,
    text: &str,
    node: &Node,
    scalar: &Scalar,
    opened: &OpenedScalar,
    column: BlockColumn,
) {
    let value = opened.text.expose();
    if opened.kind != OpenedKind::Str {
        let tag = if opened.kind == OpenedKind::Binary {
            "!!binary "
        } else {
            ""
        };
        let spelled = Zeroizing::new(format!("{tag}{}", *canonical(opened.kind, value)));
        return put_inline(splices, text, node, scalar, spelled);
    }
    if let Some(block) = &scalar.block
        && let Some(literal) = literal_at(text, node, block, value)
    {
        splices.replace(block.header.clone(), literal.header);
        splices.replace(block.content.clone(), literal.content);
        return;
    }
    if scalar.style == ScalarStyle::Plain
        && !node.in_flow
        && is_readable_block(value)
        && let Some(literal) = new_literal(text, node, value, column)
    {
        let line_break = line_break_after(text, node.span.end);
        let content = literal.content.trim_end_matches(['\r', '\n']);
        let blank_tail = literal.content[content.len()..].strip_suffix(line_break);
        // The line break behind the ciphertext ends the block's last line.
        let mut spelled = Zeroizing::new(format!("{}{line_break}{content}", literal.header));
        spelled.push_str(blank_tail.unwrap_or_default());
        splices.replace(node.span.clone(), spelled);
        return;
    }
    let spelled = match scalar.style {
        ScalarStyle::SingleQuoted => write::single_quoted(value),
        ScalarStyle::DoubleQuoted if text[node.span.clone()].ends_with(PLAIN_MARK) => {
            Some(unquoted(value, Context::Flow))
        }
        ScalarStyle::Plain => Some(unquoted(value, Context::Block)),
        _ => None,
    };
    let spelled = spelled.unwrap_or_else(|| write::double_quoted(value));
    put_inline(splices, text, node, scalar, spelled);
}

/// Spells a value for a place in brackets or braces, as what an alias stood for.
pub(crate) fn in_flow(opened: &OpenedScalar) -> Zeroizing<String> {
    match opened.kind {
        OpenedKind::Str => write::double_quoted(opened.text.expose()),
        OpenedKind::Binary => Zeroizing::new(format!("!!binary {}", opened.text.expose())),
        kind => canonical(kind, opened.text.expose()),
    }
}

/// Replaces a scalar by text on one line, and a block scalar with its header and content.
fn put_inline(
    splices: &mut Splices,
    text: &str,
    node: &Node,
    scalar: &Scalar,
    spelled: Zeroizing<String>,
) {
    match &scalar.block {
        None => splices.replace(node.span.clone(), spelled),
        Some(block) => {
            splices.replace(block.header.clone(), spelled);
            splices.replace(block.content.clone(), String::new());
            debug_assert!(
                text[..block.content.start].ends_with('\n'),
                "content is whole lines"
            );
        }
    }
}

/// The value without quotes, or with those that sops would give it.
pub(crate) fn unquoted(value: &str, context: Context) -> Zeroizing<String> {
    if !resolve::is_safe_plain(value) {
        return write::double_quoted(value);
    }
    if write::plain_fits(value, context) {
        return Zeroizing::new(value.to_owned());
    }
    let single = if value.contains('\t') {
        None
    } else {
        write::single_quoted(value)
    };
    single.unwrap_or_else(|| write::double_quoted(value))
}

/// A value of another type than string, so that sops reads the same type again.
pub(crate) fn canonical(kind: OpenedKind, text: &str) -> Zeroizing<String> {
    let spelled = match (kind, text) {
        (OpenedKind::Float, "NaN") => ".nan".to_owned(),
        (OpenedKind::Float, "+Inf") => ".inf".to_owned(),
        (OpenedKind::Float, "-Inf") => "-.inf".to_owned(),
        (OpenedKind::Float, digits) if digits.len() > 17 && !digits.contains('.') => digits
            .parse::<f64>()
            .map_or_else(|_| digits.to_owned(), exponential),
        (OpenedKind::Float, digits) if !digits.contains('.') => format!("{digits}.0"),
        (OpenedKind::Bool, word) => word.to_ascii_lowercase(),
        (_, text) => text.to_owned(),
    };
    Zeroizing::new(spelled)
}

/// `1e+21`: with a sign, or YAML 1.1 would read a string.
fn exponential(value: f64) -> String {
    let text = format!("{value:e}");
    if text.contains("e-") {
        text
    } else {
        text.replace('e', "e+")
    }
}

/// The literal block in the place of a block carrier, unless the value would take in blank lines
/// that follow.
fn literal_at(text: &str, node: &Node, block: &BlockScalar, value: &str) -> Option<Literal> {
    let old = &text[block.header.clone()];
    let has_digit = old.bytes().any(|byte| byte.is_ascii_digit());
    let digit = if has_digit {
        Digit::Always
    } else {
        Digit::IfNeeded
    };
    let relative = block.indent - node.block_indent.min(block.indent);
    let line_break = line_break_before(text, block.content.start);
    let mut literal = write::literal(value, block.indent, relative, digit, line_break)?;
    if old.contains('+') && value.ends_with('\n') && !literal.keeps() {
        literal.header.push('+');
    }
    (!literal.keeps() || !is_blank_line(text, block.content.end)).then_some(literal)
}

/// Where sops puts the content of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockColumn {
    /// The next multiple of four right of its key.
    NextOfFour,
    /// Two columns right of the dash whose element it is.
    BehindDash,
}

/// A literal block where the file has plain ciphertext.
fn new_literal(text: &str, node: &Node, value: &str, column: BlockColumn) -> Option<Literal> {
    let rest = text[node.span.end..].split('\n').next().unwrap_or_default();
    if !rest.trim().is_empty() {
        // A comment behind the value would become part of it.
        return None;
    }
    let indent = match column {
        BlockColumn::NextOfFour => (node.block_indent / 4 + 1) * 4,
        BlockColumn::BehindDash => node.block_indent + 2,
    };
    let relative = indent - node.block_indent;
    let line_break = line_break_after(text, node.span.end);
    let literal = write::literal(value, indent, relative, Digit::IfNeeded, line_break)?;
    let next_line = text[node.span.end..]
        .find('\n')
        .map(|newline| node.span.end + newline + 1)?;
    (!literal.keeps() || !is_blank_line(text, next_line)).then_some(literal)
}

/// Whether go-yaml would write the text as a block: several lines, none with a blank at its end.
pub(crate) fn is_readable_block(value: &str) -> bool {
    value.contains('\n') && !value.lines().any(|line| line.ends_with([' ', '\t'])) && value != "\n"
}

fn is_blank_line(text: &str, at: usize) -> bool {
    at < text.len()
        && text[at..]
            .lines()
            .next()
            .is_some_and(|line| line.trim().is_empty())
}

/// The line break that ends the line `at` is on.
pub(crate) fn line_break_after(text: &str, at: usize) -> &'static str {
    let rest = &text[at..];
    let newline = rest.find('\n').unwrap_or(rest.len());
    if rest[..newline].ends_with('\r') {
        "\r\n"
    } else {
        "\n"
    }
}
