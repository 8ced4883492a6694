//! Values as they are written and read: plain JSON for people, tagged in compact encodings, and never too deep.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MAX_DEPTH, Value};

impl Serialize for Value {
    /// Plain JSON for people; a tag and the content in compact encodings, which do not describe themselves.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return match self {
                Self::Null => serializer.serialize_unit(),
                Self::Bool(value) => serializer.serialize_bool(*value),
                Self::Number(value) => serialize_number(*value, serializer),
                Self::Text(text) => serializer.serialize_str(text),
                Self::List(values) => serializer.collect_seq(values),
                Self::Object(fields) => {
                    let mut map = serializer.serialize_map(Some(fields.len()))?;
                    for (name, value) in fields.iter() {
                        map.serialize_entry(name, value)?;
                    }
                    map.end()
                }
            };
        }
        let mut pair = serializer.serialize_tuple(2)?;
        match self {
            Self::Null => (pair.serialize_element(&0_u8)?, pair.serialize_element(&())?),
            Self::Bool(value) => (pair.serialize_element(&1_u8)?, pair.serialize_element(value)?),
            Self::Number(value) => (pair.serialize_element(&2_u8)?, pair.serialize_element(value)?),
            Self::Text(text) => (pair.serialize_element(&3_u8)?, pair.serialize_element(text)?),
            Self::List(values) => (pair.serialize_element(&4_u8)?, pair.serialize_element(values)?),
            Self::Object(fields) => (pair.serialize_element(&5_u8)?, pair.serialize_element(fields)?),
        };
        pair.end()
    }
}

/// Whole numbers without a fraction, as people write them.
fn serialize_number<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if libm::trunc(value).to_bits() == value.to_bits() && value.abs() < 9e15 {
        // Exact: whole and far below 2^63.
        serializer.serialize_i64(value as i64)
    } else {
        serializer.serialize_f64(value)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AtDepth(MAX_DEPTH).deserialize(deserializer)
    }
}

/// Reads a value that may hold so many more levels.
#[derive(Clone, Copy)]
struct AtDepth(u8);

impl AtDepth {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.0.checked_sub(1) {
            Some(depth) => Ok(Self(depth)),
            None => Err(E::custom(format_args!("lists and objects nest deeper than {MAX_DEPTH} levels"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for AtDepth {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Plain(self))
        } else {
            deserializer.deserialize_tuple(2, Tagged(self))
        }
    }
}

struct Plain(AtDepth);

impl<'de> Visitor<'de> for Plain {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false, a finite number, text, a list or an object")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        // Whole numbers beyond 2^53 keep their 53 leading bits, as JavaScript hosts keep them.
        Ok((value as f64).into())
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok((value as f64).into())
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() { Ok(value.into()) } else { Err(E::custom("a number that is not finite")) }
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.0.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(deeper)? {
            values.push(value);
        }
        Ok(Value::List(values.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let deeper = self.0.deeper()?;
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<Box<str>>()? {
            fields.insert(name, map.next_value_seed(deeper)?);
        }
        Ok(Value::Object(Box::new(fields)))
    }
}

struct Tagged(AtDepth);

impl<'de> Visitor<'de> for Tagged {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tagged value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let short = || de::Error::invalid_length(1, &"a tag and a content");
        let tag: u8 = seq.next_element()?.ok_or_else(short)?;
        match tag {
            0 => seq.next_element::<()>()?.map(|()| Value::Null),
            1 => seq.next_element()?.map(Value::Bool),
            2 => match seq.next_element::<f64>()? {
                Some(number) if !number.is_finite() => return Err(de::Error::custom("a number that is not finite")),
                number => number.map(Value::from),
            },
            3 => seq.next_element()?.map(Value::Text),
            4 => seq.next_element_seed(Elements(self.0.deeper()?))?.map(|values| Value::List(values.into())),
            5 => seq.next_element_seed(Fields(self.0.deeper()?))?.map(|fields| Value::Object(Box::new(fields))),
            _ => return Err(de::Error::custom("an unknown kind of value")),
        }
        .ok_or_else(short)
    }
}

struct Elements(AtDepth);

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = Vec<Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<Value>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.0)? {
            values.push(value);
        }
        Ok(values)
    }
}

struct Fields(AtDepth);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = BTreeMap<Box<str>, Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = BTreeMap<Box<str>, Value>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("named values")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<Box<str>>()? {
            fields.insert(name, map.next_value_seed(self.0)?);
        }
        Ok(fields)
    }
}
