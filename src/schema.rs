//! Which attributes, event kinds and affinities there are, so that a mistyped name is an error and not a rule that
//! never holds.

mod row;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use row::{CellError, RowError, RowReader};

use crate::event::EventKind;
use crate::time::Span;
use crate::value::Kind;

/// The declared names: a definition, written by people.
///
/// ```
/// use bespoke::schema::Schema;
/// use bespoke::value::Kind;
/// let schema = Schema::default().attribute("country", Kind::Text).event("newsletter_opened");
/// assert_eq!(schema.attributes["country"], Kind::Text);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schema {
    /// The attributes of profiles, with their kinds. An attribute set to a value of another kind is kept under no
    /// name and reported; attributes that are not declared are kept as they come.
    pub attributes: BTreeMap<String, Kind>,
    /// The attributes of requests (page, weather …), with their kinds.
    pub context: BTreeMap<String, Kind>,
    /// The host's own event kinds, beside [`EventKind::KNOWN`].
    pub events: Vec<EventKind>,
    /// The item attributes to which profiles keep affinities.
    pub affinities: Vec<Affinity>,
    /// The kinds of groups (company, account, household) that people belong to, each with its attributes and their
    /// kinds. Where none is declared, all are taken; a kind without attributes takes all.
    pub groups: BTreeMap<String, BTreeMap<String, Kind>>,
    /// The cut points by which purchases are scored.
    pub rfm: Rfm,
    /// How attributes are kept whose newest value alone is not enough.
    pub keeping: BTreeMap<String, Keeping>,
    /// The channels ([`Event::channel`](crate::event::Event::channel)) that write attributes, the most trusted first:
    /// of two values that are written at the same time, that of the more trusted channel holds.
    pub channels: Vec<String>,
}

/// The cut points of the scores of recency, frequency and monetary value, each in rising order: so many cuts make
/// scores from one to one more.
///
/// ```
/// use bespoke::schema::Schema;
/// let schema: Schema = serde_json::from_str(r#"{"rfm": {
///     "recency": ["30d", "90d", "180d"], "frequency": [2, 5], "monetary": {"currency": "EUR", "cuts": [50, 200]}
/// }}"#)?;
/// assert_eq!(schema.rfm.frequency, [2, 5]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rfm {
    /// Spans since the last purchase: the highest score below the first.
    pub recency: Vec<Span>,
    /// Numbers of purchases: the highest score from the last on.
    pub frequency: Vec<u32>,
    /// Amounts; none unless a currency is declared.
    pub monetary: Option<Monetary>,
}

/// The cut points of the amount spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monetary {
    /// The currency in which purchases are counted.
    pub currency: String,
    /// Amounts less refunds: the highest score from the last on.
    pub cuts: Vec<f64>,
}

impl Default for Rfm {
    /// Scores from one to five: bought within 30, 90, 180 or 365 days; 2, 3, 5 or 10 times; no currency.
    fn default() -> Self {
        Self { recency: [30, 90, 180, 365].map(Span::days).to_vec(), frequency: vec![2, 3, 5, 10], monetary: None }
    }
}

/// How a profile keeps an attribute.
///
/// ```
/// use bespoke::schema::{Keep, Keeping, Schema};
/// use bespoke::value::Kind;
/// let schema = Schema::default()
///     .attribute("plan", Kind::Text)
///     .keeping("plan", Keeping { keep: Keep::Newest, history: 5 });
/// assert_eq!(schema.keeping["plan"].history, 5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keeping {
    /// Which of the values that are written to it stays.
    pub keep: Keep,
    /// How many of the newest different values are kept beside it, each with the time at which it was last written;
    /// at most 64.
    pub history: u8,
}

/// Which of the values that are written to an attribute a profile keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Keep {
    /// The newest.
    #[default]
    Newest,
    /// The oldest, such as the channel that a person first signed up by. Writing null changes nothing.
    Oldest,
    /// All of them as a list, each once: at most so many, from 1 to 64, of which the lowest stay (by kind, then by
    /// content). Writing a list adds its elements; writing null changes nothing.
    Union(u8),
}

/// An item attribute to which profiles keep decayed affinities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affinity {
    /// The item attribute: `category`, `brand`, `tag`, or one of the catalog's own.
    pub attribute: String,
    /// After how long an event's weight is halved.
    #[serde(default = "thirty_days")]
    pub half_life: Span,
}

const fn thirty_days() -> Span {
    Span::days(30)
}

impl Default for Schema {
    /// Nothing is declared but affinities to `category` and `brand`, with half-lives of 30 days, and the default
    /// [`Rfm`].
    fn default() -> Self {
        let affinity = |attribute: &str| Affinity { attribute: attribute.to_owned(), half_life: thirty_days() };
        Self {
            attributes: BTreeMap::new(),
            context: BTreeMap::new(),
            events: Vec::new(),
            affinities: vec![affinity("category"), affinity("brand")],
            groups: BTreeMap::new(),
            rfm: Rfm::default(),
            keeping: BTreeMap::new(),
            channels: Vec::new(),
        }
    }
}

impl Schema {
    /// Declares an attribute of profiles.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.attributes.insert(name.into(), kind);
        self
    }

    /// Declares an attribute of requests.
    #[must_use]
    pub fn context(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.context.insert(name.into(), kind);
        self
    }

    /// Declares an event kind of the host's own.
    #[must_use]
    pub fn event(mut self, name: &str) -> Self {
        self.events.push(EventKind::from(name));
        self
    }

    /// Declares an affinity; one that exists gets the new half-life.
    #[must_use]
    pub fn affinity(mut self, attribute: impl Into<String>, half_life: Span) -> Self {
        let attribute = attribute.into();
        self.affinities.retain(|affinity| affinity.attribute != attribute);
        self.affinities.push(Affinity { attribute, half_life });
        self
    }

    /// Declares an attribute of a kind of group.
    #[must_use]
    pub fn group(mut self, kind: impl Into<String>, attribute: impl Into<String>, of: Kind) -> Self {
        self.groups.entry(kind.into()).or_default().insert(attribute.into(), of);
        self
    }

    /// Says how an attribute is kept.
    #[must_use]
    pub fn keeping(mut self, attribute: impl Into<String>, keeping: Keeping) -> Self {
        self.keeping.insert(attribute.into(), keeping);
        self
    }

    /// Declares a channel that writes attributes, less trusted than those before it.
    #[must_use]
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.channels.push(name.into());
        self
    }

    /// Whether events of this kind are known.
    #[must_use]
    pub fn knows(&self, kind: &EventKind) -> bool {
        !matches!(kind, EventKind::Custom(_)) || self.events.contains(kind)
    }
}
