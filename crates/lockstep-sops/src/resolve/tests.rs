//! The table of types; the same texts run against the real sops in `tests/conformance.rs`.

use super::*;

fn of(text: &str) -> String {
    describe(plain(text, None))
}

fn describe(typed: Result<Typed, Unfit>) -> String {
    match typed {
        Ok(typed) => {
            let name = typed
                .type_name()
                .map_or("null", crate::typed::TypeName::as_str);
            format!("{name} {}", String::from_utf8_lossy(&typed.bytes()))
        }
        Err(unfit) => format!("{unfit:?}"),
    }
}

#[test]
fn plain_scalars_have_the_types_of_go_yaml() {
    for (text, expected) in [
        ("", "null "),
        ("~", "null "),
        ("NULL", "null "),
        ("nULL", "str nULL"),
        ("true", "bool True"),
        ("FALSE", "bool False"),
        ("yes", "str yes"),
        ("on", "str on"),
        ("5", "int 5"),
        ("+5", "int 5"),
        ("-5", "int -5"),
        ("0777", "int 511"),
        ("0o17", "int 15"),
        ("0x1F", "int 31"),
        ("0x_1F", "int 31"),
        ("0b101", "int 5"),
        ("-0b101", "int -5"),
        ("0b-1", "int -1"),
        ("1_000", "int 1000"),
        ("_1", "str _1"),
        ("08", "float 8"),
        ("1e3", "float 1000"),
        ("12e03", "float 12000"),
        ("1.", "float 1"),
        ("1.0", "float 1"),
        (".5", "float 0.5"),
        ("._5", "str ._5"),
        (".5_0", "float 0.5"),
        (".", "str ."),
        ("-.5", "float -0.5"),
        ("-0.0", "float -0"),
        (".inf", "float +Inf"),
        ("-.INF", "float -Inf"),
        (".nan", "float NaN"),
        ("1e400", "str 1e400"),
        ("9223372036854775807", "int 9223372036854775807"),
        ("-9223372036854775808", "int -9223372036854775808"),
        ("9223372036854775808", "TooLarge"),
        ("18446744073709551616", "float 18446744073709552000"),
        ("0xFFFFFFFFFFFFFFFFFF", "str 0xFFFFFFFFFFFFFFFFFF"),
        ("12:30:45", "str 12:30:45"),
        ("1.2.3", "str 1.2.3"),
        ("0x1p4", "str 0x1p4"),
        ("-", "str -"),
        ("2024-01-02", "time 2024-01-02T00:00:00Z"),
        ("2024-01-32", "str 2024-01-32"),
        ("<<", "str <<"),
    ] {
        assert_eq!(of(text), expected, "{text:?}");
    }
}

#[test]
fn tags_convert_or_refuse() {
    let with = |style, text: &str, tag: &str| {
        let scalar = Scalar {
            style,
            text: Zeroizing::new(text.to_owned()),
            block: None,
        };
        let tag = if tag.starts_with('!') {
            tag.into()
        } else {
            format!("tag:yaml.org,2002:{tag}")
        };
        describe(resolve(&scalar, Some(&tag)))
    };
    use ScalarStyle::{DoubleQuoted, Plain};
    assert_eq!(with(Plain, "5", "str"), "str 5");
    assert_eq!(with(DoubleQuoted, "5", "int"), "int 5");
    assert_eq!(with(Plain, "5", "float"), "float 5");
    assert_eq!(with(Plain, "x", "int"), "Tag");
    assert_eq!(with(Plain, "yes", "bool"), "Tag");
    assert_eq!(with(Plain, "aGk=", "binary"), "str hi");
    assert_eq!(with(Plain, "a", "binary"), "Tag");
    assert_eq!(with(Plain, "5", "!vault"), "str 5");
    assert_eq!(with(Plain, "5", "!"), "int 5");
    assert_eq!(
        with(DoubleQuoted, "2024-01-02", "timestamp"),
        "time 2024-01-02T00:00:00Z"
    );
}

#[test]
fn what_other_readers_would_misread_is_quoted() {
    for text in [
        "yes",
        "On",
        "n",
        "12:30:45",
        "1:30",
        "5",
        "",
        "null",
        "2024-01-02",
        ".5",
    ] {
        assert!(!is_safe_plain(text), "{text}");
    }
    for text in ["a", "1.2.3", "12:99", "10.0.0.1", "a:b", "yesterday"] {
        assert!(is_safe_plain(text), "{text}");
    }
}
