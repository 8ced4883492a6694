//! How the recommenders that learn are set up, and what is refused.

use serde::{Deserialize, Serialize};

use super::{SeenKind, Source};
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

/// How [`PopularIn`](super::PopularIn) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupedSettings {
    /// The time in which interest halves; at least a minute. Seven days unless told.
    pub half_life: Span,
    /// How many items a group keeps; at least one. 256 unless told, of about 65 bytes each.
    pub items: u32,
    /// How many groups are kept; at least one. 1,024 unless told.
    pub groups: u32,
}

impl Default for GroupedSettings {
    fn default() -> Self {
        Self { half_life: Span::days(7), items: 256, groups: 1024 }
    }
}

impl GroupedSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        check_half_life(self.half_life)?;
        check_count("items", self.items)?;
        check_count("groups", self.groups)
    }
}

/// How [`Neighbors`](super::Neighbors) learns and ranks.
///
/// The values that hold unless told were chosen on clicks of a shop (YooChoose, 70,000 clicks) and checked on
/// ratings of films (MovieLens 100k).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeighborSettings {
    /// Of what kind the event is whose item gets a neighbour; any unless told.
    pub from: Option<SeenKind>,
    /// Of what kind the event is whose item becomes the neighbour; any unless told.
    pub to: Option<SeenKind>,
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
    /// How far the items that many events reach are held down as neighbours of others, in [0, 1]: a score is divided
    /// by `(1 + m)^target_damping`. At 1, beside a `damping` of 1, the scores are those of lift, which prefers the
    /// rare. 0 unless told; more costs a look-up and a power for each item under consideration.
    pub target_damping: f32,
    /// How much less a person with many events counts, in [0, 1]: a pair is divided by `u^user_damping` for the u
    /// events that are known of the person when it is learned. 0 unless told; above that the order in which events
    /// arrive matters, since a person's early pairs count before there is much to hold them down.
    pub user_damping: f32,
    /// Whether items of the history may be proposed.
    pub repeat: Repeat,
    /// How much less a pair weighs for each event that came between its two: `1 / (1 + between · events)`, finite and
    /// not negative. Above zero, what was learned depends on events' arriving in the order of their times. 0 unless
    /// told; 1 for clicks, where the place in the sequence says more than the clock.
    pub between: f32,
    /// How much what goes with the neighbours of the latest item counts, all together, as a multiple of what goes with
    /// the history itself: two steps find what one is too short for. Finite and not negative; 0 unless told.
    pub spread: f32,
    /// How far a much-seen item is held down as a proposal, in [0, 1]: its score is divided by `(1 + n)^evenness`. 0
    /// unless told.
    pub evenness: f32,
}

impl Default for NeighborSettings {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            half_life: Span::days(30),
            window: Span::minutes(30),
            pace: Span::minutes(1),
            backward: 0.4,
            neighbors: 64,
            capacity: 200_000,
            depth: 10,
            fade: 0.5,
            damping: 0.8,
            target_damping: 0.0,
            user_damping: 0.0,
            repeat: Repeat::default(),
            between: 0.0,
            spread: 0.0,
            evenness: 0.0,
        }
    }
}

impl NeighborSettings {
    /// Whether an event of this kind can start a pair.
    pub(super) fn starts(&self, kind: SeenKind) -> bool {
        self.from.is_none_or(|from| from == kind)
    }

    /// Whether an event of this kind can end a pair.
    pub(super) fn ends(&self, kind: SeenKind) -> bool {
        self.to.is_none_or(|to| to == kind)
    }

    /// What slates call items that were found by pairs of these kinds.
    pub(super) const fn source(&self) -> Source {
        match (self.from, self.to) {
            (Some(SeenKind::Viewed), Some(SeenKind::Viewed)) => Source::ViewedTogether,
            (Some(SeenKind::Viewed), Some(SeenKind::Purchased)) => Source::ViewedThenBought,
            (Some(SeenKind::Purchased), Some(SeenKind::Purchased)) => Source::BoughtTogether,
            _ => Source::Related,
        }
    }

    pub(super) fn check(&self) -> Result<(), RecommendError> {
        check_half_life(self.half_life)?;
        if self.pace.is_zero() {
            return Err(RecommendError::Zero { name: "pace" });
        }
        check_share("backward", self.backward, 0.0)?;
        check_share("fade", self.fade, f32::MIN_POSITIVE)?;
        check_share("damping", self.damping, 0.0)?;
        check_share("target_damping", self.target_damping, 0.0)?;
        check_share("user_damping", self.user_damping, 0.0)?;
        if self.neighbors < 4 {
            return Err(RecommendError::Neighbors { found: self.neighbors });
        }
        check_count("capacity", self.capacity)?;
        check_depth(self.depth)?;
        check_factor("between", self.between)?;
        check_factor("spread", self.spread)?;
        check_share("evenness", self.evenness, 0.0)?;
        self.repeat.check()
    }
}

/// How [`Sessions`](super::Sessions) indexes and ranks.
///
/// The values that hold unless told were chosen on clicks of a shop (YooChoose, 70,000 clicks); quality hardly depends
/// on any of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// A click later than this after a visitor's last begins a new visit. Thirty minutes unless told.
    pub gap: Span,
    /// How many clicks of a visit are kept, the latest; at least one, at most 256. 50 unless told.
    pub length: u32,
    /// How many visits are kept; at least one. 100,000 unless told, of about 300 bytes each.
    pub capacity: u32,
    /// How many visits that have an item are looked at, those that began last; at least one. 64 unless told.
    pub recent: u32,
    /// How many of the nearest visits speak; at least one. 48 unless told.
    pub neighbors: u32,
    /// How many of a person's latest items are looked up; at least one, at most 256. 5 unless told.
    pub depth: u32,
    /// How much a click counts, as a share of the one after it, in (0, 1]. 0.33 unless told.
    pub fade: f32,
    /// The time in which a visit's nearness halves; at least a minute. 84 hours unless told.
    pub half_life: Span,
    /// How much an item of a visit counts, as a share of the one a place nearer to the click that is shared, in
    /// (0, 1]. 0.5 unless told.
    pub near: f32,
    /// How much the item before the shared click counts, as a share of the one after it, in [0, 1]. 0.7 unless told.
    pub backward: f32,
    /// Whether items of the history may be proposed: the shared click itself speaks with this factor for going back.
    pub repeat: Repeat,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            gap: Span::minutes(30),
            length: 50,
            capacity: 100_000,
            recent: 64,
            neighbors: 48,
            depth: 5,
            fade: 0.33,
            half_life: Span::hours(84),
            near: 0.5,
            backward: 0.7,
            repeat: Repeat::Allow(0.5),
        }
    }
}

impl SessionSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        check_half_life(self.half_life)?;
        for (name, count) in [
            ("length", self.length),
            ("capacity", self.capacity),
            ("recent", self.recent),
            ("neighbors", self.neighbors),
        ] {
            check_count(name, count)?;
        }
        if self.length > 256 {
            return Err(RecommendError::Length { found: self.length });
        }
        check_depth(self.depth)?;
        check_share("fade", self.fade, f32::MIN_POSITIVE)?;
        check_share("near", self.near, f32::MIN_POSITIVE)?;
        check_share("backward", self.backward, 0.0)?;
        self.repeat.check()
    }
}

/// How [`Clicks`](super::Clicks) mixes its parts.
///
/// The values that hold unless told were chosen on clicks of a shop (YooChoose, 70,000 clicks), over three splits by
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClickSettings {
    /// What goes with what was seen.
    pub neighbors: NeighborSettings,
    /// What came next in visits like this one.
    pub sessions: SessionSettings,
    /// How much the odds of going back count; finite and not negative, as the next two. 1 unless told.
    pub returning: f32,
    /// How much neighbours count. 0.7 unless told.
    pub related: f32,
    /// How much the nearest visits count. 0.35 unless told.
    pub similar: f32,
    /// What becomes of the items of the history. As any other unless told.
    pub repeat: Repeat,
}

impl Default for ClickSettings {
    fn default() -> Self {
        Self {
            neighbors: NeighborSettings {
                half_life: Span::days(10),
                backward: 0.5,
                // How often people come back, the returns know better.
                repeat: Repeat::Allow(0.0),
                neighbors: 32,
                depth: 5,
                between: 1.0,
                spread: 1.5,
                evenness: 0.15,
                ..NeighborSettings::default()
            },
            sessions: SessionSettings::default(),
            returning: 1.0,
            related: 0.7,
            similar: 0.35,
            repeat: Repeat::Allow(1.0),
        }
    }
}

impl ClickSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        self.neighbors.check()?;
        self.sessions.check()?;
        check_factor("returning", self.returning)?;
        check_factor("related", self.related)?;
        check_factor("similar", self.similar)?;
        self.repeat.check()
    }
}

/// Whether items that the person has seen are proposed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Not at all: right where an item is used once, such as a film.
    Forbid,
    /// As often as people come back to an item, which is learned as that item's being its own neighbour, times this
    /// factor, finite and not negative. Right for clicks, of which a quarter go back to the item just seen.
    Allow(f32),
    /// The item seen last comes before all others, which are as with `Allow(1)`: right where a click that goes nowhere
    /// new is the likeliest of all.
    First,
}

impl Repeat {
    fn check(self) -> Result<(), RecommendError> {
        match self {
            Self::Allow(factor) if !(factor.is_finite() && factor >= 0.0) => {
                Err(RecommendError::Repeat { found: factor })
            }
            _ => Ok(()),
        }
    }
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
    #[error("`{name}` is {found}, but must be a share of at most 1, and not negative{above}", above = if matches!(*.name, "fade" | "near") { " or zero" } else { "" })]
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
    /// Too long visits.
    #[error("`length` is {found}, but must be at most 256")]
    Length {
        /// What was found.
        found: u32,
    },
    /// A factor is out of its range.
    #[error("`{name}` is {found}, but must be finite and not negative")]
    Factor {
        /// Which setting.
        name: &'static str,
        /// What was found.
        found: f32,
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
    /// A stored group was kept with other settings than the whole.
    #[error("a stored group has another half-life or size than the state it is in")]
    Disagree,
    /// A stored weight is none that learning can lead to.
    #[error("a stored weight is not above zero, or is newer than its row")]
    Weight,
    /// A stored visit is none that learning can lead to.
    #[error("a stored visit is empty, or its clicks are not in the order of time")]
    Visit,
    /// Stored parts were made with other settings than the whole.
    #[error("the stored parts have other settings than the whole")]
    Parts,
    /// Stored counts of returns are none that learning can lead to.
    #[error("stored returns must be 64 pairs of counts, of which the second is at most the first")]
    Returns,
}

pub(super) fn check_half_life(half_life: Span) -> Result<(), RecommendError> {
    // Shorter ones would leave the range of epochs, which ends at 2^31 half-lives after 1970.
    if half_life < Span::minutes(1) { Err(RecommendError::HalfLife { found: half_life }) } else { Ok(()) }
}

pub(super) fn check_count(name: &'static str, count: u32) -> Result<(), RecommendError> {
    if count == 0 { Err(RecommendError::Zero { name }) } else { Ok(()) }
}

fn check_depth(depth: u32) -> Result<(), RecommendError> {
    check_count("depth", depth)?;
    if depth > 256 { Err(RecommendError::Depth { found: depth }) } else { Ok(()) }
}

fn check_factor(name: &'static str, factor: f32) -> Result<(), RecommendError> {
    if factor.is_finite() && factor >= 0.0 { Ok(()) } else { Err(RecommendError::Factor { name, found: factor }) }
}

fn check_share(name: &'static str, share: f32, least: f32) -> Result<(), RecommendError> {
    if (least..=1.0).contains(&share) { Ok(()) } else { Err(RecommendError::Share { name, found: share }) }
}
