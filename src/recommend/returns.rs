//! Proposes what the person comes back to, by how often people come back.
//!
//! How likely the next click is a return depends on how many other items came after the item and on how often it was
//! clicked already (Anderson, Kumar, Tomkins and Vassilvitskii, "The dynamics of repeat consumption", WWW 2014). Both
//! are counted in one table for all items, and an item of the history scores the share of such places to which the
//! next click went back:
//!
//! ```text
//! score(i) = (returns + 1/2) / (times + 10)      of the place (other items since i, clicks on i)
//! ```
//!
//! The score is a probability, shrunk towards 1/20 where little was seen. Cost: O(h·16) for a history of h ≤ 64.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::scratch::{Cell, Ranked};
use super::settings::RecommendError;
use super::{Candidate, Query, Recommender, Scratch, Seen, Source, counts};
use crate::hash::Symbol;
use crate::state::State;

/// Ranks the items of a person's history by the odds that the next click goes back to them.
///
/// It counts events in whole numbers, so merging is exact and the order in which events are learned does not show.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Query, Recommender, Returns, Scratch, Seen, SeenKind};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let seen = |name| Seen { item: Symbol::new(name), time: now, weight: 1.0, kind: SeenKind::Viewed };
/// let mut returns = Returns::default();
/// // Somebody looks at a hat, at a shoe, and at the hat again.
/// returns.learn(Symbol::new("shoe"), 1.0, &[seen("hat")]);
/// returns.learn(Symbol::new("hat"), 1.0, &[seen("hat"), seen("shoe")]);
/// // So does the next one, it seems.
/// let query = Query { history: &[seen("tent"), seen("stove")], now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// returns.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].item, Symbol::new("tent"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Place>", into = "Vec<Place>")]
pub struct Returns {
    /// By how many other items came since, then by how often it was clicked; the last of each stands for all more.
    places: [[Place; COUNTS]; LAGS],
}

/// What happened at one place in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// How often there was an item at this place when somebody clicked.
    times: u64,
    /// How often the click was on that item; at most `times`.
    returns: u64,
}

impl Default for Returns {
    fn default() -> Self {
        Self { places: [[Place::default(); COUNTS]; LAGS] }
    }
}

impl Returns {
    /// How many events of a history are looked at: the latest.
    pub const DEPTH: usize = 64;

    /// Takes in that a person clicked an item, after what is in the history, newest last.
    ///
    /// Weights that are not finite or not above zero count as no event.
    pub fn learn(&mut self, item: Symbol, weight: f32, history: &[Seen]) {
        if !counts(weight) {
            return;
        }
        for (lag, (seen, clicks)) in latest(history).iter().enumerate() {
            let place = &mut self.places[lag][clicks - 1];
            place.times = place.times.saturating_add(1);
            place.returns = place.returns.saturating_add(u64::from(*seen == item));
        }
    }

    /// The odds that the next click goes back to an item after so many other items, which was clicked so often.
    #[must_use]
    pub fn odds(&self, others: usize, clicks: usize) -> f64 {
        let place = self.places[others.min(LAGS - 1)][clicks.clamp(1, COUNTS) - 1];
        (place.returns as f64 + 0.5) / (place.times as f64 + 10.0)
    }
}

impl Recommender for Returns {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let Some(mut ranked) = Ranked::begin(scratch, query, slate) else { return };
        let latest = latest(query.history);
        for (lag, (item, clicks)) in latest.iter().enumerate() {
            ranked.add(*item, self.odds(lag, *clicks), lag);
        }
        let item = |lag: usize| latest.get(lag).map(|(item, _)| *item);
        ranked.finish(Cell::by_score_then_first, |lag| (Source::Recent, item(lag), 1.0), slate);
    }
}

impl State for Returns {
    const KIND: &'static str = "returns";
    const VERSION: u16 = 1;

    fn merge(&mut self, other: &Self) {
        for (own, other) in self.places.as_flattened_mut().iter_mut().zip(other.places.as_flattened()) {
            own.times = own.times.saturating_add(other.times);
            own.returns = own.returns.saturating_add(other.returns);
        }
    }
}

impl From<Returns> for Vec<Place> {
    fn from(returns: Returns) -> Self {
        returns.places.as_flattened().to_vec()
    }
}

impl TryFrom<Vec<Place>> for Returns {
    type Error = RecommendError;

    fn try_from(stored: Vec<Place>) -> Result<Self, RecommendError> {
        if stored.len() != LAGS * COUNTS || stored.iter().any(|place| place.returns > place.times) {
            return Err(RecommendError::Returns);
        }
        let mut returns = Self::default();
        returns.places.as_flattened_mut().copy_from_slice(&stored);
        Ok(returns)
    }
}

/// The latest distinct items of a history, latest first, each with its number of clicks up to the most that is told
/// apart.
fn latest(history: &[Seen]) -> SmallVec<[(Symbol, usize); LAGS]> {
    let mut latest = SmallVec::<[(Symbol, usize); LAGS]>::new();
    for seen in history.iter().rev().take(Returns::DEPTH).filter(|seen| counts(seen.weight)) {
        match latest.iter_mut().find(|(item, _)| *item == seen.item) {
            Some((_, clicks)) => *clicks = (*clicks + 1).min(COUNTS),
            None => {
                if latest.len() < LAGS {
                    latest.push((seen.item, 1));
                }
            }
        }
    }
    latest
}

/// How many items back are told apart.
const LAGS: usize = 16;
/// How many clicks on one item are told apart.
const COUNTS: usize = 4;
