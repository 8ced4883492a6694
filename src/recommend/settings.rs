//! How the recommenders that learn are set up, and what is refused.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// How [`Popular`](super::Popular) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PopularSettings {
    /// The time in which interest halves; at least a minute. Seven days unless told.
    pub half_life: Span,
    /// How many items are kept; at least one. A million unless told, of about 65 bytes each.
    pub capacity: u32,
}

impl Default for PopularSettings {
    fn default() -> Self {
        Self { half_life: Span::days(7), capacity: 1_000_000 }
    }
}

impl PopularSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        check_half_life(self.half_life)?;
        check_count("capacity", self.capacity)
    }
}

/// How [`Neighbors`](super::Neighbors) learns and ranks.
///
/// The values that hold unless told were chosen on clicks of a shop (YooChoose, 70,000 clicks) and checked on
/// ratings of films (MovieLens 100k).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeighborSettings {
    /// The time in which a pair's weight halves; at least a minute. Thirty days unless told.
    pub half_life: Span,
    /// Two events of one person further apart than this are no pair. Thirty minutes unless told.
    pub window: Span,
    /// Events this far apart weigh half as much as events at the same time: `1 / (1 + gap / pace)`. At least a
    /// millisecond; one minute unless told.
    pub pace: Span,
    /// What the later item counts as a neighbour of the earlier one is 1; the earlier one, as a neighbour of the
    /// later, counts this much, in [0, 1]. 0.4 unless told.
    pub backward: f32,
    /// How many neighbours an item keeps at most; at least 4. 64 unless told, of 24 bytes each.
    pub neighbors: u32,
    /// How many items have neighbours at most; at least one. 200,000 unless told.
    pub capacity: u32,
    /// How many of a person's latest items are asked for their neighbours; at least one, at most 256. 10 unless told.
    pub depth: u32,
    /// How much each item before the last counts, as a share of the one after it, in (0, 1]. 0.5 unless told, which
    /// suits clicks; where taste matters more than intent, as with films, 0.8 to 0.9 finds more.
    pub fade: f32,
    /// How far a much-seen item's neighbours are held down, in [0, 1]: a pair weighs `c / (1 + n)^damping`. At 1 it
    /// is the conditional probability, at 0 the bare co-occurrence. 0.8 unless told.
    pub damping: f32,
    /// Whether items of the history may be proposed.
    pub repeat: Repeat,
}

impl Default for NeighborSettings {
    fn default() -> Self {
        Self {
            half_life: Span::days(30),
            window: Span::minutes(30),
            pace: Span::minutes(1),
            backward: 0.4,
            neighbors: 64,
            capacity: 200_000,
            depth: 10,
            fade: 0.5,
            damping: 0.8,
            repeat: Repeat::default(),
        }
    }
}

impl NeighborSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        check_half_life(self.half_life)?;
        if self.pace.is_zero() {
            return Err(RecommendError::Zero { name: "pace" });
        }
        check_share("backward", self.backward, 0.0)?;
        check_share("fade", self.fade, f32::MIN_POSITIVE)?;
        check_share("damping", self.damping, 0.0)?;
        if self.neighbors < 4 {
            return Err(RecommendError::Neighbors { found: self.neighbors });
        }
        check_count("capacity", self.capacity)?;
        check_count("depth", self.depth)?;
        if self.depth > 256 {
            return Err(RecommendError::Depth { found: self.depth });
        }
        match self.repeat {
            Repeat::Allow(factor) if !(factor.is_finite() && factor >= 0.0) => {
                Err(RecommendError::Repeat { found: factor })
            }
            _ => Ok(()),
        }
    }
}

/// Whether [`Neighbors`](super::Neighbors) proposes items that the person has seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Not at all: right where an item is used once, such as a film.
    Forbid,
    /// As often as people come back to an item, which is learned as that item's being its own neighbour, times this
    /// factor, finite and not negative. Right for clicks, of which a quarter go back to the item just seen.
    Allow(f32),
}

impl Default for Repeat {
    /// Three times what was learned, which puts the right item highest on clicks.
    fn default() -> Self {
        Self::Allow(3.0)
    }
}

/// Settings, or stored bytes, from which no recommender can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecommendError {
    /// The half-life is too short.
    #[error("`half_life` is {found}, but must be at least 1m")]
    HalfLife {
        /// What was found.
        found: Span,
    },
    /// A number that must be above zero is not.
    #[error("`{name}` is zero, but must be above it")]
    Zero {
        /// Which setting.
        name: &'static str,
    },
    /// A share is out of its range.
    #[error("`{name}` is {found}, but must be a share of at most 1, and not negative{above}", above = if *.name == "fade" { " or zero" } else { "" })]
    Share {
        /// Which setting.
        name: &'static str,
        /// What was found.
        found: f32,
    },
    /// Too few neighbours.
    #[error("`neighbors` is {found}, but must be at least 4")]
    Neighbors {
        /// What was found.
        found: u32,
    },
    /// Too deep a look into the history.
    #[error("`depth` is {found}, but must be at most 256")]
    Depth {
        /// What was found.
        found: u32,
    },
    /// The factor for repeats is out of its range.
    #[error("`repeat` is {found}, but must be finite and not negative")]
    Repeat {
        /// What was found.
        found: f32,
    },
    /// An exponent or a factor is out of its range.
    #[error("`{name}` is {found}, but must lie in [0, 4]")]
    Exponent {
        /// Which setting.
        name: &'static str,
        /// What was found.
        found: f32,
    },
    /// A weight is out of its range.
    #[error("`{name}` is {found}, but must be at least 1e-9 and at most {most}")]
    Weighting {
        /// Which setting.
        name: &'static str,
        /// What was found.
        found: f32,
        /// The most that it can be.
        most: f32,
    },
    /// Too many directions.
    #[error("`rank` is {found}, but must be at most {most}")]
    Rank {
        /// What was found.
        found: u32,
        /// How many there can be.
        most: u32,
    },
    /// Stored items are more than the settings allow.
    #[error("{found} entries are stored where at most {most} can be")]
    TooMany {
        /// How many were found.
        found: usize,
        /// How many there can be.
        most: u32,
    },
    /// Stored items are out of order, or twice there.
    #[error("stored items must be in rising order, each once")]
    Disorder,
    /// A stored weight is none that learning can lead to.
    #[error("a stored weight is not above zero, or is newer than its row")]
    Weight,
}

pub(super) fn check_half_life(half_life: Span) -> Result<(), RecommendError> {
    // Shorter ones would leave the range of epochs, which ends at 2^31 half-lives after 1970.
    if half_life < Span::minutes(1) { Err(RecommendError::HalfLife { found: half_life }) } else { Ok(()) }
}

pub(super) fn check_count(name: &'static str, count: u32) -> Result<(), RecommendError> {
    if count == 0 { Err(RecommendError::Zero { name }) } else { Ok(()) }
}

fn check_share(name: &'static str, share: f32, least: f32) -> Result<(), RecommendError> {
    if (least..=1.0).contains(&share) { Ok(()) } else { Err(RecommendError::Share { name, found: share }) }
}
