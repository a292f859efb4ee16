//! Where things stand: a splice is only as good as its span.

#![expect(clippy::panic, reason = "helpers of tests stop at what is unexpected")]

use lockstep_yaml::{BlockScalar, Node, NodeId, NodeKind, Stream, YamlErrorKind};

fn parse(text: &str) -> Stream {
    Stream::parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// All values of the first document's top mapping.
fn values(stream: &Stream) -> Vec<&Node> {
    entries(stream, stream.documents()[0].root)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

fn entries(stream: &Stream, id: NodeId) -> Vec<(&Node, &Node)> {
    let NodeKind::Mapping(_, entries) = &stream.node(id).kind else {
        panic!("not a mapping")
    };
    entries
        .iter()
        .map(|(key, value)| (stream.node(*key), stream.node(*value)))
        .collect()
}

fn block(node: &Node) -> (&str, &BlockScalar) {
    match &node.kind {
        NodeKind::Scalar(scalar) => match &scalar.block {
            Some(block) => (&scalar.text, block),
            None => panic!("not a block scalar"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn spans_cover_values_without_tag_anchor_and_comment() {
    let text =
        "a: &x !t 'it''s' # c\nb: [1, {c: d}] # e\nf:\n  - g\n  - h: i\nj: *x\nk:\nl: one\n  two\n";
    let stream = parse(text);
    let slices: Vec<&str> = values(&stream)
        .iter()
        .map(|node| &text[node.span.clone()])
        .collect();
    let expected = [
        "'it''s'",
        "[1, {c: d}]",
        "- g\n  - h: i",
        "*x",
        "",
        "one\n  two",
    ];
    assert_eq!(slices, expected);
    let first = values(&stream)[0];
    assert_eq!(&text[first.start..first.span.start], "&x !t ");
    assert_eq!(first.tag.as_deref(), Some("!t"));
    assert_eq!(first.anchor.clone().map(|anchor| &text[anchor]), Some("&x"));
}

#[test]
fn block_scalars_are_header_and_whole_lines() {
    for (text, value, header, content, indent) in [
        ("a: |\n  x\n  y\nb: 1\n", "x\ny\n", "|", "  x\n  y\n", 2),
        ("a: |-\n  x\n\n\nb: 1\n", "x", "|-", "  x\n", 2),
        ("a: |+\n  x\n\nb: 1\n", "x\n\n", "|+", "  x\n\n", 2),
        ("a: |\n\n  x\nb: 1\n", "\nx\n", "|", "\n  x\n", 2),
        ("a: |2-\n    x\nb: 1\n", "  x", "|2-", "    x\n", 2),
        ("a: |3+\n\n\nb: 1\n", "\n\n", "|3+", "\n\n", 3),
        // The last line of a file may lack its line break: the block before it is whole.
        ("a: |\n  x\nb: 1", "x\n", "|", "  x\n", 2),
        ("a: |\n  x\n# end", "x\n", "|", "  x\n", 2),
        ("a: |\n  x\n--- ", "x\n", "|", "  x\n", 2),
        (
            "a: > # note\n    x\n    y\nb: 1\n",
            "x y\n",
            ">",
            "    x\n    y\n",
            4,
        ),
        ("a: !t &anchor-x | # |\n x\nb: 1\n", "x\n", "|", " x\n", 1),
        (
            "a:\n  # | not this\n  |\n   x\nb: 1\n",
            "x\n",
            "|",
            "   x\n",
            3,
        ),
        (
            "a: |\r\n  x\r\n  y\r\nb: 1\r\n",
            "x\ny\n",
            "|",
            "  x\r\n  y\r\n",
            2,
        ),
        (
            "a: |\n  x\n     \nb: 1\n",
            "x\n   \n",
            "|",
            "  x\n     \n",
            2,
        ),
        ("a: |\n  x", "x", "|", "  x", 2),
        ("a: |+\n  x\n  ", "x\n", "|+", "  x\n", 2),
        ("a: |\nb: 1\n", "", "|", "", 1),
    ] {
        let stream = parse(text);
        let (found, block) = block(values(&stream)[0]);
        assert_eq!(found, value, "{text:?}");
        assert_eq!(&text[block.header.clone()], header, "{text:?}");
        assert_eq!(&text[block.content.clone()], content, "{text:?}");
        assert_eq!(block.indent, indent, "{text:?}");
    }
}

#[test]
fn a_list_at_its_keys_column_starts_at_its_dash() {
    let text = "a: &x-y !t-z # - no\n- - b\n- c\nd:\n  e:\n  - f\n";
    let stream = parse(text);
    let list = values(&stream)[0];
    assert_eq!(&text[list.span.clone()], "- - b\n- c");
    let NodeKind::Sequence(_, items) = &list.kind else {
        panic!("not a list")
    };
    assert_eq!(stream.node(items[1]).block_indent, 0);
    assert_eq!(
        stream.node(items[0]).span.start,
        text.find("- b").unwrap_or_default()
    );
}

#[test]
fn documents_end_where_the_next_begins() {
    let text = "a: 1\n# end\n---\n# only\n--- # head\nb: 2\n...\n# between\n---\nc: 3";
    let stream = parse(text);
    let slices: Vec<&str> = stream
        .documents()
        .iter()
        .map(|document| &text[document.span.clone()])
        .collect();
    assert_eq!(
        slices,
        ["a: 1\n# end\n", "\n# only\n", " # head\nb: 2\n", "\nc: 3"]
    );
    let lines: Vec<usize> = stream
        .documents()
        .iter()
        .map(|document| document.line)
        .collect();
    assert_eq!(lines, [1, 3, 5, 9]);
    assert!(parse("# nothing\n").documents().is_empty());
}

#[test]
fn comments_know_their_column_and_company() {
    let text = "# one\na: | # two\n  # no comment\n  x\n  # three\nb: 'x # no' #four\r\n";
    let text = &text.replace("  # three\n", "# three\n");
    let stream = parse(text);
    let comments: Vec<(&str, usize, bool)> = stream
        .comments()
        .iter()
        .map(|comment| (&text[comment.span.clone()], comment.column, comment.inline))
        .collect();
    assert_eq!(
        comments,
        [
            ("# one", 0, false),
            ("# two", 5, true),
            ("# three", 0, false),
            ("#four", 12, true)
        ]
    );
}

#[test]
fn what_is_refused_says_where_and_not_what() {
    for (text, line, column) in [
        ("a: 1\nb: [\n", 2, 4),
        ("a: 1\nb: 2\na: 3\n", 3, 1),
        ("? [a]\n: b\n", 1, 3),
        ("a: *missing\n", 1, 4),
        ("a: &b.c d\n", 1, 4),
        ("a: x\n\u{2028}\n", 2, 1),
        ("a: x\rb: y\n", 1, 5),
        ("a: \u{7}\n", 1, 4),
        ("%YAML 1.2\n---\na: 1\n", 1, 1),
    ] {
        let error = Stream::parse(text).map(drop).expect_err(text);
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{text:?}: {error}"
        );
        assert!(!error.to_string().contains("missing"), "{error}");
    }
    let twice = Stream::parse("a: 1\n'a': 2\n")
        .map(drop)
        .expect_err("a key twice");
    assert_eq!(
        twice.kind,
        YamlErrorKind::DuplicateKey {
            key: "a".into(),
            first: 1
        }
    );
}

#[test]
fn nesting_and_size_are_bounded() {
    let deep = |open: &str| {
        Stream::parse(&open.repeat(10_000))
            .map(drop)
            .expect_err("too deep")
            .kind
    };
    assert!(matches!(deep("["), YamlErrorKind::TooDeep(_)));
    assert!(matches!(deep("- "), YamlErrorKind::TooDeep(_)));
    let wide = format!("a: [{}]\n", "x,".repeat(500_000));
    let error = Stream::parse(&wide).map(drop).expect_err("too wide");
    assert!(matches!(error.kind, YamlErrorKind::TooManyNodes(_)));
}
