//! Attributes that are computed from events: declared once, kept live, and read by rules like any other.
//!
//! How often, how much, the first, the last, all different ones, or the one that comes most often, such as the size
//! that somebody always buys. A count and a sum share the counters of rules that ask the same; the others keep a state
//! of their own, which does not depend on the order in which events arrive.

use serde_json::Value as Json;

use crate::config::{Fault, Reader};
use crate::rule::Rule;

/// An attribute that is computed from events: a definition.
///
/// ```
/// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
/// let shop = Personalizer::new(Engine::from_json(r#"{
///     "computed": [{"name": "shoe_size", "most_frequent": {
///         "event": "event('purchased').where(category = 'shoes')", "property": "size"}}],
///     "segments": [{"name": "always-42", "rule": "shoe_size = 42 AND shoe_size.confidence >= 0.6"}]
/// }"#)?);
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// for (id, size) in [("a", 42.0), ("b", 43.0), ("c", 42.0)] {
///     let event = Event::new(EventKind::Purchased, "ann", now).id(id);
///     shop.ingest(&event.property("category", "shoes").property("size", size), now)?;
/// }
/// assert_eq!(shop.memberships(UserKey::known("ann"), now).len(), 1); // two of three
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    /// The name by which rules read it. What is gathered by [`Compute::MostFrequent`] has two more: with `.confidence`
    /// behind it the share of the choices that had the value, and with `.count` how many choices there were.
    pub name: String,
    /// How it is computed.
    pub of: Compute,
}

/// How an attribute is computed. Each is over a rule that is one event with tests on its properties, such as
/// `event('purchased').where(category = 'shoes')`; a count and a sum may have a window.
///
/// An event can have several values under a property, as an order has several brands: each counts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Compute {
    /// How many events there are.
    Count {
        /// The events.
        event: Rule,
    },
    /// The sum of a property over the events.
    Sum {
        /// The events.
        event: Rule,
        /// The property.
        property: String,
    },
    /// The value of a property in the earliest event; of two at the same time the lesser.
    First {
        /// The events.
        event: Rule,
        /// The property.
        property: String,
    },
    /// The value of a property in the latest event; of two at the same time the greater.
    Last {
        /// The events.
        event: Rule,
        /// The property.
        property: String,
    },
    /// The value of a property that comes most often; of several the one that came last. Up to 32 values are told
    /// apart.
    MostFrequent {
        /// The events.
        event: Rule,
        /// The property.
        property: String,
    },
    /// The newest different values of a property, as a list.
    Unique {
        /// The events.
        event: Rule,
        /// The property.
        property: String,
        /// How many, from 1 to 64.
        limit: u8,
    },
}

impl Compute {
    /// The events.
    #[must_use]
    pub const fn event(&self) -> &Rule {
        match self {
            Self::Count { event }
            | Self::Sum { event, .. }
            | Self::First { event, .. }
            | Self::Last { event, .. }
            | Self::MostFrequent { event, .. }
            | Self::Unique { event, .. } => event,
        }
    }

    /// The property, if it is over one.
    #[must_use]
    pub fn property(&self) -> Option<&str> {
        match self {
            Self::Count { .. } => None,
            Self::Sum { property, .. }
            | Self::First { property, .. }
            | Self::Last { property, .. }
            | Self::MostFrequent { property, .. }
            | Self::Unique { property, .. } => Some(property),
        }
    }
}

impl Computed {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.is_object().then_some(())?;
        let name = reader.name("name");
        let Json::Object(fields) = reader.json() else { return None };
        let mut asked = WAYS.iter().filter(|way| fields.contains_key(**way));
        let (way, another) = (asked.next(), asked.next());
        let of = match (way, another) {
            (Some(way), None) => reader.child(way).and_then(|mut reader| read_compute(way, &mut reader)),
            (None, _) => {
                reader.fault(Fault::Missing { field: "count" });
                None
            }
            (Some(way), Some(another)) => {
                let found = format!("`{way}` beside `{another}`");
                let wanted = "one of `count`, `sum`, `first`, `last`, `most_frequent` and `unique`";
                reader.fault(Fault::Range { found, wanted });
                // Both are known names.
                let _ = (reader.field(way), reader.field(another));
                None
            }
        };
        reader.finish();
        Some(Self { name: name?, of: of? })
    }
}

fn read_compute(way: &str, reader: &mut Reader<'_, '_>) -> Option<Compute> {
    reader.is_object().then_some(())?;
    if reader.field("event").is_none() {
        reader.fault(Fault::Missing { field: "event" });
    }
    let event = crate::campaign::rule(reader, "event");
    let property = if way == "count" { Some(String::new()) } else { reader.name("property") };
    let limit = if way == "unique" { reader.whole("limit", 1..=64, "a number of values from 1 to 64") } else { None };
    reader.finish();
    let (event, property) = (event?, property?);
    Some(match way {
        "count" => Compute::Count { event },
        "sum" => Compute::Sum { event, property },
        "first" => Compute::First { event, property },
        "last" => Compute::Last { event, property },
        "most_frequent" => Compute::MostFrequent { event, property },
        // The bounds make the cast exact.
        _ => Compute::Unique { event, property, limit: limit.map_or(UNIQUE, |limit| limit as u8) },
    })
}

const WAYS: [&str; 6] = ["count", "sum", "first", "last", "most_frequent", "unique"];
/// How many values are kept unless the definition says otherwise.
const UNIQUE: u8 = 16;
