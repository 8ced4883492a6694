//! Attributes of a profile: named values, the newest by event time.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::hash::Symbol;
use crate::state::packed::{self, Packed, take};
use crate::time::Timestamp;
use crate::value::Value;

/// A named value with the time from which it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// The symbol of the name; nested objects are flattened to dotted names such as `address.city`.
    pub name: Symbol,
    /// The time of the event that set it.
    pub time: Timestamp,
    /// The value; null if the attribute was removed, which is remembered so that an older value that arrives late
    /// does not bring it back.
    pub value: Value,
}

/// The attributes of one profile, in the order of their symbols.
///
/// The last write wins by event time; of two writes at the same time the greater value wins (by kind, then by
/// content), so that the order of arrival does not matter. At most [`Attributes::LIMIT`] are kept: beyond that the
/// one that was set longest ago leaves, ties by the lower symbol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<Attribute>);

/// The part of an attribute that has a fixed width.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    name: Symbol,
    time: Timestamp,
}

impl Packed for Stamp {
    const WIDTH: usize = 16;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.name.to_bits().to_le_bytes());
        bytes[8..].copy_from_slice(&self.time.millis().to_le_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        Self {
            name: Symbol::from_bits(u64::from_le_bytes(take(bytes, 0))),
            time: Timestamp::from_millis(i64::from_le_bytes(take(bytes, 8))),
        }
    }
}

/// Names and times in one run of bytes, then the values.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "packed")]
    stamps: Vec<Stamp>,
    values: Vec<Value>,
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(&self.0);
        }
        let stamps = self.0.iter().map(|attribute| Stamp { name: attribute.name, time: attribute.time });
        Storing { stamps: stamps.collect(), values: Values(&self.0) }.serialize(serializer)
    }
}

/// [`Stored`] as it is written, without a copy of the values.
#[derive(Serialize)]
struct Storing<'a> {
    #[serde(with = "packed")]
    stamps: SmallVec<[Stamp; 16]>,
    values: Values<'a>,
}

struct Values<'a>(&'a [Attribute]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|attribute| &attribute.value))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let attributes = if deserializer.is_human_readable() {
            Vec::<Attribute>::deserialize(deserializer)?
        } else {
            let stored = Stored::deserialize(deserializer)?;
            if stored.stamps.len() != stored.values.len() {
                return Err(D::Error::custom("as many names as values"));
            }
            let both = stored.stamps.into_iter().zip(stored.values);
            both.map(|(Stamp { name, time }, value)| Attribute { name, time, value }).collect()
        };
        Self::try_from(attributes).map_err(D::Error::custom)
    }
}

/// What setting an attribute did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The value is another one now.
    Changed,
    /// The profile had this value, or a newer one.
    Kept,
    /// The value is there, and the attribute of this name had to leave for it.
    Instead(Symbol),
}

impl Attributes {
    /// The most attributes that a profile keeps.
    pub const LIMIT: usize = 256;

    /// Sets an attribute, if its time is the newest.
    pub(crate) fn set(&mut self, name: Symbol, time: Timestamp, value: Value) -> Written {
        match self.0.binary_search_by_key(&name, |attribute| attribute.name) {
            Ok(at) => {
                let kept = &mut self.0[at];
                if (time, value.total_cmp(&kept.value)) <= (kept.time, std::cmp::Ordering::Equal) {
                    return Written::Kept;
                }
                let changed = kept.value != value;
                kept.time = time;
                kept.value = value;
                if changed { Written::Changed } else { Written::Kept }
            }
            Err(at) => {
                let is_new = !value.is_null();
                super::reserve(&mut self.0);
                self.0.insert(at, Attribute { name, time, value });
                match self.evict() {
                    Some(left) if left == name => Written::Kept,
                    Some(left) => Written::Instead(left),
                    None if is_new => Written::Changed,
                    None => Written::Kept,
                }
            }
        }
    }

    /// Moves the time of a text on that an attribute has already, which copies nothing; `false` if it has another.
    pub(crate) fn renew(&mut self, name: Symbol, time: Timestamp, text: &str) -> bool {
        let Ok(at) = self.0.binary_search_by_key(&name, |attribute| attribute.name) else { return false };
        let kept = &mut self.0[at];
        if kept.value.as_text() != Some(text) {
            return false;
        }
        kept.time = kept.time.max(time);
        true
    }

    /// Takes out the attribute that was set longest ago, if there is one too many.
    fn evict(&mut self) -> Option<Symbol> {
        let age = |i: &usize| (self.0[*i].time, self.0[*i].name);
        let oldest = (0..self.0.len()).min_by_key(age).filter(|_| self.0.len() > Self::LIMIT)?;
        Some(self.0.remove(oldest).name)
    }

    /// The value under a name, given as text or as its symbol; `None` if there is none or it was removed.
    #[must_use]
    pub fn value(&self, name: impl Into<Symbol>) -> Option<&Value> {
        Some(&self.find(name.into())?.value).filter(|value| !value.is_null())
    }

    /// What is kept under a name, which may be that it was removed.
    pub(crate) fn find(&self, name: Symbol) -> Option<&Attribute> {
        let at = self.0.binary_search_by_key(&name, |attribute| attribute.name).ok()?;
        Some(&self.0[at])
    }

    /// All attributes in the order of their symbols, removed ones included.
    #[must_use]
    pub fn as_slice(&self) -> &[Attribute] {
        &self.0
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for attribute in &other.0 {
            self.set(attribute.name, attribute.time, attribute.value.clone());
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Attribute>() + self.0.iter().map(|a| a.value.heap_bytes()).sum::<usize>()
    }
}

impl TryFrom<Vec<Attribute>> for Attributes {
    type Error = &'static str;
    fn try_from(attributes: Vec<Attribute>) -> Result<Self, &'static str> {
        let sorted = attributes.windows(2).all(|pair| pair[0].name < pair[1].name);
        if !sorted || attributes.len() > Self::LIMIT {
            return Err("attributes out of order");
        }
        Ok(Self(attributes))
    }
}

/// Calls `set` with the dotted name and the value of each leaf of an attribute: `{"city": …}` under `address`
/// becomes `address.city`.
pub(crate) fn flatten(name: &str, value: &Value, set: &mut dyn FnMut(Symbol, &Value)) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields.iter() {
                flatten(&format!("{name}.{field}"), value, set);
            }
        }
        _ => set(Symbol::new(name), value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_write_wins_by_event_time_and_ties_do_not_depend_on_arrival() {
        let (name, at) = (Symbol::new("plan"), Timestamp::from_millis);
        let writes = [(1, Value::from("free")), (5, "pro".into()), (5, "basic".into()), (3, Value::Null)];
        let mut seen = Vec::new();
        for turn in 0..4 {
            let mut attributes = Attributes::default();
            for i in 0..4 {
                let (time, value) = writes[(i + turn) % 4].clone();
                attributes.set(name, at(time), value);
            }
            seen.push(attributes);
        }
        assert!(seen.iter().all(|attributes| attributes == &seen[0]));
        assert_eq!(seen[0].value(name), Some(&"pro".into()));
    }

    #[test]
    fn an_old_value_does_not_bring_a_removed_attribute_back() {
        let mut attributes = Attributes::default();
        attributes.set(Symbol::new("a"), Timestamp::from_millis(5), Value::Null);
        attributes.set(Symbol::new("a"), Timestamp::from_millis(4), 1.0.into());
        assert_eq!(attributes.value(Symbol::new("a")), None);
    }

    #[test]
    fn hostile_names_stay_within_the_limit() {
        let mut attributes = Attributes::default();
        for i in 0..10_000 {
            attributes.set(Symbol::new(&i.to_string()), Timestamp::from_millis(i), true.into());
        }
        assert_eq!(attributes.as_slice().len(), Attributes::LIMIT);
        assert!(attributes.value(Symbol::new("9999")).is_some());
    }
}
