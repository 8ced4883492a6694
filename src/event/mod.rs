//! What happened: the record that a host feeds in.
//!
//! An [`Event`] says what kind of thing happened ([`EventKind`]), when, to whom, and with which items and properties.
//! It reads from JSON in the crate's own form, which is this struct ([`Event::from_json`]), and from the messages of
//! the Segment specification ([`segment_spec`]); [`Event::read`] takes either. [`Event::check`] is the door: what
//! passes it is sound, and everything behind relies on that.
//!
//! ```
//! use bespoke::event::{Event, EventKind};
//! let event: Event = serde_json::from_str(r#"{
//!     "kind": "item_viewed", "time": "2026-03-01T12:00:00Z", "user": "ann",
//!     "items": [{"id": "shoe-1", "price": 89.0}], "properties": {"size": 42}
//! }"#).unwrap();
//! assert_eq!(event.kind, EventKind::ItemViewed);
//! assert!(event.check(event.time).is_ok());
//! ```

mod check;
mod kind;
mod read;
pub mod segment_spec;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use check::{EventError, MAX_IDS, MAX_ITEMS, MAX_PROPERTIES, MAX_TEXT_BYTES, SKEW};
pub use kind::EventKind;
pub use read::{EventJsonError, EventReadError};
pub use segment_spec::SegmentSpecError;

use crate::id::{DecisionId, UserKey};
use crate::time::Timestamp;
use crate::value::Properties;

/// Ids of a person by their kinds.
pub type Ids = std::collections::BTreeMap<String, String>;

/// Something that happened.
///
/// `user` is the id by which the host knows a person, `anonymous` the id of a visitor or device before that, `ids`
/// holds others; at least one is there, and an event with several links them. Fields that are not there are empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// When it happened, by the clock of whoever saw it.
    pub time: Timestamp,
    /// The id by which the host knows the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The id of a visitor or device that is not (yet) a known person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<String>,
    /// Further ids of the person by their kinds, such as `{"email": "ann@example.com"}`. All ids of an event are
    /// linked, and any one will do.
    #[serde(default, skip_serializing_if = "Ids::is_empty")]
    pub ids: Ids,
    /// A unique id, by which a repeated delivery is recognised. Without one, events alike in kind, time, items,
    /// attributes and properties are taken for one event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The device, as the host names it: `phone`, `desktop`, a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The channel: `web`, `app`, `email`, `store`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Where the visit came from: a campaign's source, or a referring site. It makes the first and last touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The items that it is about: one for a view, all lines of an order for a purchase.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub items: SmallVec<[EventItem; 1]>,
    /// The money that it is about, such as an order's total, in `currency`. Where it is not given, the sum of
    /// price times quantity over the items stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The currency of `value` and of the items' prices, such as `EUR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Attributes to set on the profile; null removes one. Mostly sent with [`EventKind::Identified`].
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub attributes: Properties,
    /// Everything else that is known about the event.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
    /// For [`EventKind::Exposed`]: the decision that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
    /// For [`EventKind::Aliased`]: the anonymous id that this user had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// One item of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventItem {
    /// The item's id in the catalog.
    pub id: String,
    /// How many; more than zero.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub quantity: f64,
    /// The price of one, not negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
}

impl EventItem {
    /// One piece of an item.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), quantity: 1.0, price: None }
    }
}

impl Event {
    /// An event of a known user.
    #[must_use]
    pub fn new(kind: EventKind, user: impl Into<String>, time: Timestamp) -> Self {
        Self { kind, time, user: Some(user.into()), ..Self::default() }
    }

    /// An event of a visitor with only an anonymous id.
    #[must_use]
    pub fn by_visitor(kind: EventKind, anonymous: impl Into<String>, time: Timestamp) -> Self {
        Self { kind, time, anonymous: Some(anonymous.into()), ..Self::default() }
    }

    /// Names the person by a further id, of a kind such as `email` or `phone`, or of the host's own.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json("{}")?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// shop.ingest(&Event::new(EventKind::Identified, "ann", now).also("email", "Ann@example.com"), now)?;
    /// assert_eq!(shop.resolve(UserKey::of("email", "ann@example.com")), UserKey::known("ann"));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn also(mut self, kind: impl Into<String>, value: impl Into<String>) -> Self {
        self.ids.insert(kind.into(), value.into());
        self
    }

    /// Gives it the unique id by which a repeated delivery is recognised.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Names the decision that an [`EventKind::Exposed`] or [`EventKind::Clicked`] is about.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Request, Timestamp};
    /// use bespoke::engine::Exposure;
    /// let shop = Personalizer::new(Engine::from_json(r#"{
    ///     "placements": ["home"],
    ///     "campaigns": [{"name": "hello", "placement": "home", "payload": "hi!"}]
    /// }"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let decision = shop.decide(&Request::new("home").user("ann"), now);
    /// let shown = Event::new(EventKind::Exposed, "ann", now).decision(decision.id);
    /// assert_eq!(shop.ingest(&shown, now)?.exposure, Some(Exposure::Counted));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub const fn decision(mut self, id: DecisionId) -> Self {
        self.decision = Some(id);
        self
    }

    /// Says how much money it is about.
    #[must_use]
    pub fn value(mut self, value: f64, currency: impl Into<String>) -> Self {
        self.value = Some(value);
        self.currency = Some(currency.into());
        self
    }

    /// Adds one item.
    #[must_use]
    pub fn item(mut self, id: impl Into<String>) -> Self {
        self.items.push(EventItem::new(id));
        self
    }

    /// Sets a property.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<crate::value::Value>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// Sets an attribute on the profile.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<crate::value::Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// The key of the person it names: the known user if there is one, else the visitor, else the first of the
    /// other ids.
    #[must_use]
    pub fn key(&self) -> Option<UserKey> {
        match (&self.user, &self.anonymous) {
            (Some(user), _) => Some(UserKey::known(user)),
            (None, Some(anonymous)) => Some(UserKey::anonymous(anonymous)),
            (None, None) => self.ids.iter().next().map(|(kind, value)| UserKey::of(kind, value)),
        }
    }

    /// The money it is about: `value`, or the sum over its items of price times quantity.
    #[must_use]
    pub fn amount(&self) -> Option<f64> {
        self.value.or_else(|| {
            let mut prices = self.items.iter().filter_map(|item| Some(item.price? * item.quantity)).peekable();
            prices.peek()?;
            Some(prices.sum())
        })
    }
}

const fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(quantity: &f64) -> bool {
    quantity.to_bits() == 1.0_f64.to_bits()
}
