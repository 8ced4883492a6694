//! Ranks items for one person: by what others like, by what they looked at last, by what goes with it.
//!
//! A [`Recommender`] fills a slate with [`Candidate`]s, best first. It knows neither profiles nor rules: items are
//! symbols, and whether an item may be shown is asked through a closure, so that listing, filters and exclusions stay
//! with the caller and cost only for the items that are considered. Only [`Content`] looks into the catalog, for what
//! items have in common.
//!
//! [`Popular`] knows what everybody likes, [`Recent`] what this person had before them, [`Neighbors`] what goes
//! together: seen, bought, or the one after the other ([`Relation`]); [`Sessions`] what came next in visits like this
//! one, [`Returns`] how often people go back, [`PopularIn`] what a group likes, and [`Trending`] what is on the rise.
//! [`Blend`] mixes recommenders, [`Chain`] asks one after the other, so that a slate is full even for a stranger, and
//! [`Clicks`] is the blend that predicts the next click. All of these but [`Recent`] learn from every event as it
//! comes. [`Collaborative`] and [`Factor`] know what people like this one had, for taste that shows over months; they
//! are fitted in one go from a [`Log`], and [`tune`] chooses among them, and how they are set up, from the log.
//!
//! [`Rerank`] then puts the candidates in the order in which they are shown, and [`explore`] tries what would not have
//! been.
//!
//! Every ranking is a pure function of state and query. Ties break by symbol. Weights that are not finite, or not
//! above zero, count as if the event had not been.

mod blend;
mod chain;
mod clicks;
mod collaborative;
mod content;
mod factor;
mod greatest;
mod grouped;
mod log;
mod neighbor;
mod popular;
mod recent;
mod relation;
mod rerank;
mod returns;
mod row;
mod rows;
mod scratch;
mod session;
#[cfg(test)]
mod session_tests;
mod settings;
mod tally;
#[cfg(test)]
mod tests;
mod trending;
mod tune;
mod visits;
mod worth;

pub use blend::{Blend, Scale, Voice};
pub use chain::Chain;
pub use clicks::Clicks;
pub use collaborative::{Collaborative, CollaborativeSettings};
pub use content::{Content, Tastes};
pub use factor::{Factor, FactorSettings};
pub use grouped::{PopularAmong, PopularIn};
pub use log::Log;
pub use neighbor::Neighbors;
pub use popular::Popular;
pub use recent::Recent;
pub use relation::Relation;
pub use rerank::{Exploration, House, HouseRule, Mix, Quota, Rerank, RerankScratch, Which, explore};
pub use returns::Returns;
pub(crate) use scratch::SHORT_POOL;
pub use scratch::Scratch;
pub use session::Sessions;
pub use settings::{
    ClickSettings, GroupedSettings, NeighborSettings, PopularSettings, RecommendError, Repeat, SessionSettings,
};
pub use trending::Trending;
pub use tune::{Dial, Model, ModelSettings, Split, Trial, TuneSettings, Tuning, tune};

use serde::{Deserialize, Serialize};

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
    /// What the person did with it, for recommenders that tell that apart.
    pub kind: SeenKind,
}

/// What a person did with an item, as far as recommenders tell it apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenKind {
    /// Looked at it.
    #[default]
    Viewed,
    /// Put it into the cart.
    Carted,
    /// Bought it.
    Purchased,
    /// Something else that shows interest, such as a rating or a place on a wish list.
    Other,
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
    /// How much of the score that item gave: from zero, where nothing spoke for it, to all of it.
    pub contribution: f64,
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
