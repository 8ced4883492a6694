//! Kept memberships of a profile, which the engine writes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::time::Timestamp;

/// The segments that answer otherwise than for an empty profile.
pub(crate) type Flips = SmallVec<[Flip; 4]>;

/// A segment by its index in the engine, and whether its answer is unknown rather than the opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Flip(u32);

impl Flip {
    /// Engines have far fewer than 2^31 segments.
    pub(crate) const fn new(segment: u32, unknown: bool) -> Self {
        Self(segment << 1 | unknown as u32)
    }
    pub(crate) const fn segment(self) -> u32 {
        self.0 >> 1
    }
    pub(crate) const fn is_unknown(self) -> bool {
        self.0 & 1 == 1
    }
}

/// In which segments a profile is, relative to an empty profile: the segments, by their index in the engine, whose
/// answer differs from the one that an empty profile gets. Most rules never concern most people, so this is short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// The fingerprint of the engine whose indexes these are.
    pub(crate) engine: u64,
    /// A time before which no answer changes without an event. It saves work and is no knowledge: it depends on the
    /// order of arrival, so it is neither stored nor compared, and after loading everything is due.
    #[serde(skip, default = "at_once")]
    pub(crate) due: Timestamp,
    /// The present by which they were settled last; at an earlier one they may differ. It is knowledge no more than
    /// `due` is.
    #[serde(skip)]
    pub(crate) since: Timestamp,
    /// By segment, in rising order.
    pub(crate) flips: Flips,
}

impl Membership {
    /// Whether the flips are those of this time, if nothing happens.
    pub(crate) fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.due
    }
}

const fn at_once() -> Timestamp {
    Timestamp::MIN
}

impl PartialEq for Membership {
    fn eq(&self, other: &Self) -> bool {
        (self.engine, &self.flips) == (other.engine, &other.flips)
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self { engine: 0, due: Timestamp::MAX, since: Timestamp::MIN, flips: Flips::new() }
    }
}
