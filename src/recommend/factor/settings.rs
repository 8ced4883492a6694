//! How a [`Factor`](super::Factor) model is fitted and asked.

use serde::{Deserialize, Serialize};

use crate::recommend::settings::{RecommendError, check_count};

/// How [`Factor`](super::Factor) is fitted and asked.
///
/// What holds unless told was chosen on check-ins (Gowalla, 30,000 people, 41,000 places), on a part of the data that
/// the measured results do not touch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactorSettings {
    /// How many numbers describe an item; from 1 to 1024. More say more, and cost more in every way.
    pub rank: u32,
    /// How often people and items are fitted in turn; at least one.
    pub rounds: u32,
    /// How many steps towards its solution each person and each item takes in a round; at least one.
    pub steps: u32,
    /// How much it counts, beside one event, that somebody does not have an item: above 0 and at most 1. More follow
    /// popularity more.
    pub unobserved: f32,
    /// How far vectors are held down: above 0 and at most 4.
    pub shrink: f32,
    /// How far those with more events are held down more: the hold on a person of m events is
    /// `shrink · (m + unobserved · items)^scaling`, likewise on an item. In [0, 4].
    pub scaling: f32,
    /// From which the first vectors are drawn.
    pub seed: u64,
    /// How many of a person's latest distinct items are looked at; at least one. The cap bounds the time of an answer.
    pub depth: u32,
    /// Whether items of the history may be proposed.
    pub repeat: bool,
}

impl Default for FactorSettings {
    fn default() -> Self {
        Self {
            rank: 128,
            rounds: 12,
            steps: 3,
            unobserved: 0.01,
            shrink: 0.005,
            scaling: 1.0,
            seed: 0,
            depth: 1000,
            repeat: false,
        }
    }
}

impl FactorSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        for (name, count) in
            [("rank", self.rank), ("rounds", self.rounds), ("steps", self.steps), ("depth", self.depth)]
        {
            check_count(name, count)?;
        }
        if self.rank > MAX_RANK {
            return Err(RecommendError::Rank { found: self.rank, most: MAX_RANK });
        }
        for (name, found, most) in [("unobserved", self.unobserved, 1.0), ("shrink", self.shrink, 4.0)] {
            // Below it, squares would leave the range of single precision.
            if !(LEAST..=most).contains(&found) {
                return Err(RecommendError::Weighting { name, found, most });
            }
        }
        if !(0.0..=4.0).contains(&self.scaling) {
            return Err(RecommendError::Exponent { name: "scaling", found: self.scaling });
        }
        Ok(())
    }
}

const MAX_RANK: u32 = 1024;
const LEAST: f32 = 1e-9;
