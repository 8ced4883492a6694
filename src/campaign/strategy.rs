//! How a variant recommends items.

use crate::decision::Source;
use crate::hash::Symbol;
use crate::recommend::{Exploration, HouseRule, Quota};
use crate::value::Value;

/// How a variant recommends items: the recommenders to ask in turn, which items may be shown, and in what order.
///
/// There are [ready-made ones](Strategy::named) for the usual places. In JSON a strategy is the name of one, or an
/// object that says what is other than in it, or than in the default:
///
/// ```
/// use bespoke::Engine;
/// let engine = Engine::from_json(r#"{
///     "segments": [{"name": "club", "rule": {"plan": "club"}}],
///     "placements": ["home", "cart"],
///     "campaigns": [
///         {"name": "with it", "placement": "cart", "recommend": "cart"},
///         {"name": "for you", "placement": "home", "recommend": {
///             "strategy": "home", "limit": 8,
///             "sources": ["related", "bought_together", "affinity", "trending", "popular"],
///             "filters": {"category": {"context": "category"}, "price": {"to": 50}, "exclude": ["purchased"]},
///             "repeat": "forbid", "diversity": 0.3,
///             "quotas": [{"attribute": "brand", "most": 2}, {"attribute": "tag", "value": "sale", "least": 1}],
///             "calibrate": {"attribute": "category", "weight": 0.3},
///             "rules": [
///                 {"pin": "sku-1", "position": 0, "segment": "club"},
///                 {"boost": {"brand": "acme"}, "by": 1.5}, {"bury": {"tag": "clearance"}}
///             ],
///             "explore": {"positions": [7], "among": 50, "from": "newest"}
///         }}
///     ]
/// }"#)?;
/// assert_eq!(engine.campaigns().len(), 2);
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// The recommenders, asked one after the other until the slate is full. The catalog itself comes last, whether
    /// it is named or not.
    pub sources: Vec<Source>,
    /// Sources that speak at the same time, before `sources` fill what they leave.
    pub blend: Option<Weighted>,
    /// How many items the slate has, from 1 to [`MAX_SLATE`].
    pub limit: usize,
    /// Which items may be shown. An item must always be available, created and not expired.
    pub filters: Filters,
    /// The name under which the request's context gives the items that the slate is about: the item of the page, or the
    /// list of those in the cart. They speak as if they had been seen just now, and are not shown.
    pub about: Option<String>,
    /// The name under which the request's context gives the list of items to choose from, at most 1,000: what a search
    /// has found. Without it in the request, all can be chosen.
    pub among: Option<String>,
    /// Whether items are shown that the person knows.
    pub repeat: Repeats,
    /// How much variety counts against relevance, from 0 to 1 ([`Rerank`](crate::recommend::Rerank)).
    pub diversity: f64,
    /// How many items of a kind there may or must be.
    pub quotas: Vec<Quota>,
    /// Whether the slate is to have the mix of the person's own interests.
    pub calibrate: Option<Calibrate>,
    /// What the house wants, in order.
    pub rules: Vec<SegmentRule>,
    /// At which positions other items are tried.
    pub explore: Option<Exploration>,
}

impl Default for Strategy {
    /// Related items, then popular ones; ten, in the order in which they are proposed.
    fn default() -> Self {
        Self {
            sources: vec![Source::Related, Source::Popular],
            blend: None,
            limit: 10,
            filters: Filters::default(),
            about: None,
            among: None,
            repeat: Repeats::Allow,
            diversity: 0.0,
            quotas: Vec::new(),
            calibrate: None,
            rules: Vec::new(),
            explore: None,
        }
    }
}

impl Strategy {
    /// Whether candidates are put into another order than that in which they are proposed.
    pub(crate) fn rearranges(&self) -> bool {
        self.diversity > 0.0
            || !self.quotas.is_empty()
            || self.calibrate.is_some()
            || !self.rules.is_empty()
            || self.explore.is_some()
            || self.repeat == Repeats::First
    }
}

/// Sources that speak at the same time, each with a weight.
///
/// Each source has one vote of that weight, which it splits over what it proposes in proportion to its scores
/// ([`Scale::Share`](crate::recommend::Scale::Share)), whatever the scale of these; an item scores the sum
/// ([`Blend`](crate::recommend::Blend)). What each source said for an item stands in
/// [`Ranked::parts`](crate::decision::Ranked::parts). A source whose model knows nothing, or is not there yet, is
/// silent.
///
/// ```
/// use bespoke::Engine;
/// let engine = Engine::from_json(r#"{
///     "placements": ["home"],
///     "campaigns": [{"name": "for you", "placement": "home",
///         "goal": {"event": "item_viewed", "within": "1h", "items": "recommended"},
///         "recommend": {
///             "blend": {"next_click": 1.0, "related": 0.5, "popular": 0.1, "learn": true},
///             "sources": ["trending"]
///         }
///     }]
/// }"#)?;
/// let strategy = engine.campaigns().find_map(|of| of.variants[0].recommend.as_ref());
/// assert!(strategy.and_then(|of| of.blend.as_ref()).is_some_and(|blend| blend.learn && blend.sources.len() == 3));
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// The sources with their weights, from 0.001 to 1,000: each once, and none that has no scores, which are `catalog`
    /// and what is no recommender.
    pub sources: Vec<(Source, f64)>,
    /// Whether the weights follow what is paid by the campaign's goal
    /// ([`Engine::blend_weights`](crate::engine::Engine::blend_weights)).
    pub learn: bool,
}

/// Whether items are shown that the person has in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// As the recommenders propose them.
    #[default]
    Allow,
    /// No item that the person had to do with, as far as the history reaches.
    Forbid,
    /// The item that the person saw last comes first, the others as the recommenders propose them: in clicks, a
    /// quarter goes back to the item just seen.
    First,
}

impl Repeats {
    /// The words for it in definitions.
    pub(crate) const WORDS: &'static [(&'static str, Self)] =
        &[("allow", Self::Allow), ("forbid", Self::Forbid), ("first", Self::First)];
}

/// That a slate is to have the mix of a person's own interests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibrate {
    /// The item attribute, one of those to which profiles keep affinities.
    pub attribute: Symbol,
    /// How much the mix counts against relevance and variety, from 0 to 1.
    pub weight: f64,
}

/// A rule of the house, for everybody or for the people of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentRule {
    /// For whom it holds; for everybody if there is no segment.
    pub segment: Option<String>,
    /// What it says.
    pub rule: HouseRule,
}

/// Which items a slate may show; an item must pass every filter that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// Only items that have this value for the attribute: `category` with all below it, `brand`, `tag`, or one of
    /// the catalog's own.
    pub facets: Vec<(String, Target)>,
    /// Only items that cost at least this much.
    pub price_from: Option<f64>,
    /// Only items that cost at most this much.
    pub price_to: Option<f64>,
    /// No items that the person has done this with, as far as the history reaches.
    pub exclude: Vec<Seen>,
}

/// The value that a filter asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Always this one.
    Fixed(Value),
    /// The one that the request's context has under this name; no filter if it has none.
    Context(String),
}

/// What a person may have done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Anything at all.
    Viewed,
    /// Bought it, and not given it back.
    Purchased,
    /// Waved it away.
    Dismissed,
}

impl Seen {
    /// The words for it in definitions.
    pub(crate) const WORDS: &'static [(&'static str, Self)] =
        &[("viewed", Self::Viewed), ("purchased", Self::Purchased), ("dismissed", Self::Dismissed)];
}

/// What a source of a blend can weigh.
pub(crate) const WEIGHTS: std::ops::RangeInclusive<f64> = 0.001..=1000.0;
/// The longest slate.
pub const MAX_SLATE: usize = 200;
