//! Puts ciphertext where a value stood, in the value's own style, so that decryption can put the
//! value back in that style.
//!
//! Plain stays plain and quotes stay quotes. A block scalar keeps its place, indentation and
//! indentation digit, and becomes one line. In braces and brackets ciphertext must be quoted; there a
//! value that stood plain gets double quotes whose last bracket is written `\x5d`.

use lockstep_yaml::{BlockScalar, Node, Scalar, ScalarStyle, Splices};

/// The end of a double-quoted carrier for a value that stood plain.
pub(crate) const PLAIN_MARK: &str = "\\x5d\"";

/// Replaces the scalar at `node` by `ciphertext`.
pub(crate) fn put(
    splices: &mut Splices,
    text: &str,
    node: &Node,
    scalar: &Scalar,
    ciphertext: &str,
) {
    drop_tag(splices, text, node);
    let replacement = match scalar.style {
        ScalarStyle::Plain if node.in_flow => {
            let inner = ciphertext.strip_suffix(']').unwrap_or(ciphertext);
            format!("\"{inner}{PLAIN_MARK}")
        }
        ScalarStyle::Plain => ciphertext.to_owned(),
        ScalarStyle::SingleQuoted => format!("'{ciphertext}'"),
        ScalarStyle::DoubleQuoted => format!("\"{ciphertext}\""),
        ScalarStyle::Literal | ScalarStyle::Folded => {
            if let Some(block) = &scalar.block {
                put_block(splices, text, block, ciphertext);
            }
            return;
        }
    };
    splices.replace(node.span.clone(), replacement);
}

fn put_block(splices: &mut Splices, text: &str, block: &BlockScalar, ciphertext: &str) {
    let old = &text[block.header.clone()];
    let digit = old.trim_matches(['|', '>', '+', '-']);
    // `|+` stays, because `|` and `|+` can hold the same value.
    let chomping = if old.contains('+') { '+' } else { '-' };
    splices.replace(block.header.clone(), format!("|{digit}{chomping}"));
    let line_break = line_break_before(text, block.content.start);
    let indent = " ".repeat(block.indent);
    splices.replace(
        block.content.clone(),
        format!("{indent}{ciphertext}{line_break}"),
    );
}

/// Leaves a scalar in clear where text will follow it. A block scalar that ends the file without a
/// line break has none in its value either; the one that is added must not become part of it.
pub(crate) fn leave(splices: &mut Splices, text: &str, scalar: &Scalar) {
    let Some(block) = &scalar.block else { return };
    if text.ends_with('\n') || !text[block.content.end..].trim().is_empty() {
        return;
    }
    // The digit may stand on either side of the sign.
    let header = text[block.header.clone()].replace(['+', '-'], "");
    splices.replace(block.header.clone(), format!("{header}-"));
}

/// Removes a tag that ciphertext cannot bear: the type is part of the ciphertext.
pub(crate) fn drop_tag(splices: &mut Splices, text: &str, node: &Node) {
    let core = node
        .tag
        .as_deref()
        .and_then(|tag| tag.strip_prefix("tag:yaml.org,2002:"));
    if core.is_none_or(|kind| kind == "str") {
        return;
    }
    let anchor = match &node.anchor {
        Some(anchor) => format!("{} ", &text[anchor.clone()]),
        None => String::new(),
    };
    splices.replace(node.start..node.span.start, anchor);
}

/// The line break that ends the line before `at`.
pub(crate) fn line_break_before(text: &str, at: usize) -> &'static str {
    if text[..at].ends_with("\r\n") {
        "\r\n"
    } else {
        "\n"
    }
}
