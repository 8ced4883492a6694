//! What a policy is asked, what it is told, and what was paid.

use serde::{Deserialize, Serialize};

use super::{Arms, BanditError};
use crate::time::Timestamp;

/// A choice to be made: which arms may be chosen, when, and what is known of the request.
///
/// ```
/// use bespoke::bandit::{Arms, Turn};
/// use bespoke::Timestamp;
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let turn = Turn::new(Arms::first(3), now).features(&[1.0, 0.0]);
/// assert_eq!(turn.eligible.len(), 3);
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Turn<'a> {
    /// The arms that may be chosen.
    pub eligible: Arms,
    /// The present, for policies that forget.
    pub now: Timestamp,
    /// What is known of the request, as numbers; policies without context look at none.
    pub features: &'a [f64],
}

impl Turn<'_> {
    /// A choice among these arms, without features.
    #[must_use]
    pub const fn new(eligible: Arms, now: Timestamp) -> Turn<'static> {
        Turn { eligible, now, features: &[] }
    }

    /// With features of the request.
    #[must_use]
    pub fn features(self, features: &[f64]) -> Turn<'_> {
        Turn { eligible: self.eligible, now: self.now, features }
    }
}

/// A choice that was made and shown: which arm, when, and under which features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial<'a> {
    /// The arm that was shown.
    pub arm: usize,
    /// When it was shown; a reward that comes later counts as of then.
    pub shown: Timestamp,
    /// The features that it was chosen under.
    pub features: &'a [f64],
}

impl Trial<'_> {
    /// A trial without features.
    #[must_use]
    pub const fn new(arm: usize, shown: Timestamp) -> Trial<'static> {
        Trial { arm, shown, features: &[] }
    }

    /// With the features that it was chosen under.
    #[must_use]
    pub const fn features(self, features: &[f64]) -> Trial<'_> {
        Trial { arm: self.arm, shown: self.shown, features }
    }
}

/// The number paid, more being better unless a policy is told otherwise; kept in whole millionths.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Reward(f64);

impl Reward {
    /// Nothing, which is what every trial has paid until something else is learned.
    pub const NONE: Self = Self(0.0);
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
    pub const fn value(self) -> f64 {
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
