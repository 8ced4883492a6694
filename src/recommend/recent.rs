//! Proposes what the person saw lately: "pick up where you left off".
//!
//! It holds no state, since the history is in the query. An item's score is the sum of its sightings' weights, each
//! halved for every half-life since. Cost: O(h²) at worst for h distinct items of history, in practice O(h log h).

use super::scratch::{Cell, Ranked};
use super::{Candidate, Query, Recommender, Scratch, Source, counts};
use crate::time::Span;

/// Ranks the items of a person's own history by interest: how often, how much, how lately.
///
/// Equal scores go to the item seen last, then to the lower symbol.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Query, Recent, Recommender, Scratch, Seen, SeenKind};
/// use bespoke::time::{Span, Timestamp};
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let seen = |name, ago|
///     Seen { item: Symbol::new(name), time: now - Span::hours(ago), weight: 1.0, kind: SeenKind::Viewed };
/// let history = [seen("hat", 3), seen("shoe", 2), seen("hat", 1)];
/// let query = Query { history: &history, now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// Recent::default().rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].item, Symbol::new("hat"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    half_life: Span,
}

impl Default for Recent {
    /// A half-life of one day.
    fn default() -> Self {
        Self::new(Span::days(1))
    }
}

impl Recent {
    /// Halves interest with every such span. Shorter, the last sighting decides; longer, the number of sightings.
    #[must_use]
    pub const fn new(half_life: Span) -> Self {
        Self { half_life }
    }
}

impl Recommender for Recent {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let Some(mut ranked) = Ranked::begin(scratch, query, slate) else { return };
        let half_life = self.half_life.millis().max(1) as f64;
        // Newest first, so that a cell's place says how late its item was seen last.
        for (place, seen) in query.history.iter().rev().enumerate().filter(|(_, seen)| counts(seen.weight)) {
            let age = query.now.since(seen.time).millis() as f64 / half_life;
            let interest = f64::from(seen.weight) * libm::exp2(-age);
            ranked.add(seen.item, interest, place);
        }
        let newest = |place: usize| query.history.iter().rev().nth(place).map(|seen| seen.item);
        ranked.finish(Cell::by_score_then_first, |place| (Source::Recent, newest(place), 1.0), slate);
    }
}
