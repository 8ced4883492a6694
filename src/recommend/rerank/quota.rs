//! How many items of a kind a slate may or must have.

use crate::catalog::Facet;
use crate::hash::Symbol;

/// At most, or at least, so many items with a value of an attribute.
///
/// Both give way where there are no other candidates: a slate is not shorter for a quota. A category counts for every
/// category above it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The attribute: `category`, `brand`, `tag` or one of the catalog's own.
    pub dimension: Symbol,
    /// The value; without one, `most` holds for each value by itself, and `least` for nothing.
    pub value: Option<Symbol>,
    /// How many there may be.
    pub most: Option<usize>,
    /// How many there must be.
    pub least: usize,
}

impl Quota {
    /// A quota on an attribute that allows everything.
    #[must_use]
    pub fn of(attribute: &str) -> Self {
        Self { dimension: Symbol::new(attribute), value: None, most: None, least: 0 }
    }

    fn concerns(&self, facet: &Facet) -> bool {
        facet.dimension == self.dimension && self.value.is_none_or(|value| facet.value == value)
    }
}

/// How many items with each value that a quota is about were taken.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<(Facet, usize)>);

impl Counts {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn add(&mut self, quotas: &[Quota], facets: &[Facet]) {
        for facet in facets.iter().filter(|facet| quotas.iter().any(|quota| quota.concerns(facet))) {
            match self.0.iter_mut().find(|(counted, _)| counted == facet) {
                Some((_, count)) => *count += 1,
                None => self.0.push((*facet, 1)),
            }
        }
    }

    /// Whether one more item with these facets would be too many.
    pub(super) fn breaks(&self, quotas: &[Quota], facets: &[Facet]) -> bool {
        quotas.iter().filter_map(|quota| Some((quota, quota.most?))).any(|(quota, most)| {
            facets.iter().filter(|facet| quota.concerns(facet)).any(|facet| self.of(facet) >= most)
        })
    }

    /// How many items are wanted yet, if one item can only fill one quota.
    pub(super) fn missing(&self, quotas: &[Quota]) -> usize {
        quotas.iter().map(|quota| self.missing_of(quota)).fold(0, usize::saturating_add)
    }

    /// Whether an item with these facets fills a quota that is wanted yet.
    pub(super) fn helps(&self, quotas: &[Quota], facets: &[Facet]) -> bool {
        let wanted = |quota: &&Quota| self.missing_of(quota) > 0;
        let missing = self.missing(quotas);
        missing == 0 || quotas.iter().filter(wanted).any(|quota| facets.iter().any(|facet| quota.concerns(facet)))
    }

    fn missing_of(&self, quota: &Quota) -> usize {
        let Some(value) = quota.value else { return 0 };
        quota.least.saturating_sub(self.of(&Facet { dimension: quota.dimension, value }))
    }

    fn of(&self, facet: &Facet) -> usize {
        self.0.iter().find(|(counted, _)| counted == facet).map_or(0, |(_, count)| *count)
    }
}
