//! What one arm has shown and earned, in integers.

use serde::{Deserialize, Serialize};

use super::{BanditError, MAX_ARMS, Reward};
use crate::sketch::ExactSum;

/// How often an arm was shown, and what it paid: exact, so that any order and any grouping gives the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmTally {
    exposures: u64,
    reward: ExactSum,
}

impl ArmTally {
    /// How often the arm was shown.
    #[must_use]
    pub fn exposures(&self) -> u64 {
        self.exposures
    }

    /// What it paid in all, each reward rounded to a millionth.
    #[must_use]
    pub fn reward(&self) -> f64 {
        self.reward.value()
    }

    /// What it paid per exposure, if it was shown.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        // Counts beyond 2^53 are rounded by a part in 10^16.
        (self.exposures > 0).then(|| self.reward() / self.exposures as f64)
    }

    pub(super) fn expose(&mut self) {
        self.exposures = self.exposures.saturating_add(1);
    }

    pub(super) fn learn(&mut self, reward: Reward) {
        self.reward.add(reward.value());
    }

    fn merge(&mut self, other: &Self) {
        self.exposures = self.exposures.saturating_add(other.exposures);
        self.reward.merge(other.reward);
    }
}

/// Fresh tallies for so many arms.
pub(super) fn fresh(arms: usize) -> Result<Vec<ArmTally>, BanditError> {
    check_count(arms)?;
    Ok(vec![ArmTally::default(); arms])
}

/// Whether a policy can have so many arms.
pub(super) fn check_count(arms: usize) -> Result<(), BanditError> {
    if (1..=MAX_ARMS).contains(&arms) { Ok(()) } else { Err(BanditError::Arms { found: arms }) }
}

/// Adds tallies arm by arm; arms that one side lacks are fresh there.
pub(super) fn merge(into: &mut Vec<ArmTally>, from: &[ArmTally]) {
    into.resize(into.len().max(from.len()), ArmTally::default());
    into.iter_mut().zip(from).for_each(|(into, from)| into.merge(from));
}

/// The tally of an arm.
pub(super) fn of(tallies: &mut [ArmTally], arm: usize) -> Result<&mut ArmTally, BanditError> {
    let arms = tallies.len();
    tallies.get_mut(arm).ok_or(BanditError::NoSuchArm { arm, arms })
}
