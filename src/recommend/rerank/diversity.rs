//! How alike two items are: what they share of what they have (Jaccard, 1901).

use crate::catalog::Facet;

/// The share of the facets of either that both have, from 0 to 1; items without any are like nothing. Both rise.
pub(super) fn likeness(a: &[Facet], b: &[Facet]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0_usize);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        common += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    let all = a.len() + b.len() - common;
    if all == 0 { 0.0 } else { common as f64 / all as f64 }
}
