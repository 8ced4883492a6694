//! How a variant recommends items.

use crate::decision::Source;
use crate::value::Value;

/// How a variant recommends items: the recommenders to ask in turn, and which items may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    /// The recommenders, asked one after the other until the slate is full. The catalog itself comes last, whether
    /// it is named or not.
    pub sources: Vec<Source>,
    /// How many items the slate has, from 1 to [`MAX_SLATE`].
    pub limit: usize,
    /// Which items may be shown. An item must always be available, created and not expired.
    pub filters: Filters,
}

impl Default for Strategy {
    /// Related items, then popular ones; ten.
    fn default() -> Self {
        Self { sources: vec![Source::Related, Source::Popular], limit: 10, filters: Filters::default() }
    }
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

/// The longest slate.
pub const MAX_SLATE: usize = 200;
