//! Reads the messages of the [Segment specification](https://segment.com/docs/connections/spec/), which most event
//! pipelines can send.
//!
//! | Message | Becomes |
//! |---|---|
//! | `identify` | [`EventKind::Identified`]; `traits` become attributes, and null removes one |
//! | `track` | the kind that `event` names, by [`EventKind::from`] |
//! | `page`, `screen` | [`EventKind::PageViewed`], [`EventKind::ScreenViewed`]; `name` and `category` become properties |
//! | `group` | [`EventKind::Grouped`] with property `group_id`; `traits` become attributes of the group |
//! | `alias` | [`EventKind::Aliased`] with `previousId` as `previous` |
//!
//! **Who and when.** `messageId` is the id, `userId` the user, `anonymousId` the visitor; whole numbers are taken as
//! ids. The time is the first there is of `timestamp`, `originalTimestamp`, `sentAt` (the batch's too) and
//! `receivedAt`.
//!
//! **Commerce (`track` only).** Each of `products` becomes an item, by `product_id` or else `sku`, with `quantity`
//! and `price`; what else it says belongs in the catalog and is not kept. Without `products`, the message's own
//! `product_id` (or else `sku`), `quantity` and `price` make one item. The first there is of `revenue`, `total` and
//! `value` is the value. Numbers may be given as text. Everything else stays a property, `order_id` and `position`
//! for example; a property that is null is left out.
//!
//! **Experiments.** `decision`, `decision_id` or `decisionId` becomes the decision if it is the id of one. An
//! `Experiment Viewed` without it tells of an experiment that another tool runs; it is kept as the host's own kind
//! [`EXTERNAL_EXPERIMENT`], so that it is never taken for an exposure to one of ours.
//!
//! **Context.** The channel is `context.channel` or else `channel`; the device `context.device.type` or else
//! `model`; the source `context.campaign.source`, else the host of `context.page.referrer` unless it is the page's
//! own, else `context.referrer` (its url's host, or its name or id). `context.traits` become attributes.
//! `context.page.path` becomes property `page`, and a few more (see [`CONTEXT`]) become properties `context.…`; the
//! message's own properties win. Nothing else of the context is kept. In particular the IP address, advertising and
//! device ids are dropped: they identify people and no rule needs them.

use serde_json::{Map, Value as Json};

use super::{Event, EventItem, EventJsonError, EventKind};
use crate::id::DecisionId;
use crate::time::{TimeError, Timestamp, shorten};
use crate::value::{MAX_DEPTH, Properties, Value};

/// The kind of an `Experiment Viewed` that names none of our decisions.
pub const EXTERNAL_EXPERIMENT: &str = "experiment_viewed_external";

/// The fields of the context that are kept, each as property `context.` and its path.
pub const CONTEXT: &[&str] = &[
    "app.name",
    "app.version",
    "campaign.content",
    "campaign.medium",
    "campaign.name",
    "campaign.term",
    "device.manufacturer",
    "locale",
    "location.city",
    "location.country",
    "os.name",
    "os.version",
    "page.referrer",
    "page.title",
    "page.url",
    "timezone",
    "userAgent",
];

/// The types of message.
const TYPES: [&str; 6] = ["identify", "track", "page", "screen", "group", "alias"];

/// Why a message was refused. `at` is the path of the field in the JSON text, such as `batch[2].properties.price`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentSpecError {
    /// The text is not JSON.
    #[error(transparent)]
    Json(#[from] EventJsonError),
    /// A field has a value of the wrong kind.
    #[error("`{at}` is {found}, but must be {wanted}")]
    WrongKind {
        /// The field.
        at: String,
        /// What would be right.
        wanted: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// A field is not there or empty.
    #[error("`{at}` is missing or empty; {why}")]
    Missing {
        /// The field.
        at: String,
        /// What needs it.
        why: &'static str,
    },
    /// The type of message is not one of the six.
    #[error("`{at}` is `{found}`, which is no type of message; {}", meant(nearest.as_deref()))]
    UnknownType {
        /// The field.
        at: String,
        /// What was found, shortened.
        found: String,
        /// The type that was probably meant.
        nearest: Option<String>,
    },
    /// Nobody is named.
    #[error("`{at}` names nobody: it needs `userId` or `anonymousId`")]
    NoUser {
        /// The message.
        at: String,
    },
    /// A time cannot be read.
    #[error("`{at}`: {source}")]
    Time {
        /// The field.
        at: String,
        /// What is wrong with it.
        source: TimeError,
    },
    /// Text that stands for a number cannot be read as one.
    #[error("`{at}` is `{found}`, but must be a number such as 19.99, or text that holds only a number")]
    Number {
        /// The field.
        at: String,
        /// What was found, shortened.
        found: String,
    },
    /// Lists and objects nest too deep.
    #[error("`{at}` nests deeper than 8 levels; send less structure")]
    TooDeep {
        /// The property or trait.
        at: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("`{nearest}` may be meant"),
        None => format!("write one of {}", TYPES.join(", ")),
    }
}

/// Reads one message, or all messages of a batch (`{"batch": […]}`) in their order.
///
/// The events still have to pass [`Event::check`]. Costs one pass over the text.
///
/// # Errors
/// The first [`SegmentSpecError`]; no event is given then.
///
/// ```
/// use bespoke::event::{EventKind, segment_spec};
/// let events = segment_spec::from_json(r#"{
///     "type": "track", "event": "Product Added", "userId": "ann", "timestamp": "2026-03-01T12:00:00Z",
///     "properties": {"product_id": "shoe-1", "price": "89.00", "quantity": 1, "coupon": "SPRING"}
/// }"#)?;
/// assert_eq!(events[0].kind, EventKind::ItemAdded);
/// assert_eq!(events[0].items[0].price, Some(89.0));
/// assert_eq!(events[0].properties["coupon"].as_text(), Some("SPRING"));
/// # Ok::<(), bespoke::event::SegmentSpecError>(())
/// ```
pub fn from_json(text: &str) -> Result<Vec<Event>, SegmentSpecError> {
    let json: Json = serde_json::from_str(text).map_err(EventJsonError::from)?;
    let mut fields = object(json, "message")?;
    let Some(batch) = fields.remove("batch") else {
        return Ok(vec![Message { at: String::new(), fields }.read(None)?]);
    };
    let sent = Message { at: String::new(), fields }.time("sentAt")?;
    let Json::Array(batch) = batch else { return Err(wrong("batch", "a list of messages", &batch)) };
    let read = |(index, json)| {
        let at = format!("batch[{index}]");
        Message { fields: object(json, &at)?, at: at + "." }.read(sent)
    };
    batch.into_iter().enumerate().map(read).collect()
}

/// One object of the text on its way to an event; what has been read is taken out.
struct Message {
    /// The path of the object with a dot behind it; empty for the whole text.
    at: String,
    fields: Map<String, Json>,
}

impl Message {
    fn read(mut self, sent: Option<Timestamp>) -> Result<Event, SegmentSpecError> {
        let kind = self.text("type")?;
        let context = self.object("context")?;
        let mut event = Event {
            time: self.first_time(sent)?,
            id: self.id("messageId")?,
            user: self.id("userId")?,
            anonymous: self.id("anonymousId")?,
            channel: self.text("channel")?,
            ..Event::default()
        };
        if let Some(context) = context {
            context.read_context(&mut event)?;
        }
        match kind.as_deref() {
            Some("identify") => self.read_traits(&mut event.attributes)?,
            Some("track") => self.read_track(&mut event)?,
            Some(page @ ("page" | "screen")) => {
                event.kind = if page == "page" { EventKind::PageViewed } else { EventKind::ScreenViewed };
                if let Some(properties) = self.object("properties")? {
                    properties.keep(&mut event.properties)?;
                }
                for field in ["name", "category"] {
                    if let Some(text) = self.text(field)? {
                        event.properties.insert(field.to_owned(), text.into());
                    }
                }
            }
            Some("group") => {
                event.kind = EventKind::Grouped;
                let group = self.id("groupId")?.ok_or_else(|| self.missing("groupId", "a `group` message needs it"))?;
                event.properties.insert("group_id".to_owned(), group.into());
                self.read_traits(&mut event.attributes)?;
            }
            Some("alias") => {
                event.kind = EventKind::Aliased;
                if event.user.is_none() {
                    return Err(self.missing("userId", "an `alias` message needs it"));
                }
                let previous = self.id("previousId")?;
                event.previous =
                    Some(previous.ok_or_else(|| self.missing("previousId", "an `alias` message needs it"))?);
            }
            Some(found) => {
                let nearest = crate::near::nearest(found, TYPES);
                return Err(SegmentSpecError::UnknownType { at: self.path("type"), found: shorten(found), nearest });
            }
            None => return Err(self.missing("type", "it says `identify`, `track`, `page` and the like")),
        }
        if event.user.is_none() && event.anonymous.is_none() {
            let at = if self.at.is_empty() { "message" } else { self.at.trim_end_matches('.') };
            return Err(SegmentSpecError::NoUser { at: at.to_owned() });
        }
        Ok(event)
    }

    fn read_track(&mut self, event: &mut Event) -> Result<(), SegmentSpecError> {
        let name = self.text("event")?.filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| self.missing("event", "a `track` message needs it"))?;
        event.kind = EventKind::from(name.as_str());
        if let Some(mut properties) = self.object("properties")? {
            properties.read_commerce(event)?;
            properties.keep(&mut event.properties)?;
        }
        if event.kind == EventKind::Exposed && event.decision.is_none() {
            event.kind = EventKind::from(EXTERNAL_EXPERIMENT);
        }
        Ok(())
    }

    /// Takes the items, the money and the decision out of the properties.
    fn read_commerce(&mut self, event: &mut Event) -> Result<(), SegmentSpecError> {
        match self.take("products") {
            Some(Json::Array(products)) => {
                for (index, json) in products.into_iter().enumerate() {
                    let at = self.path(&format!("products[{index}]"));
                    let mut product = Self { fields: object(json, &at)?, at: at + "." };
                    let item = product.read_item()?;
                    event.items.push(item.ok_or_else(|| product.missing("product_id", "`sku` would do as well"))?);
                }
            }
            Some(other) => return Err(wrong(&self.path("products"), "a list of products", &other)),
            None => event.items.extend(self.read_item()?),
        }
        event.currency = self.text("currency")?;
        for field in ["revenue", "total"] {
            if event.value.is_none() {
                event.value = self.number(field)?;
            }
        }
        // `value` is a common name for much else, so what is no number stays a property.
        if event.value.is_none() && self.fields.get("value").is_some_and(|json| as_number(json).is_some()) {
            event.value = self.number("value")?;
        }
        for field in ["decision", "decision_id", "decisionId"] {
            let id = self.fields.get(field).and_then(Json::as_str).and_then(|id| id.parse::<DecisionId>().ok());
            if id.is_some() && event.decision.is_none() {
                event.decision = id;
                self.fields.remove(field);
            }
        }
        Ok(())
    }

    fn read_item(&mut self) -> Result<Option<EventItem>, SegmentSpecError> {
        let id = match self.id("product_id")? {
            Some(id) => Some(id),
            None => self.id("sku")?,
        };
        let Some(id) = id else { return Ok(None) };
        let quantity = self.number("quantity")?.unwrap_or(1.0);
        Ok(Some(EventItem { id, quantity, price: self.number("price")? }))
    }

    /// Reads `traits` into attributes under a prefix; null stays, since it removes an attribute.
    fn read_traits(&mut self, attributes: &mut Properties) -> Result<(), SegmentSpecError> {
        if let Some(traits) = self.object("traits")? {
            for (name, json) in traits.fields {
                let value = value(json, MAX_DEPTH).ok_or_else(|| too_deep(&traits.at, &name))?;
                attributes.insert(name, value);
            }
        }
        Ok(())
    }

    /// Keeps what is left as properties.
    fn keep(self, properties: &mut Properties) -> Result<(), SegmentSpecError> {
        for (name, json) in self.fields.into_iter().filter(|(_, json)| !json.is_null()) {
            let value = value(json, MAX_DEPTH).ok_or_else(|| too_deep(&self.at, &name))?;
            properties.insert(name, value);
        }
        Ok(())
    }

    fn read_context(mut self, event: &mut Event) -> Result<(), SegmentSpecError> {
        if let Some(channel) = self.text("channel")? {
            event.channel = Some(channel);
        }
        // Beside a group, attributes are the group's; the traits of a context are the person's.
        if event.kind != EventKind::Grouped {
            self.read_traits(&mut event.attributes)?;
        }
        let text = |path: &str| self.find(path).and_then(Json::as_str).filter(|text| !text.is_empty());
        event.device = text("device.type").or_else(|| text("device.model")).map(str::to_owned);
        let own = text("page.url").and_then(host);
        let referrer = text("page.referrer").and_then(host).filter(|host| Some(host) != own.as_ref());
        event.source = text("campaign.source")
            .map(str::to_owned)
            .or(referrer)
            .or_else(|| text("referrer").or_else(|| text("referrer.url")).and_then(host))
            .or_else(|| text("referrer.name").or_else(|| text("referrer.id")).map(str::to_owned));
        if let Some(page) = text("page.path") {
            event.properties.insert("page".to_owned(), page.into());
        }
        for path in CONTEXT {
            if let Some(found) = text(path) {
                event.properties.insert(format!("context.{path}"), found.into());
            }
        }
        Ok(())
    }

    /// What lies at a path of one or two names.
    fn find(&self, path: &str) -> Option<&Json> {
        match path.split_once('.') {
            Some((outer, inner)) => self.fields.get(outer)?.get(inner),
            None => self.fields.get(path),
        }
    }

    fn first_time(&mut self, sent: Option<Timestamp>) -> Result<Timestamp, SegmentSpecError> {
        for field in ["timestamp", "originalTimestamp", "sentAt"] {
            if let Some(time) = self.time(field)? {
                return Ok(time);
            }
        }
        let time = match sent {
            Some(sent) => Some(sent),
            None => self.time("receivedAt")?,
        };
        time.ok_or_else(|| self.missing("timestamp", "`sentAt` or `receivedAt` would do as well"))
    }

    fn time(&mut self, field: &str) -> Result<Option<Timestamp>, SegmentSpecError> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::String(text)) => {
                text.parse().map(Some).map_err(|source| SegmentSpecError::Time { at: self.path(field), source })
            }
            Some(json) => match json.as_i64() {
                Some(millis) => Ok(Some(Timestamp::from_millis(millis))),
                None => Err(wrong(&self.path(field), "a time such as `2026-03-01T12:00:00Z`", &json)),
            },
        }
    }

    /// An id; a whole number counts as the text of it, and empty text as none.
    fn id(&mut self, field: &str) -> Result<Option<String>, SegmentSpecError> {
        match self.take(field) {
            Some(Json::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
            Some(Json::String(text)) => Ok((!text.is_empty()).then_some(text)),
            Some(json) => Err(wrong(&self.path(field), "an id", &json)),
            None => Ok(None),
        }
    }

    fn text(&mut self, field: &str) -> Result<Option<String>, SegmentSpecError> {
        match self.take(field) {
            Some(Json::String(text)) => Ok((!text.is_empty()).then_some(text)),
            Some(json) => Err(wrong(&self.path(field), "text", &json)),
            None => Ok(None),
        }
    }

    fn number(&mut self, field: &str) -> Result<Option<f64>, SegmentSpecError> {
        let Some(json) = self.take(field) else { return Ok(None) };
        match (as_number(&json), &json) {
            (Some(number), _) => Ok(Some(number)),
            (None, Json::String(text)) => Err(SegmentSpecError::Number { at: self.path(field), found: shorten(text) }),
            (None, _) => Err(wrong(&self.path(field), "a number", &json)),
        }
    }

    fn object(&mut self, field: &str) -> Result<Option<Self>, SegmentSpecError> {
        let Some(json) = self.take(field) else { return Ok(None) };
        let at = self.path(field);
        Ok(Some(Self { fields: object(json, &at)?, at: at + "." }))
    }

    /// Takes a field out; null counts as not there.
    fn take(&mut self, field: &str) -> Option<Json> {
        self.fields.remove(field).filter(|json| !json.is_null())
    }

    fn path(&self, field: &str) -> String {
        format!("{}{field}", self.at)
    }

    fn missing(&self, field: &str, why: &'static str) -> SegmentSpecError {
        SegmentSpecError::Missing { at: self.path(field), why }
    }
}

fn object(json: Json, at: &str) -> Result<Map<String, Json>, SegmentSpecError> {
    if let Json::Object(fields) = json { Ok(fields) } else { Err(wrong(at, "an object", &json)) }
}

fn wrong(at: &str, wanted: &'static str, found: &Json) -> SegmentSpecError {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    SegmentSpecError::WrongKind { at: at.to_owned(), wanted, found }
}

fn too_deep(at: &str, name: &str) -> SegmentSpecError {
    SegmentSpecError::TooDeep { at: format!("{at}{}", shorten(name)) }
}

/// A finite number, or text that is one.
fn as_number(json: &Json) -> Option<f64> {
    let number = match json {
        Json::String(text) => text.trim().parse().ok()?,
        json => json.as_f64()?,
    };
    number.is_finite().then_some(number)
}

/// The value that may hold so many more levels; `None` if it holds more.
fn value(json: Json, depth: u8) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => value.into(),
        // Without serde_json's arbitrary precision every number is an `f64`.
        Json::Number(number) => number.as_f64()?.into(),
        Json::String(text) => text.into(),
        Json::Array(list) => {
            let depth = depth.checked_sub(1)?;
            Value::List(list.into_iter().map(|json| value(json, depth)).collect::<Option<_>>()?)
        }
        Json::Object(fields) => {
            let depth = depth.checked_sub(1)?;
            let field = |(name, json): (String, Json)| Some((name.into_boxed_str(), value(json, depth)?));
            Value::Object(Box::new(fields.into_iter().map(field).collect::<Option<_>>()?))
        }
    })
}

/// The host of a URL in lower case, without `www.`, user and port; `None` if there is none.
fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?.to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
#[path = "segment_spec_tests.rs"]
mod tests;
