//! What one arm has shown and earned, in integers.

use serde::{Deserialize, Serialize};

use super::{BanditError, MAX_ARMS, Reward};
use crate::sketch::ExactSum;

/// How often an arm was shown, and what it paid: exact, so that any order and any grouping gives the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmTally {
    exposures: u64,
    /// How many trials have paid something, less those whose reward was taken back.
    paid: i64,
    reward: ExactSum,
    squares: ExactSum,
}

impl ArmTally {
    /// How often the arm was shown.
    #[must_use]
    pub const fn exposures(&self) -> u64 {
        self.exposures
    }

    /// How many of its trials paid anything.
    #[must_use]
    pub fn paid(&self) -> u64 {
        u64::try_from(self.paid).unwrap_or(0)
    }

    /// What it paid in all, each reward rounded to a millionth.
    #[must_use]
    pub fn reward(&self) -> f64 {
        self.reward.value()
    }

    /// The sum of the squares of what its trials paid, each rounded to a millionth; it stops at 1.7e32.
    #[must_use]
    pub fn squares(&self) -> f64 {
        self.squares.value()
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

    pub(super) fn revise(&mut self, from: Reward, to: Reward) {
        let (from, to) = (from.value(), to.value());
        self.paid = self.paid.saturating_add(i64::from(pays(to)) - i64::from(pays(from)));
        if pays(from) {
            self.reward.subtract(from);
            self.squares.subtract(from * from);
        }
        if pays(to) {
            self.reward.add(to);
            self.squares.add(to * to);
        }
    }

    /// Takes a trial away that is among the counted ones.
    pub(super) fn forget(&mut self, reward: Reward) {
        self.revise(reward, Reward::NONE);
        self.exposures = self.exposures.saturating_sub(1);
    }

    fn merge(&mut self, other: &Self) {
        self.exposures = self.exposures.saturating_add(other.exposures);
        self.paid = self.paid.saturating_add(other.paid);
        self.reward.merge(other.reward);
        self.squares.merge(other.squares);
    }
}

/// Whether a reward is one.
pub(super) fn pays(reward: f64) -> bool {
    reward.abs() > 0.0
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
