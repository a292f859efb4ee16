//! The documents. A name that starts with `=` promises that encrypting and decrypting gives the same
//! bytes; one that starts with `~` is a document that sops itself does not get back.

pub(crate) const DOCUMENTS: &[(&str, &str)] = &[
    (
        "=flow closed at its key",
        "a: [\n  x,\n  1\n]\nb: {\n  c: z\n}\n",
    ),
    ("no values", "{}\n"),
    ("no values but a comment", "# comment\n{}\n"),
    ("a nested empty mapping", "a: {}\nb:\n  - {}\n"),
    (
        "=comments behind brackets",
        "a: [x] # one\nb: {c: [z]} # two\nd: [] # three\ne:\n  - {f: 1} # four\n",
    ),
    ("~empty comment in a list", "a:\n  - x\n  #\n  - y\n"),
    (
        "comments at the start",
        "---\n# one\n\n# two\na: x\n---\n# three\nb:\n  # four\n\n  # five\n  c: x\n",
    ),
    (
        "=secret",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  labels: {app: web, tier: \"1\"}\ntype: Opaque\nstringData:\n  user: admin\n  password: \"hunter2 #!\"\n  # the port\n  port: '5432'\n  config: |\n    [db]\n    host = x\n\n    port = 1\n",
    ),
    (
        "=types",
        "a: text\nb: 1\nc: -5\nd: 1.5\ne: true\nf: false\ng:\nh: ~\ni: null\nj: \"\"\nk: ''\n",
    ),
    (
        "numbers",
        "a: 0777\nb: 0x1F\nc: 0b101\nd: 0o17\ne: 1_000\nf: 1e3\ng: .5\ni: .inf\nj: -.Inf\nk: 08\nl: 99999999999999999999\nm: 1e400\nn: 9223372036854775807\no: +5\np: 1.0\nq: 1234567.5\nr: 0.00001\ns: 1e21\n",
    ),
    (
        "times",
        "a: 2024-01-02\nb: 2024-01-02T03:04:05Z\nc: 2024-01-02t03:04:05.120+05:30\nd: 2024-01-02 03:04:05\ne: 2024-01-02 03:04:05 Z\nf: 12:30:45\ng: 2024-13-01\nh: \"2024-01-02\"\n",
    ),
    (
        "words",
        "a: yes\nb: No\nc: on\nd: y\ne: NULL\nf: True\ng: nULL\nh: tRUE\ni: =\nj: <<\n",
    ),
    (
        "=quoted words",
        "a: \"yes\"\nb: 'No'\nc: \"5\"\nd: '1.5'\ne: \"true\"\nf: \"~\"\ng: 'null'\n",
    ),
    (
        "=lists",
        "a:\n  - x\n  - 1\n  - true\n  - null\n  - \"\"\n  - x\n  - x\nb: []\nc: {}\nd:\n- v\n- - z\n  - w\n-\n  - v\n",
    ),
    (
        "=list of mappings",
        "a:\n  - name: x\n    value: 1\n  - name: v\n    value: |-\n      two\n      lines\n  - {name: z, value: \"q\"}\n",
    ),
    (
        "=literals",
        "a: |\n  one\n  two\nb: |-\n  one\n  two\nc: |+\n  one\n\n\nd: |+\n  one\ne: |2\n    indented\n  not\nf: |\n\n  leading\ng: |\n        deep\n          deeper\nh: |-\n  x\n",
    ),
    (
        "literal then blank lines",
        "a: |\n  one\n\n\nb: |-\n  two\n\n# c\nc: x\n",
    ),
    (
        "literal before a last line without its line break",
        "a: |\n  one\nb:\n  - |+\n    two\n  - x",
    ),
    (
        "clear literal at the end without its line break",
        "a: x\nb_unencrypted: |+2\n  one",
    ),
    ("blank literals with a digit", "a: |2+\n\n\nb:\n  - |3-\n\n"),
    (
        "=literal then blank lines, kept",
        "a: |\n  one\n\n\nb: |-\n  two\n\nc: x\n",
    ),
    (
        "folded",
        "a: >\n  one\n  two\n\n  three\nb: >-\n  one\n  two\nc: >+\n  one\n\n",
    ),
    (
        "=literal in list",
        "a:\n  - |\n    one\n    two\n  - |-\n    three\n  - b: |\n      four\n",
    ),
    (
        "header comment",
        "a: | # comment\n  one\nb: |- # other\n  two\n",
    ),
    (
        "=comments",
        "# top\na: 1 # inline\n# above b\nb: x\nc:\n  # above d\n  d: v # on d\n  # below d\ne:\n  - 1 # on 1\n  # above 2\n  - 2\n# end\n",
    ),
    (
        "=comments in flow",
        "a: { # open\n  b: x, # after b\n  # above c\n  c: v\n  }\n",
    ),
    (
        "=comments apart",
        "# license\n\n# head\na: 1\n\n# middle\n\nb:\n  c: 1\n\n  # foot\n\nd: 2\n\n# end\n",
    ),
    (
        "comment only lists",
        "a:\n  # one\n  - x\n  #two\n  - y # three\n",
    ),
    (
        "=flow",
        "a: [x, \"v\", 'z', 1, true, null]\nb: {c: x, d: \"v\", e: [f, {g: h}]}\n",
    ),
    ("flow without values", "a: {b, c: , \"d\":e, \"f\"}\n"),
    (
        "=flow over lines",
        "a: [\n  x,\n  \"v\",\n  ]\nb: {\n  c: 1,\n  d: z\n  }\n",
    ),
    (
        "json",
        "{\"a\": \"x\", \"b\": [1, 2.5, true, null, \"\"], \"c\": {\"d\": \"e\"}}\n",
    ),
    (
        "json on lines",
        "{\n  \"a\": \"x\",\n  \"b\": {\n    \"c\": \"line\\nline\"\n  }\n}\n",
    ),
    (
        "=quotes",
        "a: 'it''s'\nb: \"say \\\"x\\\"\"\nc: \"tab\\tnew\\nline\"\nd: \"back\\\\slash\"\ne: 'a: b'\nf: \"#x\"\n",
    ),
    (
        "escapes",
        "a: \"\\u00e9\\x41\\U0001F600\\e\\0\\N\\_\\L\"\nb: \"folded\n  over lines\\\n   joined\"\nc: 'folded\n\n  over lines'\n",
    ),
    (
        "=unicode",
        "a: grüße\nb: \"日本語\"\nc: 🦀\nключ: значение\n",
    ),
    (
        "=keys",
        "\"quoted key\": x\n'single': v\na.b: z\n\"a:b\": w\n? explicit\n: v\na b: u\n\"\": t\n",
    ),
    (
        "long key",
        "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk: v\n",
    ),
    (
        "plain over lines",
        "a: one\n  two\n\n  three\nb:\n  four\n  five\n",
    ),
    (
        "=odd spacing",
        "a:    x\n\n\nb:\n      c:   1\n      d:\n           - v\n\n\n\ne:   \"z\"   \n",
    ),
    ("=indented root", "  a: x\n  b:\n    c: v\n"),
    ("no newline at end", "a: x\nb: y"),
    ("literal without newline at end", "a: x\nb: |\n  y"),
    ("kept literal without newline at end", "a: x\nb: |+\n  y"),
    ("=documents", "a: 1\n---\nb: x\n---\nc:\n  - v\n"),
    ("=documents with markers", "---\na: 1\n...\n---\nb: x\n"),
    (
        "documents with comments",
        "# one\na: 1\n# end of one\n---\n# two\nb: x\n# end of two\n",
    ),
    ("empty document", "a: 1\n---\n---\nb: 2\n"),
    ("start marker", "--- # comment\na: x\n"),
    (
        "anchors",
        "a: &x secret\nb: *x\nc: &m\n  d: 1\n  e: y\nf: *m\ng:\n  - *x\n  - *m\n",
    ),
    (
        "merge keys",
        "base: &base\n  a: 1\n  b: x\nderived:\n  <<: *base\n  c: y\nmany:\n  <<: [*base]\n",
    ),
    (
        "anchored key scalars",
        "a: &a |\n  text\nb: *a\nc: &c [1, x]\nd: {e: *c}\n",
    ),
    (
        "aliases across selection",
        "metadata: &m {name: x}\nstringData:\n  copy: *m\ndata: &d\n  k: v\nannotations: *d\nplain: &p text\nother: *p\n",
    ),
    (
        "tags",
        "a: !!str 5\nb: !!int \"5\"\nc: !!float 5\nd: !!binary aGVsbG8=\ne: !local x\nf: !!binary |\n  aGVs\n  bG8=\ng: ! x\nh: !local 5\ni: !!str\n",
    ),
    (
        "tagged anchors",
        "a: !!int &x \"5\"\nb: &y !!binary aGk=\nc: *x\n",
    ),
    ("binary that is not text", "a: !!binary /+8=\n"),
    (
        "tagged collections",
        "a: !!map {b: x}\nc: !!seq\n  - y\nd: !local\n  e: z\n",
    ),
    (
        "crlf",
        "a: x\r\nb: |\r\n  one\r\n  two\r\nc:\r\n  - \"y\" # comment\r\n# end\r\n",
    ),
    ("carriage return inside", "a: \"one\\r\\ntwo\\r\\n\"\n"),
    (
        "trailing blanks in literals",
        "a: |\n  one  \n  two\t\nb: \"x \\ny\"\n",
    ),
    ("tabs", "a: \"x\\ty\"\nb: |\n  x\ty\nc: x\ty\n"),
    ("byte order mark", "\u{feff}a: x\nb: y\n"),
    (
        "=value that looks odd",
        "a: \"ENC[AES256_GCM,data:x]\"\nb: \"- x\"\nc: \"---\"\nd: \"{}\"\ne: \"*x\"\nf: \"&v\"\ng: \"!z\"\nh: \"%\"\ni: \"@\"\nj: \"`\"\nk: \": \"\nl: \" x \"\n",
    ),
    (
        "=unencrypted keys",
        "a_unencrypted: x\nb: v\nc_unencrypted:\n  d: 1\n  e: [2, \"f\"]\nf_secret: z\n",
    ),
    (
        "=deep",
        "a:\n  b:\n    c:\n      d:\n        e:\n          - f:\n              g: x\n",
    ),
    ("=same values", "a: x\nb: x\nc:\n  - x\n  - x\nd: {a: x}\n"),
    (
        "nested lists",
        "a:\n- - - x\n    - y\n  - - z\n- - []\n  - {}\n",
    ),
    (
        "long value",
        "a: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 word word word word\n",
    ),
    (
        "=two secrets and a config",
        "# Database credentials\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  x: \"1\"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata:\n  y: |\n    text\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: c}\ndata:\n  z: aGVsbG8=\n",
    ),
    ("inf and nan words", "a: inf\nb: NaN\nc: .NaN\nd: +.inf\n"),
];
