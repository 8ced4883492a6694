//! The door: which events are accepted, and why others are not.

use super::Event;
use crate::id::MAX_ID_BYTES;
use crate::time::{Span, Timestamp, shorten};
use crate::value::Value;

/// How far ahead of the present an event's time may lie, for clocks that run fast.
pub const SKEW: Span = Span::minutes(5);
/// The most items of one event.
pub const MAX_ITEMS: usize = 500;
/// The most properties, and the most attributes, of one event.
pub const MAX_PROPERTIES: usize = 500;
/// The most bytes of one text value, list or object.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Why an event was refused. Nothing has changed then; a mended event can be sent again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// Nobody is named.
    #[error("the event names nobody: it needs `user` or `anonymous`")]
    NoUser,
    /// An id or name is the empty text.
    #[error("`{field}` is empty; leave it out or give an id")]
    EmptyId {
        /// The field.
        field: &'static str,
    },
    /// An id or name is too long.
    #[error("`{field}` has {bytes} bytes; ids and names have at most 512")]
    LongId {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// The time is further ahead than clocks are allowed to run fast.
    #[error("the event's time {time} is more than 5 minutes after the present, {now}")]
    Future {
        /// The event's time.
        time: Timestamp,
        /// The present, as the host gave it.
        now: Timestamp,
    },
    /// The time lies outside the years 1970 to 9999.
    #[error("the event's time {time} lies outside the years 1970 to 9999")]
    Implausible {
        /// The event's time.
        time: Timestamp,
    },
    /// A number is not finite or out of its range.
    #[error("`{field}` is {found}, but must be {wanted}")]
    Number {
        /// The field.
        field: &'static str,
        /// What was found.
        found: f64,
        /// What would be right.
        wanted: &'static str,
    },
    /// A property or attribute is not finite, nests too deep or is too large.
    #[error("`{field}.{name}` holds a number that is not finite, nests deeper than 8 levels, or has over 65536 bytes")]
    Value {
        /// `properties` or `attributes`.
        field: &'static str,
        /// The name, shortened.
        name: String,
    },
    /// There are too many items, properties or attributes.
    #[error("the event has {found} {field}; at most {limit} are taken")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// An exposure does not say which decision was shown.
    #[error("an `exposed` event needs `decision`, the id that the decision carries")]
    NoDecision,
    /// An alias does not say both ids.
    #[error("an `aliased` event needs `user` and `previous`, the anonymous id from before")]
    NoPrevious,
}

impl Event {
    /// Whether the event is sound: somebody is named, the time is plausible and not ahead of `now` by more than
    /// [`SKEW`], ids have 1 to 512 bytes, numbers are finite and in range, and nothing is oversized.
    ///
    /// # Errors
    /// The first [`EventError`] that holds.
    pub fn check(&self, now: Timestamp) -> Result<(), EventError> {
        if self.user.is_none() && self.anonymous.is_none() {
            return Err(EventError::NoUser);
        }
        let ids = [
            ("user", self.user.as_deref()),
            ("anonymous", self.anonymous.as_deref()),
            ("id", self.id.as_deref()),
            ("device", self.device.as_deref()),
            ("channel", self.channel.as_deref()),
            ("source", self.source.as_deref()),
            ("currency", self.currency.as_deref()),
            ("previous", self.previous.as_deref()),
            ("kind", Some(self.kind.name())),
        ];
        for (field, id) in ids {
            check_id(field, id)?;
        }
        // Both bounds keep later arithmetic away from overflow.
        if self.time < Timestamp::EPOCH || !self.time.is_plausible() {
            return Err(EventError::Implausible { time: self.time });
        }
        if self.time > now + SKEW {
            return Err(EventError::Future { time: self.time, now });
        }
        self.check_numbers()?;
        check_values("attributes", &self.attributes)?;
        check_values("properties", &self.properties)?;
        match self.kind {
            super::EventKind::Exposed if self.decision.is_none() => Err(EventError::NoDecision),
            super::EventKind::Aliased if self.user.is_none() || self.previous.is_none() => Err(EventError::NoPrevious),
            _ => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<(), EventError> {
        too_many("items", self.items.len(), MAX_ITEMS)?;
        for item in &self.items {
            check_id("items.id", Some(&item.id))?;
            if !(item.quantity > 0.0 && item.quantity <= LARGEST) {
                let wanted = "more than 0 and at most 1e12";
                return Err(EventError::Number { field: "items.quantity", found: item.quantity, wanted });
            }
            if let Some(price) = item.price.filter(|price| !(*price >= 0.0 && *price <= LARGEST)) {
                return Err(EventError::Number { field: "items.price", found: price, wanted: "from 0 to 1e12" });
            }
        }
        match self.value {
            Some(value) if value.is_nan() || value.abs() > LARGEST => {
                Err(EventError::Number { field: "value", found: value, wanted: "from -1e12 to 1e12" })
            }
            _ => Ok(()),
        }
    }
}

fn check_id(field: &'static str, id: Option<&str>) -> Result<(), EventError> {
    match id.map(str::len) {
        Some(0) => Err(EventError::EmptyId { field }),
        Some(bytes) if bytes > MAX_ID_BYTES => Err(EventError::LongId { field, bytes }),
        _ => Ok(()),
    }
}

fn check_values(field: &'static str, values: &crate::value::Properties) -> Result<(), EventError> {
    too_many(field, values.len(), MAX_PROPERTIES)?;
    for (name, value) in values {
        check_id(field, Some(name))?;
        let fits = |value: &Value| value.is_sound() && value.content_bytes() <= MAX_TEXT_BYTES;
        if !fits(value) {
            return Err(EventError::Value { field, name: shorten(name) });
        }
    }
    Ok(())
}

fn too_many(field: &'static str, found: usize, limit: usize) -> Result<(), EventError> {
    if found > limit { Err(EventError::TooMany { field, found, limit }) } else { Ok(()) }
}

/// Quantities, prices and values are bounded so that their products and sums stay finite.
const LARGEST: f64 = 1e12;
