//! Proposes items by what they are: for tastes known of a person, or because they are like what was seen.
//!
//! Nobody needs to have touched an item: a new one is proposed as soon as the catalog holds it. A taste is a facet
//! with a weight. Facets that few items hold say more about an item than those of half the catalog, so weights are
//! multiplied by the inverse document frequency (Spärck Jones, Journal of Documentation 1972), and an item that holds
//! many facets is not better for it (cosine; Salton and Buckley, 1988; with plain weights on the side of the item):
//!
//! ```text
//! score(i) = Σ_{f in tastes and in i}  weight_f · ln(N / n_f)  /  √(number of facets of i)
//! ```
//!
//! for N items, of which n_f hold the facet f. The candidates are the items of a short pool, or else those on the
//! lists of the strongest tastes, each list whole or not at all and [`Content::REACH`] places in total, and the
//! [`Content::NEWEST`] newest of the catalog.
//!
//! Cost: O(c · (facets of an item + tastes)) for the c candidates, of which there are at most `REACH + NEWEST`, or as
//! many as a short pool has.

use smallvec::SmallVec;

use super::scratch::{Cell, Ranked, SHORT_POOL};
use super::{Candidate, Query, Recommender, Scratch, Seen, Source, counts};
use crate::catalog::{Catalog, Facet};
use crate::hash::Symbol;

/// What a person likes, facet by facet: built for one query, in memory that the next uses again.
#[derive(Clone, Debug)]
pub struct Tastes {
    /// Until they are settled in the order in which they were added, then by facet.
    all: Vec<Taste>,
    /// The items that spoke; the first stands for none, and is always there.
    anchors: Vec<Option<Symbol>>,
    /// The places in `all`, strongest first.
    strongest: Vec<u32>,
    /// The bits of the facets in `all`: most facets of an item are nobody's taste, and need not be searched for.
    bits: [u64; 16],
}

#[derive(Clone, Copy, Debug)]
struct Taste {
    facet: Facet,
    weight: f64,
    /// Its place in `anchors`.
    anchor: u32,
    added: u32,
}

impl Default for Tastes {
    fn default() -> Self {
        Self { all: Vec::new(), anchors: vec![None], strongest: Vec::new(), bits: [0; 16] }
    }
}

impl Tastes {
    /// How many tastes are kept: the strongest.
    pub const LIMIT: usize = 48;
    /// How many of a history's latest items speak for what is like them.
    pub const DEPTH: usize = 8;

    /// Forgets all.
    pub fn clear(&mut self) {
        self.all.clear();
        self.anchors.clear();
        self.anchors.push(None);
    }

    /// Adds a liking for a facet. Weights that are not finite, or not above zero, count as nothing.
    pub fn add(&mut self, facet: Facet, weight: f64) {
        self.push(facet, weight, 0);
    }

    /// Adds the facets of the [latest](Self::DEPTH) different items of a history, each item counting less than the one
    /// after it by three tenths.
    pub fn add_history(&mut self, history: &[Seen], catalog: &Catalog) {
        let (mut faded, first) = (1.0, self.anchors.len());
        for seen in history.iter().rev().filter(|seen| counts(seen.weight)) {
            if self.anchors.len() - first >= Self::DEPTH {
                break;
            }
            if self.anchors[first..].contains(&Some(seen.item)) {
                continue;
            }
            let Some(slot) = catalog.slot(seen.item) else { continue };
            // At most eight, and the first.
            let anchor = self.anchors.len() as u32;
            self.anchors.push(Some(seen.item));
            for facet in catalog.facets(slot).iter().take(FACETS) {
                self.push(*facet, faded * f64::from(seen.weight), anchor);
            }
            faded *= 0.7;
        }
    }

    /// Weighs each facet by how few items hold it, keeps the strongest, and says by what to rank.
    pub fn settle<'a>(&'a mut self, catalog: &'a Catalog, source: Source) -> Content<'a> {
        self.weigh(catalog);
        self.content(catalog, source)
    }

    /// By what to rank, once the facets are weighed.
    pub(crate) const fn content<'a>(&'a self, catalog: &'a Catalog, source: Source) -> Content<'a> {
        Content { tastes: self, catalog, source }
    }

    /// Weighs each facet by how few items hold it, and keeps the strongest; once.
    pub(crate) fn weigh(&mut self, catalog: &Catalog) {
        let items = catalog.len() as f64;
        let mut rarity: Option<(Facet, f64)> = None;
        self.all.sort_unstable_by_key(|taste| (taste.facet, taste.added));
        for taste in &mut self.all {
            let known = rarity.filter(|(facet, _)| *facet == taste.facet);
            let (_, idf) = known.unwrap_or_else(|| {
                let holders = catalog.holding(taste.facet).len() as f64;
                (taste.facet, if holders > 0.0 { libm::log(items / holders) } else { 0.0 })
            });
            rarity = Some((taste.facet, idf));
            taste.weight *= idf;
        }
        self.all.retain(|taste| taste.weight > 0.0);
        let stronger = |a: &Taste, b: &Taste| {
            b.weight.total_cmp(&a.weight).then(a.facet.cmp(&b.facet)).then(a.added.cmp(&b.added))
        };
        if self.all.len() > Self::LIMIT {
            self.all.select_nth_unstable_by(Self::LIMIT, stronger);
            self.all.truncate(Self::LIMIT);
            self.all.sort_unstable_by_key(|taste| (taste.facet, taste.added));
        }
        self.strongest.clear();
        self.strongest.extend(0..self.all.len() as u32);
        self.strongest.sort_unstable_by(|a, b| stronger(&self.all[*a as usize], &self.all[*b as usize]));
        self.bits.fill(0);
        for taste in &self.all {
            let (word, bit) = bit_of(taste.facet);
            self.bits[word] |= bit;
        }
    }

    /// The tastes for a facet, in the order in which they were added. O(log t).
    fn of(&self, facet: Facet) -> &[Taste] {
        let (word, bit) = bit_of(facet);
        if self.bits[word] & bit == 0 {
            return &[];
        }
        let from = self.all.partition_point(|taste| taste.facet < facet);
        let some = &self.all[from..];
        &some[..some.iter().take_while(|taste| taste.facet == facet).count()]
    }

    fn push(&mut self, facet: Facet, weight: f64, anchor: u32) {
        if weight.is_finite() && weight > 0.0 {
            // A history of 128 events has at most 8 items that speak, of 64 facets each.
            self.all.push(Taste { facet, weight, anchor, added: self.all.len() as u32 });
        }
    }
}

/// Ranks items by how much their facets are to somebody's taste: made by [`Tastes::settle`].
///
/// What is like the history does not come from the history: with [`Source::Similar`] its items are left out.
///
/// ```
/// use bespoke::catalog::{Catalog, Facet, Item};
/// use bespoke::recommend::{Query, Recommender, Scratch, Source, Tastes};
/// use bespoke::time::Timestamp;
/// let mut catalog = Catalog::new();
/// for (id, category) in [("trail-shoe", "running"), ("racing-shoe", "running"), ("cap", "hats")] {
///     catalog.upsert(Item::new(id).category(category))?;
/// }
/// let mut tastes = Tastes::default();
/// tastes.add(Facet::new("category", "hats"), 0.8);
/// let query = Query { history: &[], now: Timestamp::EPOCH, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// tastes.settle(&catalog, Source::Affinity).rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].item, "cap".into());
/// # Ok::<(), bespoke::catalog::CatalogError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    tastes: &'a Tastes,
    catalog: &'a Catalog,
    source: Source,
}

impl Content<'_> {
    /// How many places of facets' lists are looked at.
    pub const REACH: usize = 512;
    /// How many of the newest items are looked at, whatever they are.
    pub const NEWEST: usize = 64;

    /// Adds up what each item that spoke has in common with an item of the catalog.
    fn consider(&self, slot: u32, ranked: &mut Ranked<'_>) {
        let facets = self.catalog.facets(slot);
        let mut shares: SmallVec<[f64; Tastes::DEPTH + 1]> = SmallVec::from_elem(0.0, self.tastes.anchors.len());
        for taste in facets.iter().flat_map(|facet| self.tastes.of(*facet)) {
            shares[taste.anchor as usize] += taste.weight;
        }
        let norm = 1.0 / libm::sqrt(facets.len().max(1) as f64);
        let item = self.catalog.symbol(slot);
        for (anchor, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            ranked.add(item, share * norm, anchor);
        }
    }
}

impl Recommender for Content<'_> {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let Some(mut ranked) = Ranked::begin(scratch, query, slate).filter(|_| !self.tastes.all.is_empty()) else {
            return;
        };
        if self.source == Source::Similar {
            ranked.forbid_history();
        }
        let look = |item: Symbol, ranked: &mut Ranked<'_>| {
            if let Some(slot) = self.catalog.slot(item).filter(|_| !ranked.knows(item)) {
                self.consider(slot, ranked);
            }
        };
        if let Some(pool) = query.pool.filter(|pool| pool.len() < SHORT_POOL) {
            pool.iter().for_each(|item| look(*item, &mut ranked));
        } else {
            // Whether an item may be shown is asked in the end, of the best. Where that would be asked of most, since
            // most may not, it is asked at once: what may not be shown need not be looked at.
            let (mut asked, mut refused) = (0, 0);
            for item in self.catalog.newest().take(Self::NEWEST) {
                let is_open = ranked.may_show(item);
                (asked, refused) = (asked + 1, refused + usize::from(!is_open));
                if is_open {
                    look(item, &mut ranked);
                }
            }
            let is_picky = refused * 2 > asked;
            let mut left = Self::REACH;
            let mut last = None;
            for place in &self.tastes.strongest {
                let facet = self.tastes.all[*place as usize].facet;
                let holders = self.catalog.holding(facet);
                if last.replace(facet) == Some(facet) || holders.len() > left {
                    continue;
                }
                left -= holders.len();
                for slot in holders {
                    let item = self.catalog.symbol(*slot);
                    if !(ranked.knows(item) || is_picky && !ranked.may_show(item)) {
                        self.consider(*slot, &mut ranked);
                    }
                }
            }
        }
        let anchor = |at: usize| self.tastes.anchors.get(at).copied().flatten();
        ranked.finish(Cell::by_score, |at| (self.source, anchor(at), 1.0), slate);
    }
}

/// Where the bit of a facet is.
fn bit_of(facet: Facet) -> (usize, u64) {
    let Facet { dimension, value } = facet;
    // Symbols are hashes, but a host may bring its own bits; the multiplication (Knuth's, by the golden ratio) spreads
    // those too.
    let mixed = (value.to_bits() ^ dimension.to_bits().rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 60) as usize, 1 << (mixed >> 54 & 63))
}

/// How many facets of one item speak at most: hosts that give an item hundreds of tags pay for it once, not per query.
const FACETS: usize = 64;

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
