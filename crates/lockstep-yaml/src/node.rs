//! The nodes of a stream: what they are and which bytes they cover.

use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// A node's place in its [`Stream`](crate::Stream).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// A node of a document.
#[derive(Debug)]
pub struct Node {
    /// The line its content starts on, counted from 1.
    pub line: usize,
    /// The column its content starts at, in characters, counted from 0.
    pub column: usize,
    /// The bytes of its content. Quotes and brackets belong to it, a block scalar's header too; tag
    /// and anchor do not. A block collection starts at its first entry and ends with its last.
    /// Empty where nothing is written: that position must not be spliced.
    pub span: Range<usize>,
    /// Where its tag and anchor start, if it has any; otherwise the start of `span`.
    pub start: usize,
    /// The name of its anchor.
    pub anchor: Option<Range<usize>>,
    /// Its explicit tag: `!local`, or with a resolved handle `tag:yaml.org,2002:str`.
    pub tag: Option<String>,
    /// The column (in bytes) of the block collection it stands in; 0 at the top.
    pub block_indent: usize,
    /// Whether it stands inside brackets or braces.
    pub in_flow: bool,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Debug)]
pub enum NodeKind {
    /// A scalar.
    Scalar(Scalar),
    /// A mapping: entries in document order.
    Mapping(CollectionStyle, Vec<(NodeId, NodeId)>),
    /// A sequence: elements in order.
    Sequence(CollectionStyle, Vec<NodeId>),
    /// An alias for another node of the same document, possibly one that contains it.
    Alias(NodeId),
}

/// A scalar before anybody gives it a type.
pub struct Scalar {
    /// How it is written.
    pub style: ScalarStyle,
    /// Its text after escapes, folding and chomping.
    pub text: Zeroizing<String>,
    /// Where the parts of a `|` or `>` scalar are.
    pub block: Option<BlockScalar>,
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} scalar [redacted]", self.style)
    }
}

/// The parts of a block scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockScalar {
    /// The indicators, such as `|`, `|-` or `>2+`, without a comment behind them.
    pub header: Range<usize>,
    /// The whole lines of the content, with their indentation and the last line break. Blank lines
    /// at the end belong to it only if they belong to the value.
    pub content: Range<usize>,
    /// The column of the content; for a scalar of blank lines only, the least it could be.
    pub indent: usize,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// How a collection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectionStyle {
    /// By indentation.
    Block,
    /// In brackets or braces.
    Flow,
}
