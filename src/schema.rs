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
    /// Nothing is declared but affinities to `category` and `brand`, with half-lives of 30 days.
    fn default() -> Self {
        let affinity = |attribute: &str| Affinity { attribute: attribute.to_owned(), half_life: thirty_days() };
        Self {
            attributes: BTreeMap::new(),
            context: BTreeMap::new(),
            events: Vec::new(),
            affinities: vec![affinity("category"), affinity("brand")],
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

    /// Whether events of this kind are known.
    #[must_use]
    pub fn knows(&self, kind: &EventKind) -> bool {
        !matches!(kind, EventKind::Custom(_)) || self.events.contains(kind)
    }
}
