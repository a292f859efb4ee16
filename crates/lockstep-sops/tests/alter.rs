//! One value changed in a decrypted text: in its style, and nothing else.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]

use lockstep_secret::{DataKey, SecretString};
use lockstep_sops::{
    AgeEntry, AlterError, Altering, Document, EncryptionPolicy, KeyPath, NewValue, Opened, Parsed,
    Step, parse,
};

fn opened(text: &str) -> Document<Opened> {
    let key = DataKey::generate(&mut |bytes| bytes.fill(1));
    let Parsed::Clear(document) = parse(SecretString::new(text.to_owned())).unwrap() else {
        panic!("already encrypted")
    };
    let entry = AgeEntry {
        recipient: "age1test".into(),
        enc: "line\n".into(),
    };
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let policy = EncryptionPolicy::default();
    let sealed = document
        .encrypt(&policy, &key, &[entry], now, &mut random)
        .unwrap();
    match parse(SecretString::new(sealed)) {
        Ok(Parsed::Encrypted(document)) => document.open(&key).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// `a.0.b` as a path.
fn path(text: &str) -> KeyPath {
    let step = |part: &str| match part.parse() {
        Ok(position) => Step::Index(position),
        Err(_) => Step::Key(part.to_owned()),
    };
    KeyPath(text.split('.').map(step).collect())
}

fn text(text: &str) -> NewValue {
    NewValue::Text(SecretString::new(text.to_owned()))
}

fn map(key: &str, value: NewValue) -> NewValue {
    NewValue::Map(vec![(key.to_owned(), value)])
}

#[test]
fn a_value_is_set_in_the_style_of_its_place() {
    for (before, at, value, after) in [
        ("a: b # c\n", "a", text("d"), "a: d # c\n"),
        ("a: 'b'\n", "a", text("d's"), "a: 'd''s'\n"),
        ("a: \"b\"\n", "a", text("d"), "a: \"d\"\n"),
        ("a: b\n", "a", text("yes"), "a: \"yes\"\n"),
        ("a: b\n", "a", NewValue::Int(5), "a: 5\n"),
        ("a: 'b'\n", "a", NewValue::Bool(true), "a: true\n"),
        ("a: b\n", "a", NewValue::Float(0.5), "a: 0.5\n"),
        ("a: b\n", "a", NewValue::Float(2.0), "a: 2.0\n"),
        ("a: b\n", "a", NewValue::Null, "a: null\n"),
        ("a: b\n", "a", text(""), "a: \"\"\n"),
        ("a:\nb: c\n", "a", text("d"), "a: d\nb: c\n"),
        ("a: !!binary aGk=\n", "a", text("d"), "a: d\n"),
        (
            "a: b\nc: d\n",
            "a",
            text("x\ny\n"),
            "a: |\n    x\n    y\nc: d\n",
        ),
        (
            "a: |\n  x\n  y\nc: d\n",
            "a",
            text("z\n"),
            "a: |\n  z\nc: d\n",
        ),
        ("a: {b: c, d: e}\n", "a.b", text("f"), "a: {b: f, d: e}\n"),
        ("{\"a\": \"b\"}\n", "a", text("c"), "{\"a\": \"c\"}\n"),
        ("a:\n- b\n- c\n", "a.1", text("d"), "a:\n- b\n- d\n"),
        ("a: [b, c]\n", "a.0", text("d"), "a: [d, c]\n"),
        ("a: b\r\nc: d\r\n", "c", text("e"), "a: b\r\nc: e\r\n"),
    ] {
        let altered = opened(before).set(&path(at), value).unwrap();
        assert_eq!(altered.text.expose(), after, "{before}");
        assert_eq!(altered.change, Altering::Something, "{before}");
    }
}

#[test]
fn what_is_missing_on_the_way_is_made() {
    for (before, at, value, after) in [
        ("a: b\n", "c", text("d"), "a: b\nc: d\n"),
        (
            "a:\n  b: c\nd: e\n",
            "a.x",
            text("y"),
            "a:\n  b: c\n  x: \"y\"\nd: e\n",
        ),
        (
            "a:\n  b: c\n",
            "p.q.r",
            text("s"),
            "a:\n  b: c\np:\n  q:\n    r: s\n",
        ),
        ("a: b\n", "p.q", text("s"), "a: b\np:\n    q: s\n"),
        ("a:\n", "a.b", text("c"), "a:\n    b: c\n"),
        ("a: {}\nd: e\n", "a.b", text("c"), "a:\n    b: c\nd: e\n"),
    ] {
        let altered = opened(before).set(&path(at), value).unwrap();
        assert_eq!(altered.text.expose(), after, "{before}");
    }
}

#[test]
fn what_is_added_stands_behind_what_is_there() {
    for (before, at, value, after) in [
        ("a:\n- b\n", "a.7", text("c"), "a:\n- b\n- c\n"),
        (
            "a:\n  - b: c\n",
            "a.0.d",
            text("e"),
            "a:\n  - b: c\n    d: e\n",
        ),
        (
            "a:\n  - b: c\n",
            "a.1.d",
            text("e"),
            "a:\n  - b: c\n  - d: e\n",
        ),
        ("a: b\n", "l.3", text("c"), "a: b\nl:\n    - c\n"),
        ("a: {b: c}\n", "a.d", text("e"), "a: {b: c, d: e}\n"),
        (
            "x: {\n  \"a\": \"b\"\n  }\n",
            "x.c",
            text("d"),
            "x: {\n  \"a\": \"b\",\n  \"c\": \"d\"\n  }\n",
        ),
        (
            "a: b\n---\nc: d\n",
            "e",
            text("f"),
            "a: b\ne: f\n---\nc: d\n",
        ),
        (
            "a: |\n  x\n\n# end\n",
            "c",
            text("d"),
            "a: |\n  x\nc: d\n\n# end\n",
        ),
        (
            "a: b\n",
            "c",
            map(
                "d",
                map(
                    "e",
                    NewValue::List(vec![text("f"), map("g", NewValue::Null)]),
                ),
            ),
            "a: b\nc:\n    d:\n        e:\n            - f\n            - g: null\n",
        ),
        ("a:\n  b: c\n", "a", map("d", text("e")), "a:\n  d: e\n"),
        ("a:\n  b: c\nx: z\n", "a", text("e"), "a: e\nx: z\n"),
        ("a: b\n", "a", map("c", text("d")), "a:\n    c: d\n"),
        ("a: b\n", "c", NewValue::List(Vec::new()), "a: b\nc: []\n"),
    ] {
        let altered = opened(before).set(&path(at), value).unwrap();
        assert_eq!(altered.text.expose(), after, "{before}");
    }
}

#[test]
fn a_value_that_is_there_already_is_noticed() {
    for (before, at, value) in [
        ("a: 'b'\n", "a", text("b")),
        ("a:\n  b: 5\n", "a", map("b", NewValue::Int(5))),
    ] {
        let altered = opened(before).set(&path(at), value).unwrap();
        assert_eq!(altered.change, Altering::Nothing, "{before}");
    }
    let altered = opened("a: \"5\"\n")
        .set(&path("a"), NewValue::Int(5))
        .unwrap();
    assert_eq!(altered.change, Altering::Something);
}

#[test]
fn a_value_is_taken_out() {
    for (before, at, after) in [
        ("a: b\nc: d\n", "a", "c: d\n"),
        ("a: b\nc: d # e\n", "c", "a: b\n"),
        (
            "a:\n  b: c\n  d: |\n    x\ne: f\n",
            "a.d",
            "a:\n  b: c\ne: f\n",
        ),
        ("a:\n  b: c\n", "a.b", "a: {}\n"),
        ("a: b\n", "a", "{}\n"),
        ("a:\n- b\n- c\n", "a.0", "a:\n- c\n"),
        ("a:\n- b\n", "a.0", "a: []\n"),
        ("a:\n- b: c\n  d: e\n", "a.0.b", "a:\n- d: e\n"),
        ("a:\n- b: c\n  d: e\n- f\n", "a.0", "a:\n- f\n"),
        ("a:\n- - b\n  - c\n", "a.0.0", "a:\n- - c\n"),
        ("a: {b: c, d: e}\n", "a.b", "a: {d: e}\n"),
        ("a: {b: c, d: e}\n", "a.d", "a: {b: c}\n"),
        ("a: [b, c, d]\n", "a.1", "a: [b, d]\n"),
        (
            "x: {\n  \"a\": \"b\",\n  \"c\": \"d\"\n  }\n",
            "x.c",
            "x: {\n  \"a\": \"b\"\n  }\n",
        ),
    ] {
        let altered = opened(before).unset(&path(at)).unwrap();
        assert_eq!(altered.text.expose(), after, "{before}");
    }
}

#[test]
fn what_cannot_be_changed_is_said_without_values() {
    let file = "a: hunter2\nb_unencrypted: &x {c: hunter2}\nd_unencrypted: *x\ne: [hunter2]\n";
    for (at, expected) in [
        ("a.b", "a: this is a value, with nothing inside"),
        ("a.0", "a: this is a value, with nothing inside"),
        (
            "b_unencrypted.0",
            "b_unencrypted[0]: a list has positions and a mapping has keys: the last step is of the wrong sort",
        ),
        (
            "d_unencrypted.c",
            "d_unencrypted: this is an alias: what it stands for would change elsewhere, too",
        ),
        (
            "e.f",
            "e.f: a list has positions and a mapping has keys: the last step is of the wrong sort",
        ),
        (
            "b_unencrypted",
            "b_unencrypted: this cannot be changed without changing the text around it",
        ),
    ] {
        let error = opened(file).set(&path(at), text("hunter3")).unwrap_err();
        assert_eq!(error.to_string(), expected, "{at}");
    }
    for (at, expected) in [
        ("f", "f: there is nothing here"),
        ("e.3", "e[3]: there is nothing here"),
    ] {
        let error = opened(file).unset(&path(at)).unwrap_err();
        assert!(matches!(error, AlterError::NotThere(_)));
        assert_eq!(error.to_string(), expected, "{at}");
    }
}
