//! A value as JSON, in the order in which it was written.

use crate::Exit;
use crate::failure::Failure;
use lockstep_secret::SecretString;
use lockstep_sops::NewValue;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads a value. The message says where it breaks off, and nothing of what it holds.
pub(crate) fn parse(text: &SecretString) -> Result<NewValue, Failure> {
    serde_json::from_str::<Value>(text.expose())
        .map(|value| value.0)
        .map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Failure::new(
                Exit::BadValue,
                format!("the value is not JSON that can be set: line {line}, column {column}"),
            )
            .hint("a text needs quotes: '\"like this\"'; no key may come twice")
        })
}

struct Value(NewValue);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = NewValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<NewValue, E> {
        Ok(NewValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<NewValue, E> {
        Ok(NewValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<NewValue, E> {
        Ok(NewValue::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<NewValue, E> {
        let value = i64::try_from(value);
        value.map(NewValue::Int).map_err(|_| E::custom("too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<NewValue, E> {
        Ok(NewValue::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<NewValue, E> {
        Ok(NewValue::Text(SecretString::new(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<NewValue, E> {
        Ok(NewValue::Text(SecretString::new(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NewValue, A::Error> {
        let mut items = Vec::new();
        while let Some(Value(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(NewValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NewValue, A::Error> {
        let mut entries = Vec::<(String, NewValue)>::new();
        while let Some((key, Value(value))) = map.next_entry::<String, Value>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("twice"));
            }
            entries.push((key, value));
        }
        Ok(NewValue::Map(entries))
    }
}
