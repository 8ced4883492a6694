//! Which attributes, event kinds and affinities there are, so that a mistyped name is an error and not a rule that
//! never holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// The candidate nearest to a mistyped name by edit distance (with neighbouring letters swapped counting once),
/// if it is near enough to be meant; the first of equals.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.len() > 64 {
        return None;
    }
    let limit = 1 + name.chars().count() / 4;
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 96)
        // The distance is at least the difference in length; a letter has one to four bytes.
        .filter(|candidate| candidate.chars().count().abs_diff(name.chars().count()) <= limit)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// The optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let names = ["product_viewed", "product_added", "purchased"];
        assert_eq!(nearest("product_veiwed", names).as_deref(), Some("product_viewed"));
        assert_eq!(nearest("purchsed", names).as_deref(), Some("purchased"));
        assert_eq!(nearest("weather", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(distance("ca", "abc"), 3);
    }
}
