//! Judging a policy that learns while it runs, by the records in which it does as was done.
//!
//! Where arms were drawn evenly, the records at which a policy chooses the logged arm are a fair sample of what it would
//! have lived through (Li, Chu, Langford and Wang, "Unbiased offline evaluation of contextual-bandit-based news article
//! recommendation algorithms", WSDM 2011). Where they were not, a match counts with a probability inverse to its
//! propensity, which makes the draw even. Of k arms one record in k is left.

use serde::{Deserialize, Serialize};

use super::off_policy::error;
use super::{Guard, Logged, OffPolicyError};
use crate::bandit::Reward;
use crate::decision::Propensity;
use crate::hash::{combine, unit};
use crate::stats::{Alpha, Evidence, Interval, Moments};

/// Offers records to a policy one by one, and counts what it earns where it agrees.
///
/// ```
/// use bespoke::bandit::{Arms, Policy, Reward, Tallied, Thompson, Trial, Turn};
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::{Guard, Logged, Replay};
/// use bespoke::stats::Alpha;
/// use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
/// let half = Propensity::new(0.5)?;
/// let (mut policy, mut rng) = (Tallied::new(2, Thompson::default())?, Xoshiro256PlusPlus::seed_from_u64(1));
/// let now = bespoke::Timestamp::from_millis(0);
/// let mut replay = Replay::new(half, 0);
/// for _ in 0..2_000 {
///     // What was drawn: the second arm pays more often.
///     let arm = rng.random_range(0..2);
///     let record = Logged::new(arm, half, f64::from(u8::from(rng.random_bool([0.2, 0.6][arm]))));
///     let choice = policy.choose(&Turn::new(Arms::first(2), now), &mut rng)?.unwrap();
///     if replay.offer(&record, choice.arm)? {
///         policy.observe(&Trial::new(choice.arm, now), Reward::new(record.reward)?)?;
///     }
/// }
/// let found = replay.estimate(Guard::default(), Alpha::USUAL)?;
/// assert!(found.value > 0.55 && found.accepted > 900 && found.interval.low < 0.6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    floor: Propensity,
    seed: u64,
    offered: u64,
    rewards: Moments,
    positives: u64,
}

/// What a replayed policy earned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayEstimate {
    /// The mean reward of the accepted records.
    pub value: f64,
    /// Its standard error; for a policy that learns, about the mean over its life so far.
    pub error: f64,
    /// Where the value is likely to lie.
    pub interval: Interval,
    /// How many records were accepted.
    pub accepted: u64,
    /// How many were offered.
    pub offered: u64,
    /// How many of the accepted have a reward above zero.
    pub positives: u64,
}

impl Replay {
    /// Begins with nothing. The floor is the least propensity in the log: 1 / k where k arms were drawn evenly, of which
    /// every match counts. The seed is for the draws among matches of a greater propensity.
    #[must_use]
    pub fn new(floor: Propensity, seed: u64) -> Self {
        Self { floor, seed, offered: 0, rewards: Moments::default(), positives: 0 }
    }

    /// Whether a record counts, of which the policy has chosen this arm without knowing the logged one. If it does, its
    /// reward is the policy's, and the policy may learn from it.
    ///
    /// # Errors
    /// [`OffPolicyError::BelowFloor`], and [`OffPolicyError::Reward`] for a reward that is not finite or too large; the
    /// record does not count then.
    pub fn offer(&mut self, record: &Logged, arm: usize) -> Result<bool, OffPolicyError> {
        let (floor, found) = (self.floor.value(), record.propensity.value());
        // What is below it by rounding alone is at the floor.
        if found < floor * (1.0 - 1e-9) {
            return Err(OffPolicyError::BelowFloor { found, floor });
        }
        if Reward::new(record.reward).is_err() {
            let at = usize::try_from(self.offered).unwrap_or(usize::MAX);
            return Err(OffPolicyError::Reward { at, found: record.reward });
        }
        let coin = unit(combine(&[self.seed, self.offered]));
        self.offered += 1;
        let counts = arm == record.arm && coin * found < floor;
        if counts {
            self.rewards.observe(record.reward);
            self.positives += u64::from(record.reward > 0.0);
        }
        Ok(counts)
    }

    /// How many records were accepted so far.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.rewards.count()
    }

    /// What the policy earned so far.
    ///
    /// # Errors
    /// [`OffPolicyError::NoOverlap`] if nothing was accepted, [`OffPolicyError::TooFewEffective`] and
    /// [`OffPolicyError::TooFewPositive`] as the guard says (what was accepted is the effective size), and
    /// [`OffPolicyError::Undefined`] where nothing varies.
    pub fn estimate(&self, guard: Guard, alpha: Alpha) -> Result<ReplayEstimate, OffPolicyError> {
        let accepted = self.accepted();
        if accepted == 0 {
            return Err(OffPolicyError::NoOverlap);
        }
        // Beyond 2^53 it is rounded by a part in 10^16.
        guard.check(accepted as f64, self.positives)?;
        let evidence = Evidence::new(self.rewards.mean(), error(&self.rewards), accepted)?;
        Ok(ReplayEstimate {
            value: evidence.estimate(),
            error: evidence.error(),
            interval: evidence.interval(alpha),
            accepted,
            offered: self.offered,
            positives: self.positives,
        })
    }
}
