//! The ways in which items go together: by which pairs of event kinds.

use serde::{Deserialize, Serialize};

use super::settings::NeighborSettings;
use super::{Repeat, SeenKind, Source};
use crate::time::Span;

/// A way in which items go together, each with settings of its own for [`Neighbors`](super::Neighbors).
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Neighbors, Query, Recommender, Relation, Scratch, Seen, SeenKind};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let seen = |name, kind| Seen { item: Symbol::new(name), time: now, weight: 1.0, kind };
/// let mut together = Neighbors::new(Relation::BoughtTogether.settings())?;
/// // One order of two lines; the lamp was only looked at.
/// together.learn(seen("pen", SeenKind::Purchased), &[seen("lamp", SeenKind::Viewed), seen("ink", SeenKind::Purchased)]);
/// let pen = [seen("pen", SeenKind::Viewed)];
/// let mut slate = Vec::new();
/// let query = Query { history: &pen, now, limit: 5, accept: &|_| true, pool: None };
/// together.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate.iter().map(|of| of.item).collect::<Vec<_>>(), [Symbol::new("ink")]);
/// # Ok::<(), bespoke::recommend::RecommendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Any sign of interest in both within half an hour.
    Related,
    /// Looked at within half an hour.
    ViewedTogether,
    /// The one was looked at, and within a week the other was bought.
    ViewedThenBought,
    /// Bought within a day, in one order above all.
    BoughtTogether,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 4] = [Self::Related, Self::ViewedTogether, Self::ViewedThenBought, Self::BoughtTogether];

    /// The relation by which a source finds items, if it is one of pairs.
    #[must_use]
    pub const fn of(source: Source) -> Option<Self> {
        match source {
            Source::Related => Some(Self::Related),
            Source::ViewedTogether => Some(Self::ViewedTogether),
            Source::ViewedThenBought => Some(Self::ViewedThenBought),
            Source::BoughtTogether => Some(Self::BoughtTogether),
            _ => None,
        }
    }

    /// The settings with which it is learned and ranked.
    ///
    /// Purchases are few and without much of an order in time, so that who buys much and what everybody buys weigh
    /// more in them: both are held down, by the exponents that did best on check-ins of Gowalla (0.75 for people, 0.7
    /// for the item that is known, 0.3 for the one that is proposed). Who bought an item is not sent back to it.
    #[must_use]
    pub fn settings(self) -> NeighborSettings {
        use SeenKind::{Purchased, Viewed};
        let bought = NeighborSettings {
            damping: 0.7,
            target_damping: 0.3,
            user_damping: 0.75,
            fade: 0.8,
            half_life: Span::days(90),
            repeat: Repeat::Forbid,
            ..NeighborSettings::default()
        };
        match self {
            Self::Related => NeighborSettings::default(),
            Self::ViewedTogether => {
                NeighborSettings { from: Some(Viewed), to: Some(Viewed), ..NeighborSettings::default() }
            }
            Self::ViewedThenBought => NeighborSettings {
                from: Some(Viewed),
                to: Some(Purchased),
                window: Span::days(7),
                pace: Span::days(1),
                backward: 0.0,
                repeat: Repeat::Allow(1.0),
                ..bought
            },
            Self::BoughtTogether => NeighborSettings {
                from: Some(Purchased),
                to: Some(Purchased),
                window: Span::days(1),
                pace: Span::hours(1),
                backward: 1.0,
                ..bought
            },
        }
    }
}
