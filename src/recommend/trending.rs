//! Proposes what is on the rise: growth, not size.
//!
//! Two sums of the same events, of which one forgets faster, tell a steady item from a rising one. If an item had
//! come at the slow sum's rate all along, the fast sum F would be about `E = S · h_fast / h_slow`. The growth is what
//! F is of E, drawn towards one by a Gamma prior (the empirical-Bayes shrinkage of observed to expected counts of
//! DuMouchel, "Bayesian data mining in large frequency tables", The American Statistician 1999, with one component):
//!
//! ```text
//! growth(i) = (F_i + shrink) / (E_i + shrink)
//! ```
//!
//! which is the mean of the posterior of the ratio for Poisson counts under a Gamma(shrink, shrink). So ten events
//! where one was expected are more of a trend than two where none was. Decayed sums are no Poisson counts, and their
//! weights no single events: `shrink` says how many events it takes to be believed.
//!
//! Cost: O(n) for the n ≤ 512 items with most events lately, or for the items of a short pool.

use std::cmp::Reverse;

use super::scratch::{Cell, Ranked, SHORT_POOL};
use super::worth::Worth;
use super::{Candidate, Popular, Query, Recommender, Scratch, Source};

/// Ranks items by how much faster they come of late than before.
///
/// The two states must have learned the same events. An item whose growth is not above one is not proposed, nor is
/// any where `fast` does not have the shorter half-life. Without a pool, of the items of the fast state only the
/// [most active](Self::DEPTH) are considered.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Popular, PopularSettings, Query, Recommender, Scratch, Trending};
/// use bespoke::time::{Span, Timestamp};
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let mut slow = Popular::default(); // a week
/// let mut fast = Popular::new(PopularSettings { half_life: Span::days(1), ..PopularSettings::default() })?;
/// for day in 0..14 {
///     for (item, events) in [("steady", 100), ("rising", if day < 2 { 40 } else { 1 })] {
///         for state in [&mut slow, &mut fast] {
///             state.learn(Symbol::new(item), events as f32, now - Span::days(day));
///         }
///     }
/// }
/// let query = Query { history: &[], now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// Trending::new(&fast, &slow).rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].item, Symbol::new("rising"));
/// # Ok::<(), bespoke::recommend::RecommendError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Trending<'a> {
    fast: &'a Popular,
    slow: &'a Popular,
    shrink: f64,
}

impl<'a> Trending<'a> {
    /// How many items are considered at most.
    pub const DEPTH: usize = 512;

    /// Compares these two, with a shrinkage of ten events.
    #[must_use]
    pub const fn new(fast: &'a Popular, slow: &'a Popular) -> Self {
        Self { fast, slow, shrink: 10.0 }
    }

    /// Believes in growth only where there are about so many events; at least a thousandth of one.
    #[must_use]
    pub fn shrink(self, events: f64) -> Self {
        Self { shrink: if events >= 0.001 { events } else { 0.001 }, ..self }
    }
}

impl Recommender for Trending<'_> {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let Some(mut ranked) = Ranked::begin(scratch, query, slate) else { return };
        let (fast, slow) = (Reading::new(self.fast, query), Reading::new(self.slow, query));
        let half_lives = [self.fast, self.slow].map(|of| of.settings().half_life.millis() as f64);
        let steady = half_lives[0] / half_lives[1];
        let (Some(fast), true) = (fast, steady < 1.0) else { return };
        let consider = |item, worth: &Worth, ranked: &mut Ranked<'_>| {
            let found = fast.of(worth);
            // What lasts longer has not faded more; the slow state may have had to let the item go.
            let all = slow.as_ref().and_then(|slow| Some(slow.of(&self.slow.worth(item)?))).unwrap_or(0.0).max(found);
            let growth = (found + self.shrink) / (all * steady + self.shrink);
            // A pool may name an item twice.
            if growth > 1.0 && !ranked.knows(item) {
                ranked.add(item, growth, 0);
            }
        };
        match query.pool.filter(|pool| pool.len() < SHORT_POOL) {
            Some(pool) => {
                let known = pool.iter().filter_map(|item| Some((*item, self.fast.worth(*item)?)));
                known.for_each(|(item, worth)| consider(item, &worth, &mut ranked));
            }
            None => {
                let places = self.fast.places().take(Self::DEPTH);
                places.for_each(|(Reverse(worth), item)| consider(*item, worth, &mut ranked));
            }
        }
        ranked.finish(Cell::by_score, |_| (Source::Trending, None, 1.0), slate);
    }
}

/// Reads sums relative to the largest, so that a power of two is taken once and not for each.
struct Reading {
    best: Worth,
    /// What the largest sum is at the time of the query.
    most: f64,
}

impl Reading {
    fn new(of: &Popular, query: &Query<'_>) -> Option<Self> {
        let &(Reverse(best), item) = of.places().next()?;
        Some(Self { best, most: of.score(item, query.now) })
    }

    fn of(&self, worth: &Worth) -> f64 {
        self.most * worth.ratio(&self.best)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hash::Symbol;
    use crate::recommend::PopularSettings;
    use crate::time::{Span, Timestamp};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn item(number: u8) -> Symbol {
        Symbol::new(&format!("item-{number}"))
    }

    fn states(log: &[(u8, u32, f32)], days: (u32, u32)) -> (Popular, Popular) {
        let [fast, slow] = [days.0, days.1].map(|days| {
            let settings = PopularSettings { half_life: Span::days(days), ..PopularSettings::default() };
            let mut state = Popular::new(settings).unwrap();
            log.iter().for_each(|(number, ago, weight)| state.learn(item(*number), *weight, NOW - Span::hours(*ago)));
            state
        });
        (fast, slow)
    }

    fn rank(of: &Trending<'_>, pool: Option<&[Symbol]>) -> Vec<Candidate> {
        let mut slate = Vec::new();
        let query = Query { history: &[], now: NOW, limit: 20, accept: &|_| true, pool };
        of.rank(&query, &mut Scratch::default(), &mut slate);
        slate
    }

    proptest! {
        /// Each term is rounded to 1/1024 of an event, and the growth is no steeper than one in each sum divided by
        /// the shrinkage.
        #[test]
        fn growth_is_that_of_the_formula(
            log in prop::collection::vec((0..6_u8, 0..400_u32, prop::sample::select(vec![1.0_f32, 3.0, 5.0])), 0..80),
            shrink in 1.0..20.0_f64,
        ) {
            let (fast, slow) = states(&log, (1, 7));
            let mut sums = BTreeMap::<u8, (f64, f64)>::new();
            for (number, ago, weight) in &log {
                let faded = |days: f64| f64::from(*weight) * libm::exp2(-f64::from(*ago) / 24.0 / days);
                let (f, s) = sums.entry(*number).or_default();
                (*f, *s) = (*f + faded(1.0), *s + faded(7.0));
            }
            let growth = |(f, s): (f64, f64)| (f + shrink) / (s / 7.0 + shrink);
            let slate = rank(&Trending::new(&fast, &slow).shrink(shrink), None);
            let bound = 0.001 * (1 + log.len()) as f64 / shrink;
            for of in &slate {
                let number = (0..6).find(|number| item(*number) == of.item).unwrap();
                prop_assert!((of.score - growth(sums[&number])).abs() < bound, "{of:?} {sums:?}");
            }
            let wanted = sums.values().filter(|sums| growth(**sums) > 1.0 + bound).count();
            prop_assert!(slate.len() >= wanted && slate.windows(2).all(|pair| pair[0].score >= pair[1].score));
            // A pool that names all of them, some twice, changes nothing.
            let pool: Vec<_> = (0..9).chain(0..4).map(item).collect();
            prop_assert_eq!(rank(&Trending::new(&fast, &slow).shrink(shrink), Some(&pool)), slate);
        }
    }

    #[test]
    fn size_is_no_trend_and_one_event_is_not_believed() {
        // Forty an hour all along, one today, and thirty today of two a day.
        let steady = (0..60 * 24).map(|hour| (1, hour, 40.0));
        let rising = (0..60).map(|day| (3, day * 24, if day == 0 { 30.0 } else { 2.0 }));
        let log: Vec<_> = steady.chain([(2, 0, 1.0)]).chain(rising).collect();
        let (fast, slow) = states(&log, (1, 7));
        let slate = rank(&Trending::new(&fast, &slow), None);
        assert_eq!(slate[0].item, item(3));
        assert!(slate.iter().all(|of| of.item == item(3) || of.score < 1.1), "{slate:?}");
        assert!(rank(&Trending::new(&slow, &fast), None).is_empty(), "the wrong way round");
        assert!(rank(&Trending::new(&Popular::default(), &slow), None).is_empty());
    }
}
