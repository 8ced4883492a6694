//! What the house wants whatever recommenders say: pin, boost, bury.

use super::Line;
use crate::catalog::Facet;
use crate::hash::Symbol;

/// A rule of the house.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HouseRule {
    /// Which items it is about.
    pub which: Which,
    /// What becomes of them.
    pub house: House,
}

/// Which items a rule of the house is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One item.
    Item(Symbol),
    /// All that have this.
    Facet(Facet),
}

/// What becomes of the items that a rule of the house is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum House {
    /// They stand at this position or, if that is taken, after it; beyond the last position, at the end.
    Pin(usize),
    /// Their relevance is multiplied: by more than one they rise, by less they sink.
    Boost(f64),
    /// They come after all others.
    Bury,
}

/// Applies every rule about an item, in order: factors multiply, and of two pins the first counts.
pub(super) fn apply(rules: &[HouseRule], item: Symbol, facets: &[Facet], line: &mut Line) {
    for rule in rules {
        let concerns = match rule.which {
            Which::Item(of) => of == item,
            Which::Facet(facet) => facets.binary_search(&facet).is_ok(),
        };
        match rule.house {
            _ if !concerns => {}
            House::Pin(position) => line.pinned = line.pinned.or(Some(position)),
            House::Boost(factor) if factor.is_finite() && factor >= 0.0 => {
                line.relevance = (line.relevance * factor).min(f64::MAX);
            }
            House::Boost(_) => {}
            House::Bury => line.buried = true,
        }
    }
}
