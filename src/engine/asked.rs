//! Which models the strategies ask for, so that nothing is learned that nobody reads.

use std::collections::BTreeSet;

use crate::campaign::Campaign;
use crate::recommend::Relation;

/// What the strategies of all campaigns ask for beyond what is always learned.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The ways in which items go together, but for [`Relation::Related`].
    pub(super) relations: BTreeSet<Relation>,
}

impl Asked {
    pub(super) fn of(campaigns: &[Campaign]) -> Self {
        let mut asked = Self::default();
        let strategies =
            campaigns.iter().flat_map(|campaign| &campaign.variants).filter_map(|of| of.recommend.as_ref());
        for source in strategies.flat_map(|strategy| &strategy.sources) {
            asked.relations.extend(Relation::of(*source).filter(|relation| *relation != Relation::Related));
        }
        asked
    }
}
