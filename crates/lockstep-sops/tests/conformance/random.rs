//! Makes documents nobody would write, from a seed.

/// Scalars as they stand in a file, for any place outside brackets.
const SCALARS: &[&str] = &[
    "word",
    "two words",
    "5",
    "-17",
    "0x1f",
    "0755",
    "1.5",
    "1e3",
    ".5",
    "true",
    "False",
    "null",
    "~",
    "yes",
    "2024-01-02",
    "2024-01-02T03:04:05+02:00",
    "12:30",
    "''",
    "\"\"",
    "'it''s'",
    "'5'",
    "\"5\"",
    "\"a\\nb\"",
    "\"tab\\t\"",
    "'# no comment'",
    "\"x: y\"",
    "http://a/b?c=d#e",
    "a#b",
    "grüße",
    "'🦀'",
    "\"\\u00e9\\x01\"",
    "!!str 5",
    "!local x",
    "!!binary aGk=",
    "ENC",
    "-x",
    ":x",
    "x,y",
    "[]",
    "{}",
    "c2VjcmV0Cg==",
    "<<",
];

/// Scalars for inside brackets.
const IN_BRACKETS: &[&str] = &[
    "word",
    "5",
    "1.5",
    "true",
    "null",
    "'x, y'",
    "\"z\"",
    "''",
    "two words",
    "a:b",
    "2024-01-02",
];

/// Lines of block scalars.
const LINES: &[&str] = &[
    "line",
    "  indented",
    "",
    "key: value",
    "# no comment",
    "- item",
    "trailing ",
    "tab\tinside",
    "…",
];

const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "key",
    "data",
    "stringData",
    "metadata",
    "x_unencrypted",
    "y_secret",
    "\"q\"",
    "'s'",
    "with space",
    "dotted.key",
    "\"co:lon\"",
    "ключ",
];

/// A seeded generator of documents.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    /// A file of one to three documents.
    pub(crate) fn file(&mut self) -> String {
        let documents = 1 + self.below(5) / 2;
        let texts: Vec<String> = (0..documents).map(|_| self.document()).collect();
        let text = texts.join("---\n");
        if self.below(8) == 0 {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    }

    fn document(&mut self) -> String {
        let mut out = String::new();
        let mut anchors = 0;
        self.mapping(0, 0, &mut out, &mut anchors);
        out
    }

    fn mapping(&mut self, depth: usize, indent: usize, out: &mut String, anchors: &mut usize) {
        let mut keys = KEYS.to_vec();
        for _ in 0..1 + self.below(4) {
            let key = keys.swap_remove(self.below(keys.len()));
            self.between(indent, out);
            out.push_str(&format!("{}{key}:", " ".repeat(indent)));
            self.value(depth, indent, out, anchors);
        }
    }

    fn between(&mut self, indent: usize, out: &mut String) {
        match self.below(10) {
            0 => out.push('\n'),
            1 | 2 => out.push_str(&format!("{}# comment\n", " ".repeat(indent))),
            3 => out.push_str(&format!("{0}#one\n{0}# two\n", " ".repeat(indent))),
            _ => {}
        }
    }

    /// What follows a colon or a dash, with its line break.
    fn value(&mut self, depth: usize, indent: usize, out: &mut String, anchors: &mut usize) {
        let step = 1 + self.below(4);
        match self.below(if depth < 3 { 12 } else { 8 }) {
            0 => out.push('\n'),
            1 => self.block(indent + step, out),
            2 => self.flow(out),
            3 => {
                *anchors += 1;
                let scalar = self.one_of(&SCALARS[..20]);
                out.push_str(&format!(" &n{anchors} {scalar}\n"));
            }
            4 if *anchors > 0 => {
                let anchor = 1 + self.below(*anchors);
                out.push_str(&format!(" *n{anchor}\n"));
            }
            4..=7 => {
                let (scalar, comment) = (self.one_of(SCALARS), self.below(6) == 0);
                out.push_str(&format!(
                    " {scalar}{}\n",
                    if comment { " # inline" } else { "" }
                ));
            }
            8 | 9 => {
                out.push('\n');
                self.mapping(depth + 1, indent + step, out, anchors);
            }
            _ => {
                out.push('\n');
                self.sequence(depth + 1, indent + step, out, anchors);
            }
        }
    }

    fn sequence(&mut self, depth: usize, indent: usize, out: &mut String, anchors: &mut usize) {
        for _ in 0..1 + self.below(4) {
            self.between(indent, out);
            out.push_str(&format!("{}-", " ".repeat(indent)));
            self.value(depth, indent, out, anchors);
        }
    }

    fn block(&mut self, indent: usize, out: &mut String) {
        let style = self.one_of(&["|", "|-", "|+", ">", ">-"]);
        let lines: Vec<&str> = (0..1 + self.below(4)).map(|_| self.one_of(LINES)).collect();
        // A first line that is blank or indented would need an indentation digit.
        out.push_str(&format!(" {style}\n{}first\n", " ".repeat(indent)));
        for line in lines {
            let spaces = if line.is_empty() { 0 } else { indent };
            out.push_str(&format!("{}{line}\n", " ".repeat(spaces)));
        }
    }

    fn flow(&mut self, out: &mut String) {
        let (a, b, c) = (
            self.one_of(IN_BRACKETS).to_owned(),
            self.one_of(IN_BRACKETS).to_owned(),
            self.one_of(IN_BRACKETS),
        );
        out.push_str(&match self.below(4) {
            0 => format!(" [{a}, {b}]\n"),
            1 => format!(" {{k: {a}, \"l\": {b}}}\n"),
            2 => format!(" [{a}, {{m: [{b}, {c}]}}]\n"),
            _ => format!(" {{k_unencrypted: {a}, data: {{n: {b}}}}}\n"),
        });
    }
}
