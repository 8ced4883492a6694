//! Attributes of a profile: named values, each with the time and the channel that wrote it.

mod parts;

use std::cmp::Ordering;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use super::Upkeep;
use super::channel::Channel;
use crate::hash::{Map, Symbol};
use crate::schema::Keep;
use crate::state::packed::{self, Packed, take};
use crate::time::Timestamp;
use crate::value::Value;
use parts::{Part, Parts};

/// A named value with the time from which it holds, and the channel that wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The symbol of the name; nested objects are flattened to dotted names such as `address.city`.
    pub name: Symbol,
    /// The value; null if the attribute was removed, which is remembered so that an older value that arrives late
    /// does not bring it back.
    pub value: Value,
    written: Written,
}

impl Attribute {
    /// The time of the event that set it.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.written.time()
    }

    /// The channel of the event that set it.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.written.channel()
    }
}

/// When and by which channel: milliseconds in the high 48 bits, the channel in the low 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Written(u64);

impl Written {
    /// Times lie between the years 1970 and 9999, so 48 bits hold the milliseconds.
    pub(crate) const fn new(time: Timestamp, channel: Channel) -> Self {
        Self((time.millis() as u64) << 16 | channel.0 as u64)
    }
    const fn time(self) -> Timestamp {
        Timestamp::from_millis((self.0 >> 16) as i64)
    }
    const fn channel(self) -> Channel {
        Channel(self.0 as u16)
    }
    /// The order of writes of the same name: by time, then by trust.
    fn order(self, other: Self, keep: &Upkeep) -> Ordering {
        let trust = |of: Self| keep.channels.trust(of.channel());
        self.time().cmp(&other.time()).then_with(|| trust(self).cmp(&trust(other)))
    }
}

/// The attributes of one profile, in the order of their symbols.
///
/// The last write wins by event time, unless the schema says otherwise ([`Keep`]); of two writes at the same time
/// that of the more trusted channel, then the greater value (by kind, then by content), so that the order of arrival
/// does not matter. At most [`Attributes::LIMIT`] are kept: beyond that the one that was set longest ago leaves, those
/// that the schema does not declare before those that it does, ties by the lower symbol.
///
/// An object is kept as its parts, such as `address.city`, and a write of another part leaves the rest. A newer write of
/// null, or of anything that is no object, on the whole removes the parts that are older than it, in whatever order the
/// two arrive; parts of the same time stay. Parts whose schema keeps the oldest or all values stay as well, since these
/// take no null either.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    list: Box<[Attribute]>,
    /// Only of people of whom an object was told.
    parts: Option<Box<Parts>>,
}

/// The part of an attribute that has a fixed width.
#[derive(Debug, Serialize, Deserialize)]
struct Stamp {
    name: Symbol,
    written: Written,
}

impl Packed for Stamp {
    const WIDTH: usize = 16;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.name.to_bits().to_le_bytes());
        bytes[8..].copy_from_slice(&self.written.0.to_le_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        Self {
            name: Symbol::from_bits(u64::from_le_bytes(take(bytes, 0))),
            written: Written(u64::from_le_bytes(take(bytes, 8))),
        }
    }
}

/// Names and times in one run of bytes, then the values.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "packed")]
    stamps: Vec<Stamp>,
    values: Vec<Value>,
    #[serde(with = "packed")]
    parts: Vec<Part>,
}

/// An attribute as people read it.
#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    name: Symbol,
    time: Timestamp,
    #[serde(default, skip_serializing_if = "is_none")]
    channel: Channel,
    value: std::borrow::Cow<'a, Value>,
    /// The names of the objects that it is a part of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    part_of: Vec<Symbol>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(channel: &Channel) -> bool {
    *channel == Channel::default()
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(self.list.iter().map(|of| Plain {
                name: of.name,
                time: of.time(),
                channel: of.channel(),
                value: std::borrow::Cow::Borrowed(&of.value),
                part_of: self.parts.iter().flat_map(|parts| parts.wholes(of.name)).collect(),
            }));
        }
        let stamps = self.list.iter().map(|attribute| Stamp { name: attribute.name, written: attribute.written });
        let parts = self.parts.as_ref().map_or(&[][..], |parts| parts.as_slice());
        Storing { stamps: stamps.collect(), values: Values(&self.list), parts }.serialize(serializer)
    }
}

/// [`Stored`] as it is written, without a copy of the values.
#[derive(Serialize)]
struct Storing<'a> {
    #[serde(with = "packed")]
    stamps: SmallVec<[Stamp; 16]>,
    values: Values<'a>,
    #[serde(with = "packed")]
    parts: &'a [Part],
}

struct Values<'a>(&'a [Attribute]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|attribute| &attribute.value))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut parts = Parts::default();
        let attributes: Vec<Attribute> = if deserializer.is_human_readable() {
            let plain = Vec::<Plain<'_>>::deserialize(deserializer)?;
            let mut of = |Plain { name, time, channel, value, part_of }: Plain<'_>| {
                part_of.into_iter().for_each(|whole| parts.note(whole, name));
                let is_plausible = time >= Timestamp::EPOCH && time.is_plausible();
                let attribute = Attribute { name, written: Written::new(time, channel), value: value.into_owned() };
                is_plausible.then_some(attribute).ok_or_else(|| D::Error::custom("the time of an attribute"))
            };
            plain.into_iter().map(&mut of).collect::<Result<Vec<_>, _>>()?
        } else {
            let stored = Stored::deserialize(deserializer)?;
            if stored.stamps.len() != stored.values.len() {
                return Err(D::Error::custom("as many names as values"));
            }
            parts = Parts::try_from(stored.parts).map_err(D::Error::custom)?;
            let both = stored.stamps.into_iter().zip(stored.values);
            both.map(|(Stamp { name, written }, value)| Attribute { name, value, written }).collect()
        };
        let mut attributes = Self::try_from(attributes).map_err(D::Error::custom)?;
        if parts.iter().any(|(_, part)| attributes.find(part).is_none()) {
            return Err(D::Error::custom("a part that is no attribute"));
        }
        attributes.parts = (!parts.is_empty()).then(|| Box::new(parts));
        Ok(attributes)
    }
}

/// What setting an attribute did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
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

    /// Sets an attribute, if its write is the one to keep.
    pub(crate) fn set(&mut self, name: Symbol, written: Written, value: Value, keep: &Upkeep) -> Outcome {
        self.set_as(keep.keeping(name).keep, name, written, value, keep)
    }

    /// [`Attributes::set`], whatever the schema says of an attribute of this name.
    pub(crate) fn set_as(&mut self, how: Keep, name: Symbol, written: Written, value: Value, keep: &Upkeep) -> Outcome {
        if value.is_null() && how != Keep::Newest {
            return Outcome::Kept;
        }
        match self.place(name) {
            Ok(at) => {
                let kept = &mut self.list[at];
                if let Keep::Union(limit) = how {
                    if written.order(kept.written, keep).then(written.cmp(&kept.written)).is_gt() {
                        kept.written = written;
                    }
                    let united = union(&kept.value, &value, limit);
                    let changed = kept.value != united;
                    kept.value = united;
                    return if changed { Outcome::Changed } else { Outcome::Kept };
                }
                let mut order = written.order(kept.written, keep);
                if how == Keep::Oldest && written.time() != kept.written.time() {
                    order = order.reverse();
                }
                let order = order.then_with(|| value.total_cmp(&kept.value)).then(written.cmp(&kept.written));
                if order.is_le() {
                    return Outcome::Kept;
                }
                let changed = kept.value != value;
                kept.written = written;
                kept.value = value;
                if changed { Outcome::Changed } else { Outcome::Kept }
            }
            Err(at) => {
                let is_new = !value.is_null();
                let value = if let Keep::Union(limit) = how { union(&Value::Null, &value, limit) } else { value };
                match self.insert(at, Attribute { name, value, written }, &keep.kinds) {
                    Some(left) if left == name => Outcome::Kept,
                    Some(left) => Outcome::Instead(left),
                    None if is_new => Outcome::Changed,
                    None => Outcome::Kept,
                }
            }
        }
    }

    /// Puts an attribute in its place, and gives the one that had to leave for it: of all, itself included, the oldest.
    fn insert<T>(&mut self, at: usize, new: Attribute, declared: &Map<Symbol, T>) -> Option<Symbol> {
        if self.list.len() < Self::LIMIT {
            let mut all = std::mem::take(&mut self.list).into_vec();
            all.reserve_exact(1);
            all.insert(at, new);
            self.list = all.into();
            return None;
        }
        let oldest = self.oldest(declared).filter(|oldest| age(&self.list[*oldest], declared) < age(&new, declared));
        let Some(oldest) = oldest else { return Some(new.name) };
        let left = std::mem::replace(&mut self.list[oldest], new);
        if oldest < at {
            self.list[oldest..at].rotate_left(1);
        } else {
            self.list[at..=oldest].rotate_right(1);
        }
        self.prune();
        Some(left.name)
    }

    /// Moves the time of a text on that an attribute has already, which copies nothing; `false` if it has another.
    pub(crate) fn renew(&mut self, name: Symbol, written: Written, text: &str, keep: &Upkeep) -> bool {
        let Ok(at) = self.place(name) else { return false };
        let kept = &mut self.list[at];
        if kept.value.as_text() != Some(text) {
            return false;
        }
        if written.order(kept.written, keep).then(written.cmp(&kept.written)).is_gt() {
            kept.written = written;
        }
        true
    }

    /// Takes out the attribute that was set longest ago, one that is not declared if there is any.
    pub(super) fn leave_oldest<T>(&mut self, declared: &Map<Symbol, T>) -> Option<Symbol> {
        let oldest = self.oldest(declared)?;
        let mut all = std::mem::take(&mut self.list).into_vec();
        let left = all.remove(oldest);
        self.list = all.into();
        self.prune();
        Some(left.name)
    }

    fn oldest<T>(&self, declared: &Map<Symbol, T>) -> Option<usize> {
        (0..self.list.len()).min_by_key(|i| age(&self.list[*i], declared))
    }

    /// Drops the attributes that were set before a time, and gives their names.
    pub(super) fn forget_before(&mut self, time: Timestamp) -> Vec<Symbol> {
        let gone: Vec<Symbol> = self.list.iter().filter(|of| of.time() < time).map(|of| of.name).collect();
        if !gone.is_empty() {
            self.list = std::mem::take(&mut self.list).into_iter().filter(|of| of.time() >= time).collect();
            self.prune();
        }
        gone
    }

    fn place(&self, name: Symbol) -> Result<usize, usize> {
        self.list.binary_search_by_key(&name, |attribute| attribute.name)
    }

    /// The value under a name, given as text or as its symbol; `None` if there is none or it was removed.
    #[inline]
    #[must_use]
    pub fn value(&self, name: impl Into<Symbol>) -> Option<&Value> {
        Some(&self.find(name.into())?.value).filter(|value| !value.is_null())
    }

    /// What is kept under a name, which may be that it was removed.
    ///
    /// Symbols are hashes, so a name stands near the place that its symbol has among all symbols, and a few steps from
    /// there find it; where names were made to crowd, as many steps as there are attributes at most.
    #[inline]
    pub(crate) fn find(&self, name: Symbol) -> Option<&Attribute> {
        let attributes = &self.list[..];
        let guess = (u128::from(name.to_bits()) * attributes.len() as u128) >> 64;
        // Below the number of attributes.
        let mut at = guess as usize;
        let mut found = attributes.get(at)?;
        if found.name > name {
            found = attributes[..at].iter().rev().find(|of| of.name <= name)?;
        } else {
            while found.name < name {
                at += 1;
                found = attributes.get(at)?;
            }
        }
        (found.name == name).then_some(found)
    }

    /// All attributes in the order of their symbols, removed ones included.
    #[must_use]
    pub fn as_slice(&self) -> &[Attribute] {
        &self.list
    }

    pub(super) fn merge(&mut self, other: &Self, keep: &Upkeep) {
        for attribute in &other.list {
            self.set(attribute.name, attribute.written, attribute.value.clone(), keep);
        }
        let Some(theirs) = &other.parts else {
            return self.cover_all(keep);
        };
        for (whole, part) in theirs.iter().filter(|(_, part)| self.find(*part).is_some()).collect::<Vec<_>>() {
            self.parts.get_or_insert_default().note(whole, part);
        }
        self.cover_all(keep);
    }

    /// The bytes of the list itself, without what its values hold.
    pub(super) fn list_bytes(&self) -> usize {
        let parts = self.parts.as_ref().map_or(0, |parts| parts.heap_bytes());
        size_of_val(&*self.list) + parts
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.list_bytes() + self.list.iter().map(|a| a.value.heap_bytes()).sum::<usize>()
    }
}

/// The order in which attributes leave.
fn age<T>(of: &Attribute, declared: &Map<Symbol, T>) -> (bool, Timestamp, Symbol) {
    (declared.contains_key(&of.name), of.time(), of.name)
}

/// The elements of both in order, each once, the lowest ones.
fn union(kept: &Value, more: &Value, limit: u8) -> Value {
    let elements = |of: &Value| -> Vec<Value> {
        match of {
            Value::Null => Vec::new(),
            Value::List(values) => values.iter().filter(|value| !value.is_null()).cloned().collect(),
            one => vec![one.clone()],
        }
    };
    let mut all = elements(kept);
    all.extend(elements(more));
    all.sort_by(Value::total_cmp);
    all.dedup();
    all.truncate(usize::from(limit));
    Value::List(all.into())
}

impl TryFrom<Vec<Attribute>> for Attributes {
    type Error = &'static str;
    fn try_from(attributes: Vec<Attribute>) -> Result<Self, &'static str> {
        let sorted = attributes.windows(2).all(|pair| pair[0].name < pair[1].name);
        if !sorted || attributes.len() > Self::LIMIT {
            return Err("attributes out of order");
        }
        Ok(Self { list: attributes.into(), parts: None })
    }
}

/// Calls `set` with the dotted name and the value of each leaf of an attribute, and with the names of the objects that
/// it lies in: `{"city": …}` under `address` becomes `address.city`, a part of `address`.
pub(crate) fn flatten(name: &str, value: &Value, set: &mut dyn FnMut(&[Symbol], Symbol, &Value)) {
    fn walk(
        wholes: &mut SmallVec<[Symbol; 4]>,
        name: &str,
        value: &Value,
        set: &mut dyn FnMut(&[Symbol], Symbol, &Value),
    ) {
        match value {
            Value::Object(fields) => {
                wholes.push(Symbol::new(name));
                for (field, value) in fields.iter() {
                    walk(wholes, &format!("{name}.{field}"), value, set);
                }
                wholes.pop();
            }
            _ => set(wholes, Symbol::new(name), value),
        }
    }
    walk(&mut SmallVec::new(), name, value, set);
}

#[cfg(test)]
mod tests;
