//! A scalar with its type, and the bytes SOPS encrypts and hashes for it.

use crate::timestamp::Timestamp;
use zeroize::Zeroizing;

/// A scalar as sops types it.
#[derive(Debug, PartialEq)]
pub(crate) enum Typed {
    /// No value: never encrypted, never hashed.
    Null,
    /// A string; not always UTF-8.
    Str(Zeroizing<Vec<u8>>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(Timestamp),
}

/// The type that an encrypted value names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeName {
    Str,
    Int,
    Float,
    Bool,
    Time,
    Comment,
}

impl TypeName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
        }
    }

    /// Reads the name; `bytes` is a spelling of early releases for a string.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "str" | "bytes" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "comment" => Self::Comment,
            _ => return None,
        })
    }
}

impl Typed {
    /// The type it is stored with; `None` for what is never encrypted.
    pub(crate) fn type_name(&self) -> Option<TypeName> {
        match self {
            Self::Null => None,
            Self::Str(bytes) if bytes.is_empty() => None,
            Self::Str(_) => Some(TypeName::Str),
            Self::Int(_) => Some(TypeName::Int),
            Self::Float(_) => Some(TypeName::Float),
            Self::Bool(_) => Some(TypeName::Bool),
            Self::Time(_) => Some(TypeName::Time),
        }
    }

    /// The bytes that are encrypted and hashed.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let text = match self {
            Self::Null => String::new(),
            Self::Str(bytes) => return bytes.clone(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => float_text(*value),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Time(time) => time.to_string(),
        };
        Zeroizing::new(text.into_bytes())
    }

    /// Reads decrypted bytes as the type they name; `None` when they are not of that type.
    pub(crate) fn from_bytes(name: TypeName, bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        if matches!(name, TypeName::Str | TypeName::Comment) {
            return Some(Self::Str(bytes));
        }
        let text = std::str::from_utf8(&bytes).ok()?;
        Some(match name {
            TypeName::Str | TypeName::Comment => return None,
            TypeName::Int => Self::Int(text.parse().ok()?),
            TypeName::Float => Self::Float(parse_go_float(text)?),
            TypeName::Bool => Self::Bool(parse_go_bool(text)?),
            TypeName::Time => Self::Time(Timestamp::parse_rfc3339(text)?),
        })
    }
}

/// The shortest decimal that reads back as `value`, without an exponent: Go's `'f', -1`.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// Go's `ParseFloat`, for what Go's `FormatFloat` writes.
fn parse_go_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let spelled_out = text.to_ascii_lowercase().contains("inf");
    (value.is_finite() || value.is_nan() || spelled_out).then_some(value)
}

/// Go's `ParseBool`.
fn parse_go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_like_go_without_an_exponent() {
        for (value, text) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float_text(value), text);
            assert_eq!(
                parse_go_float(text).map(f64::to_bits),
                Some(value.to_bits()),
                "{text}"
            );
        }
    }

    #[test]
    fn bytes_of_another_type_are_refused() {
        let read = |name, text: &str| {
            Typed::from_bytes(name, Zeroizing::new(text.as_bytes().to_vec())).is_some()
        };
        assert!(read(TypeName::Int, "-5") && !read(TypeName::Int, "5.0"));
        assert!(read(TypeName::Bool, "True") && !read(TypeName::Bool, "yes"));
        assert!(
            read(TypeName::Time, "2024-01-02T03:04:05Z") && !read(TypeName::Time, "2024-01-02")
        );
        assert!(!read(TypeName::Float, "1e999"));
    }
}
