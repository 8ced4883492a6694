//! From a strategy to items: sources in turn, filters, the catalog as the last resort, then the order in which they are
//! shown.

use std::cmp::Reverse;

use rand::Rng;

use super::Engine;
use super::decide::DecideScratch;
use super::earnings::Earnings;
use super::facts::ProfileFacts;
use super::filter::Filter;
use super::models::Models;
use super::speak::{Speaker, speak_together};
use crate::campaign::{Repeats, Seen, Strategy, Weighted};
use crate::catalog::Catalog;
use crate::decision::Source;
use crate::event::EventKind;
use crate::hash::Symbol;
use crate::profile::{Mark, Remembered, weight_of};
use crate::recommend::{
    self, Candidate, Exploration, House, HouseRule, Mix, Query, Recommender, Rerank, SeenKind, Which, explore,
};
use crate::time::Timestamp;
use crate::value::Value;

/// What a slate is to be filled for.
pub(super) struct Slating<'a> {
    pub(super) strategy: &'a Strategy,
    /// How many items are wanted.
    pub(super) limit: usize,
    pub(super) facts: &'a ProfileFacts<'a>,
    pub(super) models: &'a Models,
    /// What the sources of the variant's blend have earned.
    pub(super) earnings: Option<&'a Earnings>,
}

impl Engine {
    /// Fills `scratch.candidates` with at most `limit` items; `rng` is drawn from where the strategy explores.
    pub(super) fn fill_slate(&self, of: &Slating<'_>, rng: Option<&mut dyn Rng>, scratch: &mut DecideScratch) {
        let Slating { strategy, limit, facts, models, .. } = *of;
        let context = facts.context;
        scratch.candidates.clear();
        scratch.drawn.clear();
        let Some(filter) = Filter::new(&strategy.filters, context, &models.catalog, facts.now) else { return };
        scratch.recall(strategy, facts);
        let latest = scratch.history.last().map(|seen| seen.item);
        scratch.hear_about(strategy, context, facts.now);
        let given = strategy.among.as_ref().and_then(|name| spoken(context, name));
        // A long list is not copied: recommenders would not look at it.
        let narrow = filter.narrow.filter(|slots| slots.len() < recommend::SHORT_POOL);
        scratch.pool.clear();
        match (given, narrow) {
            (Some(given), _) => scratch.pool.extend(items(given).take(MOST_GIVEN)),
            (None, Some(slots)) => scratch.pool.extend(slots.iter().map(|slot| models.catalog.symbol(*slot))),
            (None, None) => {}
        }
        scratch.allowed.clear();
        if given.is_some() {
            scratch.allowed.extend_from_slice(&scratch.pool);
            scratch.allowed.sort_unstable();
        }
        let DecideScratch { recommend: buffers, candidates, history, marks, pool, about, allowed, .. } = scratch;
        let DecideScratch { ground, voices, said, weights, rules, rerank, ages, runners, drawn, .. } = scratch;
        let accept = |item: Symbol| {
            let listed = models.catalog.slot(item).is_some_and(|slot| filter.passes(slot));
            listed
                && !marks.iter().any(|mark| mark.item == item)
                && !about.contains(&item)
                && (given.is_none() || allowed.binary_search(&item).is_ok())
        };
        let pool = (given.is_some() || narrow.is_some()).then_some(pool.as_slice());
        let wanted = if strategy.rearranges() { (limit * 4).min(limit + SPARE) } else { limit };
        let query = Query { history, now: facts.now, limit: wanted, accept: &accept, pool };
        self.house(strategy, facts, latest, &query, rules, candidates);
        let known = (facts, &filter, models);
        said.clear();
        if let Some(blend) = &strategy.blend {
            for (source, _) in &blend.sources {
                self.prepare(*source, known, history, weights, ground);
            }
            weigh(blend, of.earnings, voices);
            speak_together(voices, (models, ground), &query, buffers, candidates, said);
        }
        for source in &strategy.sources {
            // Definitions cannot name the other two that are no recommenders.
            if matches!(source, Source::Catalog | Source::Pinned | Source::Explored) {
                fill_from_catalog(&models.catalog, &query, ages, candidates);
            }
            if candidates.len() >= query.limit {
                break;
            }
            self.prepare(*source, known, history, weights, ground);
            if let Some(speaker) = Speaker::of(*source, models, ground) {
                speaker.rank(&query, buffers, candidates);
            }
        }
        fill_from_catalog(&models.catalog, &query, ages, candidates);
        if !strategy.rearranges() {
            return;
        }
        let mix = strategy.calibrate.and_then(|calibrate| {
            self.own_mix(calibrate.attribute, facts, &models.catalog, weights);
            let weights = Some(weights.as_slice()).filter(|of| !of.is_empty())?;
            Some(Mix { dimension: calibrate.attribute, weights, weight: calibrate.weight })
        });
        let order =
            Rerank { diversity: strategy.diversity, quotas: &strategy.quotas, mix, rules, catalog: &models.catalog };
        let tried = strategy.explore.as_ref().zip(rng);
        let positions = tried.as_ref().map_or(&[][..], |(exploration, _)| within(exploration, limit));
        let chosen = limit - positions.len();
        order.arrange(chosen, rerank, candidates);
        runners.clear();
        runners.extend(candidates.drain(chosen.min(candidates.len())..));
        if let Some((exploration, rng)) = tried {
            if exploration.newest {
                let query = Query { limit: chosen.min(candidates.len()) + exploration.among, ..query };
                let known = candidates.len();
                fill_from_catalog(&models.catalog, &query, ages, candidates);
                runners.clear();
                runners.extend(candidates.drain(known..));
            }
            runners.truncate(exploration.among);
            runners.iter_mut().for_each(|of| of.source = Source::Explored);
            explore(positions, runners, rng, candidates, drawn);
        }
        fill_from_catalog(&models.catalog, &Query { limit, ..query }, ages, candidates);
    }

    /// The rules that hold for the person, and the items that they put into the slate.
    fn house(
        &self,
        strategy: &Strategy,
        facts: &ProfileFacts<'_>,
        latest: Option<Symbol>,
        query: &Query<'_>,
        rules: &mut Vec<HouseRule>,
        candidates: &mut Vec<Candidate>,
    ) {
        rules.clear();
        let is_in = |name: &str| {
            let index = self.segment_places.get(&Symbol::new(name));
            index.is_some_and(|index| self.answer(facts.flips, *index).is_yes())
        };
        let held = strategy.rules.iter().filter(|of| of.segment.as_deref().is_none_or(is_in));
        rules.extend(held.map(|of| of.rule));
        let mut put = |item: Symbol, source: Source| {
            if !candidates.iter().any(|of| of.item == item) && candidates.len() < query.limit && (query.accept)(item) {
                candidates.push(Candidate { item, score: 0.0, source, because: None, contribution: 0.0 });
            }
        };
        for rule in rules.iter() {
            if let HouseRule { which: Which::Item(item), house: House::Pin(_) } = rule {
                put(*item, Source::Pinned);
            }
        }
        if let Some(item) = latest.filter(|_| strategy.repeat == Repeats::First) {
            put(item, Source::Recent);
            rules.push(HouseRule { which: Which::Item(item), house: House::Pin(0) });
        }
    }
}

impl DecideScratch {
    /// What the person had to do with before, and which items of that are left out.
    fn recall(&mut self, strategy: &Strategy, facts: &ProfileFacts<'_>) {
        let exclude = strategy.filters.exclude.as_slice();
        let forbids = strategy.repeat == Repeats::Forbid;
        self.marks.clear();
        if forbids || !exclude.is_empty() {
            facts.profile.marks(&mut self.marks);
            self.marks.retain(|mark| forbids || is_excluded(exclude, mark));
        }
        // Signs of interest, newest last.
        self.history.clear();
        let past = facts.profile.history().iter().filter(|event| event.time <= facts.now);
        self.history.extend(past.filter_map(|event| sign(&event)));
    }

    /// The items that the slate is about, which speak as if they had just been seen.
    fn hear_about(&mut self, strategy: &Strategy, context: &[(Symbol, &Value)], now: Timestamp) {
        self.about.clear();
        let Some(given) = strategy.about.as_ref().and_then(|name| spoken(context, name)) else { return };
        self.about.extend(items(given).take(MOST_ABOUT));
        let seen = |item: &Symbol| recommend::Seen { item: *item, time: now, weight: ABOUT, kind: SeenKind::Viewed };
        self.history.extend(self.about.iter().map(seen));
    }
}

/// The weights with which the sources of a blend speak.
fn weigh(blend: &Weighted, earnings: Option<&Earnings>, voices: &mut Vec<(Source, f32)>) {
    voices.clear();
    // Within their range, weights lose no more than their last digits.
    let mut each = |source, weight: f64| voices.push((source, weight as f32));
    match earnings.filter(|_| blend.learn) {
        Some(earnings) => earnings.weigh(blend, each),
        None => blend.sources.iter().for_each(|(source, weight)| each(*source, *weight)),
    }
}

/// What an event of a history tells recommenders, if it is a sign of interest in an item.
pub(crate) fn sign(event: &Remembered) -> Option<recommend::Seen> {
    let known = event.known.as_ref()?;
    // Weights are small whole numbers, exact in an `f32`.
    let weight = weight_of(known) as f32;
    let item = event.item.filter(|_| weight > 0.0)?;
    Some(recommend::Seen { item, time: event.time, weight, kind: seen_kind(known) })
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

/// Fills what is left of a slate with what the catalog has, newest first. Cost: the items passed on the way to the
/// last one that fits; with a pool, at most its items.
fn fill_from_catalog(
    catalog: &Catalog,
    query: &Query<'_>,
    ages: &mut Vec<(Reverse<Timestamp>, Symbol)>,
    candidates: &mut Vec<Candidate>,
) {
    let filled = candidates.len();
    if filled >= query.limit {
        return;
    }
    let mut fill = |item: Symbol| {
        if !candidates[..filled].iter().any(|of| of.item == item) && (query.accept)(item) {
            let source = Source::Catalog;
            candidates.push(Candidate { item, score: 0.0, source, because: None, contribution: 0.0 });
        }
        candidates.len() < query.limit
    };
    match query.pool {
        Some(pool) => {
            ages.clear();
            ages.extend(pool.iter().map(|item| (Reverse(catalog.created(*item)), *item)));
            ages.sort_unstable();
            ages.dedup();
            let _ = ages.iter().all(|(_, item)| fill(*item));
        }
        None => {
            let _ = catalog.newest().all(fill);
        }
    }
}

/// What the request says under a name, if it says anything.
fn spoken<'a>(context: &[(Symbol, &'a Value)], name: &str) -> Option<&'a Value> {
    let name = Symbol::new(name);
    let found = context.iter().find(|(symbol, _)| *symbol == name).map(|(_, value)| *value);
    found.filter(|value| !matches!(value, Value::Null))
}

/// The items that a value names: one, or a list.
fn items(value: &Value) -> impl Iterator<Item = Symbol> {
    let all = if let Value::List(list) = value { list } else { std::slice::from_ref(value) };
    all.iter().filter_map(|value| if let Value::Text(text) = value { Some(Symbol::new(text)) } else { None })
}

/// The positions at which a slate of this length explores.
fn within(exploration: &Exploration, limit: usize) -> &[usize] {
    &exploration.positions[..exploration.positions.partition_point(|position| *position < limit)]
}

fn is_excluded(exclude: &[Seen], mark: &Mark) -> bool {
    exclude.iter().any(|seen| match seen {
        Seen::Viewed => true,
        Seen::Purchased => mark.bought,
        Seen::Dismissed => mark.dismissed,
    })
}

/// How many candidates more than wanted are put in order at most.
const SPARE: usize = 120;
/// How many items a slate can be about.
const MOST_ABOUT: usize = 50;
/// How many items can be given to choose from; still a short pool.
const MOST_GIVEN: usize = 1000;
/// The weight of an item that a slate is about: as much as the strongest sign of interest.
const ABOUT: f32 = 5.0;
