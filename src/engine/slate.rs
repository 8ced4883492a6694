//! From a strategy to items: sources in turn, filters, and the catalog as the last resort.

use smallvec::SmallVec;

use super::Engine;
use super::decide::DecideScratch;
use super::facts::{Context, ProfileFacts};
use super::models::Models;
use crate::campaign::{Filters, Seen, Strategy, Target};
use crate::catalog::{Catalog, Facet};
use crate::decision::Source;
use crate::event::EventKind;
use crate::hash::Symbol;
use crate::profile::{Mark, weight_of};
use crate::recommend::{self, Candidate, Query, Recent, Recommender, Relation, SeenKind, Trending};
use crate::time::Timestamp;
use crate::value::Value;

impl Engine {
    /// Fills `scratch.candidates` with at most `limit` items.
    pub(super) fn fill_slate(
        &self,
        strategy: &Strategy,
        limit: usize,
        context: &Context<'_>,
        facts: &ProfileFacts<'_>,
        models: &Models,
        scratch: &mut DecideScratch,
    ) {
        let DecideScratch { recommend: buffers, candidates, history, marks, pool, tastes, weights, groups } = scratch;
        candidates.clear();
        let Some(filter) = Filter::new(&strategy.filters, context, &models.catalog, facts.now) else { return };
        let exclude = strategy.filters.exclude.as_slice();
        marks.clear();
        if !exclude.is_empty() {
            facts.profile.marks(marks);
            marks.retain(|mark| is_excluded(exclude, mark));
        }
        recall(facts, history);
        let narrow = filter.narrow;
        // A long list is not copied: recommenders would not look at it.
        let short = narrow.filter(|slots| slots.len() < recommend::SHORT_POOL);
        if let Some(slots) = short {
            pool.clear();
            pool.extend(slots.iter().map(|slot| models.catalog.symbol(*slot)));
        }
        let accept = |item: Symbol| {
            let listed = models.catalog.slot(item).is_some_and(|slot| filter.passes(slot));
            listed && !marks.iter().any(|mark| mark.item == item)
        };
        let query = Query { history, now: facts.now, limit, accept: &accept, pool: short.is_some().then_some(pool) };
        for source in &strategy.sources {
            match source {
                Source::Related => models.neighbors.rank(&query, buffers, candidates),
                Source::ViewedTogether | Source::ViewedThenBought | Source::BoughtTogether => {
                    let relation = Relation::of(*source).and_then(|relation| models.relations.get(&relation));
                    relation.into_iter().for_each(|of| of.rank(&query, buffers, candidates));
                }
                Source::Recent => Recent::default().rank(&query, buffers, candidates),
                Source::Popular => models.popular.rank(&query, buffers, candidates),
                Source::PopularInCategory => {
                    self.liked_categories(facts, weights, groups);
                    models.popular_in_category.among(groups, *source).rank(&query, buffers, candidates);
                }
                Source::PopularInSegment => {
                    groups.clear();
                    groups.extend(self.popular_segment(facts).map(|segment| (segment, 1.0)));
                    models.popular_in_segment.among(groups, *source).rank(&query, buffers, candidates);
                }
                Source::Trending => {
                    let lately = models.lately.iter().map(|lately| Trending::new(lately, &models.popular));
                    lately.for_each(|trending| trending.rank(&query, buffers, candidates));
                }
                Source::Similar => {
                    tastes.clear();
                    tastes.add_history(history, &models.catalog);
                    tastes.settle(&models.catalog, *source).rank(&query, buffers, candidates);
                }
                Source::Affinity => {
                    self.tastes(facts, weights, tastes);
                    tastes.settle(&models.catalog, *source).rank(&query, buffers, candidates);
                }
                Source::Catalog => fill_from_catalog(&models.catalog, &query, candidates),
            }
        }
        fill_from_catalog(&models.catalog, &query, candidates);
    }
}

/// Fills what is left of a slate with what the catalog has, newest first. Cost: the items passed on the way to the
/// last one that fits; with a pool, at most its items.
fn fill_from_catalog(catalog: &Catalog, query: &Query<'_>, candidates: &mut Vec<Candidate>) {
    let missing = query.limit.saturating_sub(candidates.len());
    if missing == 0 {
        return;
    }
    let filled = candidates.len();
    let fresh = |item: &Symbol| !candidates[..filled].iter().any(|of| of.item == *item) && (query.accept)(*item);
    let found: SmallVec<[Symbol; 32]> = match query.pool {
        Some(pool) => {
            let mut all: SmallVec<[Symbol; 32]> = pool.iter().copied().filter(fresh).collect();
            all.sort_unstable_by_key(|item| (std::cmp::Reverse(catalog.created(*item)), *item));
            all.truncate(missing);
            all
        }
        None => catalog.newest().filter(fresh).take(missing).collect(),
    };
    let candidate = |item| Candidate { item, score: 0.0, source: Source::Catalog, because: None, contribution: 0.0 };
    candidates.extend(found.into_iter().map(candidate));
}

/// The person's items as recommenders read them: signs of interest, newest last.
fn recall(facts: &ProfileFacts<'_>, history: &mut Vec<recommend::Seen>) {
    history.clear();
    for event in facts.profile.history().iter().filter(|event| event.time <= facts.now) {
        // Weights are small whole numbers, exact in an `f32`.
        let weight = event.known.as_ref().map_or(0.0, weight_of) as f32;
        if let Some(item) = event.item.filter(|_| weight > 0.0) {
            let kind = event.known.as_ref().map_or(SeenKind::Other, seen_kind);
            history.push(recommend::Seen { item, time: event.time, weight, kind });
        }
    }
}

/// What an event says to the recommenders that tell kinds apart.
pub(super) const fn seen_kind(kind: &EventKind) -> SeenKind {
    match kind {
        EventKind::ItemViewed | EventKind::ItemClicked => SeenKind::Viewed,
        EventKind::ItemAdded => SeenKind::Carted,
        EventKind::Purchased => SeenKind::Purchased,
        _ => SeenKind::Other,
    }
}

fn is_excluded(exclude: &[Seen], mark: &Mark) -> bool {
    exclude.iter().any(|seen| match seen {
        Seen::Viewed => true,
        Seen::Purchased => mark.bought,
        Seen::Dismissed => mark.dismissed,
    })
}

/// The filters of a strategy with the values of one request.
struct Filter<'a> {
    /// The slots of the rarest facet that is asked for: nothing else can pass.
    narrow: Option<&'a [u32]>,
    /// The other facets.
    facets: SmallVec<[Facet; 4]>,
    price: Option<(f64, f64)>,
    catalog: &'a Catalog,
    now: Timestamp,
}

impl<'a> Filter<'a> {
    /// `None` if no item can pass, because the request asks for a value that no facet can have.
    fn new(filters: &Filters, context: &Context<'_>, catalog: &'a Catalog, now: Timestamp) -> Option<Self> {
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
        let slots = facets.iter().map(|facet| catalog.holding(*facet)).enumerate();
        let narrow = slots.min_by_key(|(_, slots)| slots.len());
        if let Some((at, _)) = narrow {
            facets.remove(at);
        }
        Some(Self { narrow: narrow.map(|(_, slots)| slots), facets, price, catalog, now })
    }

    fn passes(&self, slot: u32) -> bool {
        // The list of slots is short and in cache, and most items fail by it.
        self.narrow.is_none_or(|slots| slots.binary_search(&slot).is_ok())
            && self.catalog.is_listed(slot, self.now)
            && self.facets.iter().all(|facet| self.catalog.facets(slot).contains(facet))
            && self
                .price
                .is_none_or(|(from, to)| self.catalog.price(slot).is_some_and(|price| (from..=to).contains(&price)))
    }
}
