//! Ranks items for one person: by what others like, by what they looked at last, by what goes with it.
//!
//! A [`Recommender`] fills a slate with [`Candidate`]s, best first. It knows neither profiles nor rules nor the
//! catalog: items are symbols, and whether an item may be shown is asked through a closure, so that listing, filters
//! and exclusions stay with the caller and cost only for the items that are considered.
//!
//! [`Popular`] knows what everybody likes, [`Recent`] what this person had before them, [`Neighbors`] what goes
//! together; [`Chain`] asks one after the other, so that a slate is full even for a stranger. The first and the third
//! learn from every event as it comes, and are [states](crate::state::State): they merge, and are stored.
//! [`Collaborative`] and [`Factor`] know what people like this one had; they are fitted in one go from a [`Log`].
//! [`tune`] chooses among them, and how they are set up, from the log.
//!
//! Every ranking is a pure function of state and query. Ties break by symbol. Weights that are not finite, or not
//! above zero, count as if the event had not been.

mod chain;
mod collaborative;
mod factor;
mod greatest;
mod log;
mod neighbor;
mod popular;
mod recent;
mod row;
mod scratch;
mod settings;
#[cfg(test)]
mod tests;
mod tune;
mod worth;

pub use chain::Chain;
pub use collaborative::{Collaborative, CollaborativeSettings};
pub use factor::{Factor, FactorSettings};
pub use log::Log;
pub use neighbor::Neighbors;
pub use popular::Popular;
pub use recent::Recent;
pub(crate) use scratch::SHORT_POOL;
pub use scratch::Scratch;
pub use settings::{NeighborSettings, PopularSettings, RecommendError, Repeat};
pub use tune::{Dial, Model, ModelSettings, Split, Trial, TuneSettings, Tuning, tune};

pub use crate::decision::Source;
use crate::hash::Symbol;
use crate::time::Timestamp;

/// One item in a person's history.
///
/// A history is ordered by time, newest last. Out of order it harms nobody, but other pairs are learned and other
/// items count as the latest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The item.
    pub item: Symbol,
    /// When it was seen.
    pub time: Timestamp,
    /// How much interest that shows, by the kind of event: a view might be 1, a purchase 3. Finite and above zero;
    /// anything else is passed over.
    pub weight: f32,
}

/// What is asked of a recommender.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// What the person has seen, newest last.
    pub history: &'a [Seen],
    /// The time of the request.
    pub now: Timestamp,
    /// How long the slate may become, what is in it already included.
    pub limit: usize,
    /// Whether an item may be shown: in the catalog, listed, passed by the filters. It is not asked about items that
    /// are in the slate already.
    pub accept: &'a dyn Fn(Symbol) -> bool,
    /// The only items that `accept` can pass, where the caller knows them, such as those of one category. It changes
    /// the cost, never the answer: a short pool is scored directly instead of walking the whole order.
    pub pool: Option<&'a [Symbol]>,
}

/// One item under consideration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The item.
    pub item: Symbol,
    /// How good it is: finite, not negative, more is better. Comparable only within one recommender and one query.
    pub score: f64,
    /// Who proposed it.
    pub source: Source,
    /// The item of the history that spoke for it most.
    pub because: Option<Symbol>,
}

/// Something that fills a slate with items for one person.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Popular, Query, Recommender, Scratch};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let (hat, shoe) = (Symbol::new("hat"), Symbol::new("shoe"));
/// let mut popular = Popular::default();
/// popular.learn(hat, 1.0, now);
/// popular.learn(shoe, 2.0, now);
/// let query = Query { history: &[], now, limit: 5, accept: &|item| item != shoe, pool: None };
/// let mut slate = Vec::new();
/// popular.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate.len(), 1);
/// assert_eq!(slate[0].item, hat);
/// ```
pub trait Recommender {
    /// Appends accepted items to the slate, best first, until it has `query.limit` or there are no more.
    ///
    /// What is in the slate stays as it is and is not proposed again. The scratch carries nothing from one call to
    /// the next but its memory.
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>);
}

/// Whether a weight says anything.
fn counts(weight: f32) -> bool {
    weight.is_finite() && weight > 0.0
}
