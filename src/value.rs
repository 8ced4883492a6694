//! Typed values of attributes and properties.
//!
//! A [`Value`] is what JSON can say, with one kind of number (`f64`, always finite once it has come through the
//! door) and no more than [`MAX_DEPTH`] levels. Points in time are text (RFC 3339) or milliseconds; the schema says
//! which attributes are times.

mod stored;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

/// Named values, in the order of their names.
pub type Properties = BTreeMap<String, Value>;

/// How deep lists and objects may nest; deeper input is refused when it is read.
pub const MAX_DEPTH: u8 = 8;

/// A value of an attribute or of an event's property.
///
/// ```
/// use bespoke::value::Value;
/// let value: Value = serde_json::from_str(r#"["a", 1, true]"#).unwrap();
/// assert_eq!(value, Value::List(Box::new(["a".into(), 1.0.into(), true.into()])));
/// assert_eq!(value.to_string(), r#"["a", 1, true]"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing; as an attribute it stands for "removed".
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(Text),
    /// Several values in order.
    List(Box<[Value]>),
    /// Named values.
    Object(Box<BTreeMap<Box<str>, Value>>),
}

/// The text of a [`Value`]: up to 23 bytes lie in the value itself, longer ones are shared when cloned.
///
/// Most attributes are short words, and a profile holds many: this keeps each from being an allocation of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(smol_str::SmolStr);

impl std::ops::Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Text {
    /// The bytes that lie outside the value.
    fn heap_bytes(&self) -> usize {
        // Two counters lie before the bytes, and all of it is a whole number of words.
        if self.0.is_heap_allocated() { (self.len() + 16).next_multiple_of(8) } else { 0 }
    }
}

/// The kind of a value, as a schema declares it and as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// Text.
    Text,
    /// A point in time: RFC 3339 text, a date, or milliseconds since 1970.
    Time,
    /// A list of values.
    List,
    /// Named values.
    Object,
}

impl Kind {
    /// The word for the kind in schemas and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "text",
            Self::Time => "time",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Bool, Self::Number, Self::Text, Self::Time, Self::List, Self::Object];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub const fn as_number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The kind; `None` for nothing.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Object(_) => Kind::Object,
        })
    }

    /// Whether every number in it is finite and no list or object nests deeper than [`MAX_DEPTH`].
    ///
    /// JSON always gives such values; values built in Rust are checked with the event that carries them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.is_sound_to(MAX_DEPTH)
    }

    fn is_sound_to(&self, depth: u8) -> bool {
        match self {
            Self::Number(number) => number.is_finite(),
            Self::List(values) => depth > 0 && values.iter().all(|value| value.is_sound_to(depth - 1)),
            Self::Object(fields) => depth > 0 && fields.values().all(|value| value.is_sound_to(depth - 1)),
            _ => true,
        }
    }

    /// The bytes of texts and of names, and 24 for each element of a list and 40 for each field of an object.
    pub(crate) fn content_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::Text(text) => text.len(),
            Self::List(values) => values.iter().map(|value| size_of::<Self>() + value.content_bytes()).sum(),
            Self::Object(fields) => {
                let entry = size_of::<(Box<str>, Self)>();
                fields.iter().map(|(name, value)| entry + name.len() + value.content_bytes()).sum()
            }
        }
    }

    /// The bytes that the value holds outside itself; of an object an upper bound.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::Text(text) => text.heap_bytes(),
            Self::List(values) => values.iter().map(|value| size_of::<Self>() + value.heap_bytes()).sum(),
            Self::Object(fields) => {
                // The nodes of a B-tree have room for eleven entries and twelve children, and all but the root hold
                // five entries or more.
                let node = 11 * size_of::<(Box<str>, Self)>() + 14 * size_of::<usize>();
                let held: usize = fields.iter().map(|(name, value)| name.len() + value.heap_bytes()).sum();
                size_of::<BTreeMap<Box<str>, Self>>() + (1 + fields.len() / 5) * node + held
            }
        }
    }

    /// A total order for breaking ties between values: by kind, then by content.
    pub(crate) fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => {
                a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()))
            }
            (Self::Object(a), Self::Object(b)) => a
                .iter()
                .zip(b.iter())
                .map(|((m, a), (n, b))| m.cmp(n).then_with(|| a.total_cmp(b)))
                .find(|order| order.is_ne())
                .unwrap_or(a.len().cmp(&b.len())),
            _ => match (self.kind(), other.kind()) {
                (None, None) => Ordering::Equal,
                (a, b) => a.cmp(&b),
            },
        }
    }
}

/// A stable hash of named values, for telling apart what is equal otherwise.
pub(crate) fn digest(properties: &Properties) -> u64 {
    let mut hasher = Xxh3Default::new();
    for (name, value) in properties {
        feed(&mut hasher, name);
        value.digest_into(&mut hasher);
    }
    hasher.digest()
}

/// The length goes first, so that texts cannot run into each other.
fn feed(hasher: &mut Xxh3Default, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

impl Value {
    fn digest_into(&self, hasher: &mut Xxh3Default) {
        match self {
            Self::Null => hasher.update(&[0]),
            Self::Bool(value) => hasher.update(&[1, u8::from(*value)]),
            Self::Number(number) => {
                hasher.update(&[2]);
                hasher.update(&number.to_bits().to_le_bytes());
            }
            Self::Text(text) => {
                hasher.update(&[3]);
                feed(hasher, text);
            }
            Self::List(values) => {
                hasher.update(&[4]);
                hasher.update(&(values.len() as u64).to_le_bytes());
                values.iter().for_each(|value| value.digest_into(hasher));
            }
            Self::Object(fields) => {
                hasher.update(&[5]);
                hasher.update(&(fields.len() as u64).to_le_bytes());
                for (name, value) in fields.iter() {
                    feed(hasher, name);
                    value.digest_into(hasher);
                }
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        // Adding zero turns -0 into 0, so that equal numbers have equal bytes.
        Self::Number(value + 0.0)
    }
}
impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(f64::from(value))
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}
impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Value {
    /// As JSON, with a space after each comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(&serde_json::to_string(&**text).map_err(|_| fmt::Error)?),
            Self::List(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    let name = serde_json::to_string(name).map_err(|_| fmt::Error)?;
                    write!(f, "{}{name}: {value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_both_encodings() {
        let json = r#"{"a":[1,2.5,"x",null,true],"b":{"c":{}}}"#;
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        let bytes = postcard::to_allocvec(&value).unwrap();
        assert_eq!(postcard::from_bytes::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn deep_values_are_refused_in_both_encodings() {
        let deep = format!("{}1{}", "[".repeat(9), "]".repeat(9));
        assert!(serde_json::from_str::<Value>(&deep).is_err());
        // Tag 4, length 1, again and again.
        assert!(postcard::from_bytes::<Value>(&[4, 1].repeat(50_000)).is_err());
    }

    #[test]
    fn a_value_takes_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn negative_zero_becomes_zero() {
        assert_eq!(Value::from(-0.0).as_number().unwrap().to_bits(), 0);
    }
}
