//! The filters of a strategy with the values of one request.

use smallvec::SmallVec;

use crate::campaign::{Filters, Target};
use crate::catalog::{Catalog, Facet};
use crate::hash::Symbol;
use crate::time::Timestamp;
use crate::value::Value;

/// The filters of a strategy with the values of one request.
pub(super) struct Filter<'a> {
    /// The slots of the rarest facet that is asked for: nothing else can pass.
    pub(super) narrow: Option<&'a [u32]>,
    /// The category that is asked for.
    pub(super) category: Option<Symbol>,
    /// The other facets.
    facets: SmallVec<[Facet; 4]>,
    price: Option<(f64, f64)>,
    catalog: &'a Catalog,
    now: Timestamp,
}

impl<'a> Filter<'a> {
    /// `None` if no item can pass, because the request asks for a value that no facet can have.
    pub(super) fn new(
        filters: &Filters,
        context: &[(Symbol, &Value)],
        catalog: &'a Catalog,
        now: Timestamp,
    ) -> Option<Self> {
        let mut facets: SmallVec<[Facet; 4]> = SmallVec::new();
        for (name, target) in &filters.facets {
            let value = match target {
                Target::Fixed(value) => value,
                Target::Context(name) => {
                    let name = Symbol::new(name);
                    match context.iter().find(|(symbol, _)| *symbol == name) {
                        Some((_, value)) => value,
                        // The request says nothing about it: no filter.
                        None => continue,
                    }
                }
            };
            let value = match value {
                Value::Text(text) => Symbol::new(text),
                Value::Bool(value) => Symbol::new(if *value { "true" } else { "false" }),
                Value::Null => continue,
                Value::Number(_) | Value::List(_) | Value::Object(_) => return None,
            };
            facets.push(Facet { dimension: Symbol::new(name), value });
        }
        let price = match (filters.price_from, filters.price_to) {
            (None, None) => None,
            (from, to) => Some((from.unwrap_or(0.0), to.unwrap_or(f64::INFINITY))),
        };
        let of_category = facets.iter().find(|facet| facet.dimension == Symbol::new("category"));
        let category = of_category.map(|facet| facet.value);
        let slots = facets.iter().map(|facet| catalog.holding(*facet)).enumerate();
        let narrow = slots.min_by_key(|(_, slots)| slots.len());
        if let Some((at, _)) = narrow {
            facets.remove(at);
        }
        Some(Self { narrow: narrow.map(|(_, slots)| slots), category, facets, price, catalog, now })
    }

    /// Whether the item at a slot may be shown.
    pub(super) fn passes(&self, slot: u32) -> bool {
        // The list of slots is short and in cache, and most items fail by it.
        self.narrow.is_none_or(|slots| slots.binary_search(&slot).is_ok())
            && self.catalog.is_listed(slot, self.now)
            && self.facets.iter().all(|facet| self.catalog.facets(slot).contains(facet))
            && self
                .price
                .is_none_or(|(from, to)| self.catalog.price(slot).is_some_and(|price| (from..=to).contains(&price)))
    }
}
