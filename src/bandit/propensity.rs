//! The small checked values of a choice: which arms may be chosen, with what probability, and what was paid.

use crate::decision::Propensity;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{BanditError, MAX_ARMS};

/// A set of arms, such as those that are eligible now: the numbers from 0 to 63.
///
/// ```
/// use bespoke::bandit::Arms;
/// let arms: Arms = [0, 2].into_iter().collect();
/// assert!(arms.contains(2) && !arms.contains(1));
/// assert_eq!(Arms::first(3).iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Arms(u64);

impl Arms {
    /// No arm at all.
    pub const NONE: Self = Self(0);

    /// The first `count` arms; all 64 if there are more.
    #[must_use]
    pub fn first(count: usize) -> Self {
        if count >= MAX_ARMS { Self(u64::MAX) } else { Self((1 << count) - 1) }
    }

    /// Adds an arm; one past 63 is never eligible and is left out.
    pub fn insert(&mut self, arm: usize) {
        if arm < MAX_ARMS {
            self.0 |= 1 << arm;
        }
    }

    /// Whether the arm is in the set.
    #[must_use]
    pub fn contains(self, arm: usize) -> bool {
        arm < MAX_ARMS && self.0 >> arm & 1 == 1
    }

    /// How many arms there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The arms that both sets have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The arms, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MAX_ARMS).filter(move |arm| self.contains(*arm))
    }
}

impl FromIterator<usize> for Arms {
    fn from_iter<I: IntoIterator<Item = usize>>(arms: I) -> Self {
        let mut set = Self::NONE;
        arms.into_iter().for_each(|arm| set.insert(arm));
        set
    }
}

/// The number paid, more being better; kept in whole millionths.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Reward(f64);

impl Reward {
    /// The largest reward, and its negative the smallest: 2^64 of them still sum exactly.
    pub const MAX: f64 = 5e12;

    /// Checks a reward.
    ///
    /// # Errors
    /// [`BanditError::Reward`] if it is not a number or beyond [`Self::MAX`] on either side.
    pub fn new(reward: f64) -> Result<Self, BanditError> {
        if reward.abs() <= Self::MAX { Ok(Self(reward)) } else { Err(BanditError::Reward { found: reward }) }
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Reward {
    type Error = BanditError;
    fn try_from(reward: f64) -> Result<Self, BanditError> {
        Self::new(reward)
    }
}

impl From<Reward> for f64 {
    fn from(reward: Reward) -> Self {
        reward.0
    }
}

/// An arm, and the probability with which it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The arm's index.
    pub arm: usize,
    /// How likely this choice was, among what was eligible.
    pub propensity: Propensity,
}

/// Draws an arm with these probabilities, from one uniform number.
pub(super) fn draw(probabilities: &[f64], rng: &mut dyn Rng) -> Option<Choice> {
    // 53 bits, as many as a double has.
    let mut rest = (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
    let mut last = None;
    for (arm, probability) in probabilities.iter().enumerate() {
        if let Ok(propensity) = Propensity::new(probability.min(1.0)) {
            last = Some(Choice { arm, propensity });
            if rest < *probability {
                break;
            }
            rest -= probability;
        }
    }
    last
}
