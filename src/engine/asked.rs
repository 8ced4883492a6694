//! Which models the strategies ask for, so that nothing is learned that nobody reads.

use std::collections::BTreeSet;

use crate::campaign::Campaign;
use crate::decision::Source;
use crate::hash::Symbol;
use crate::recommend::Relation;

/// What the strategies of all campaigns ask for beyond what is always learned.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The ways in which items go together, but for [`Relation::Related`].
    pub(super) relations: BTreeSet<Relation>,
    /// Whether the next click is asked for.
    pub(super) clicks: bool,
    /// Whether growth is asked for.
    pub(super) trending: bool,
    /// Whether popularity within categories is asked for.
    pub(super) categories: bool,
    /// The segments within which popularity is asked for: their indexes, and the symbols of their names.
    pub(super) segments: Vec<(u32, Symbol)>,
}

impl Asked {
    /// `segments` are those within which popularity is counted if any strategy asks for it.
    pub(super) fn of(campaigns: &[Campaign], segments: Vec<(u32, Symbol)>) -> Self {
        let mut asked = Self::default();
        let is_asked = |source| sources(campaigns).any(|asked| asked == source);
        asked.relations.extend(sources(campaigns).filter_map(Relation::of).filter(|of| *of != Relation::Related));
        asked.clicks = is_asked(Source::NextClick);
        asked.trending = is_asked(Source::Trending);
        asked.categories = is_asked(Source::PopularInCategory);
        if is_asked(Source::PopularInSegment) {
            asked.segments = segments;
        }
        asked
    }
}

/// The sources of all strategies, one after the other.
pub(super) fn sources(campaigns: &[Campaign]) -> impl Iterator<Item = Source> {
    let strategies = campaigns.iter().flat_map(|campaign| &campaign.variants).filter_map(|of| of.recommend.as_ref());
    strategies.flat_map(|strategy| {
        let blended = strategy.blend.iter().flat_map(|blend| blend.sources.iter().map(|(source, _)| *source));
        blended.chain(strategy.sources.iter().copied())
    })
}
