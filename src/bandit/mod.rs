//! Bandits: trying alternatives, and favouring what pays.
//!
//! A [`Policy`] chooses among up to 64 arms and learns from what they paid. Every choice carries its exact
//! [`Propensity`]: the probabilities are computed first, and the arm is then drawn from them with one uniform number.
//! So logged choices can be judged by other policies afterwards (inverse propensity weighting), and a choice is
//! reproduced from the state and the generator alone.
//!
//! What is learned is per arm: how often it was shown, and what it paid in all, both exact integers. Learning therefore
//! commutes to the last bit, whatever the order, the batches and the shards.
//!
//! [`Thompson`] explores as much as the evidence leaves open and needs no setting; [`EpsilonGreedy`] explores at a fixed
//! rate and takes rewards of any size. [`Bandit`] is either, as a [`BanditSpec`] says. [`Contextual`] chooses by features
//! of the request, as far as they tell anything.
//!
//! ```
//! use bespoke::bandit::{Arms, Bandit, BanditSpec, Policy, Reward};
//! let spec: BanditSpec = serde_json::from_str(r#"{"thompson": {}}"#)?;
//! let mut bandit = Bandit::new(&spec, 2)?;
//! for _ in 0..100 {
//!     bandit.expose(0)?;
//!     bandit.expose(1)?;
//!     bandit.learn(1, Reward::new(1.0)?)?;
//! }
//! assert!(bandit.propensities(Arms::first(2))[1] > 0.999);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod contextual;
mod epsilon_greedy;
mod propensity;
mod spec;
mod tally;
mod thompson;

use rand::Rng;

use crate::{
    state::State,
    stats::{Alpha, Interval},
};

pub(crate) use contextual::Regression;
pub use contextual::{Contextual, ContextualSettings};
pub use epsilon_greedy::EpsilonGreedy;
pub use propensity::{Arms, Choice, Reward};

pub use crate::decision::Propensity;
pub use spec::{Bandit, BanditSpec};
pub use tally::ArmTally;
pub use thompson::Thompson;

/// The most arms that a policy can have.
pub const MAX_ARMS: usize = 64;

/// Something that chooses among arms and learns from what they pay.
pub trait Policy: State {
    /// What each arm has shown and earned.
    fn tallies(&self) -> &[ArmTally];

    /// The exact probability of each arm, by index: 0 for those not eligible, and summing to one unless none is.
    fn propensities(&self, eligible: Arms) -> Vec<f64>;

    /// Chooses among the eligible arms, with one number from `rng`; nothing if none is eligible.
    fn choose(&self, eligible: Arms, rng: &mut dyn Rng) -> Option<Choice> {
        propensity::draw(&self.propensities(eligible), rng)
    }

    /// Counts one more trial of the arm: it was shown to somebody. A reward may follow.
    ///
    /// # Errors
    /// [`BanditError::NoSuchArm`].
    fn expose(&mut self, arm: usize) -> Result<(), BanditError>;

    /// Adds the reward of an earlier exposure.
    ///
    /// # Errors
    /// [`BanditError::NoSuchArm`], or [`BanditError::RewardRange`] if the policy cannot learn from such a reward.
    fn learn(&mut self, arm: usize, reward: Reward) -> Result<(), BanditError>;

    /// The probability that each arm is the best of all, where the policy has a posterior to say so.
    fn best(&self) -> Option<Vec<f64>>;

    /// Where the arm's mean reward is likely to lie, where the policy has a posterior to say so.
    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval>;

    /// How many arms there are.
    fn arms(&self) -> usize {
        self.tallies().len()
    }

    /// What is known of each arm.
    fn report(&self, alpha: Alpha) -> Vec<ArmReport> {
        let best = self.best();
        let row = |(arm, tally): (usize, &ArmTally)| ArmReport {
            exposures: tally.exposures(),
            reward: tally.reward(),
            mean: tally.mean(),
            interval: self.interval(arm, alpha),
            best: best.as_ref().and_then(|best| best.get(arm).copied()),
        };
        self.tallies().iter().enumerate().map(row).collect()
    }
}

/// What is known of one arm.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ArmReport {
    /// How often it was shown.
    pub exposures: u64,
    /// What it paid in all.
    pub reward: f64,
    /// What it paid per exposure, if it was shown.
    pub mean: Option<f64>,
    /// Where its mean is likely to lie: equal tails of the posterior.
    pub interval: Option<Interval>,
    /// The probability that it is the best arm.
    pub best: Option<f64>,
}

/// What is wrong with a bandit's definition, its input or its stored state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BanditError {
    /// The number of arms is out of range.
    #[error("a bandit has from 1 to {MAX_ARMS} arms, but {found} were given")]
    Arms {
        /// How many were given.
        found: usize,
    },
    /// There is no such arm.
    #[error("there is no arm {arm}: the arms are 0 to {}", arms.saturating_sub(1))]
    NoSuchArm {
        /// The arm asked for.
        arm: usize,
        /// How many there are.
        arms: usize,
    },
    /// A probability of choice is out of range.
    #[error("a propensity is above 0 and at most 1, but {found} was given")]
    Propensity {
        /// The number found.
        found: f64,
    },
    /// A reward is not a number, or too large to add up.
    #[error("a reward is a number from -{max:e} to {max:e}, but {found} was given", max = Reward::MAX)]
    Reward {
        /// The number found.
        found: f64,
    },
    /// A reward is outside what the policy can learn from.
    #[error(
        "thompson sampling learns from rewards from 0 to 1, but {found} was given; scale it, or use epsilon_greedy"
    )]
    RewardRange {
        /// The number found.
        found: f64,
    },
    /// A prior parameter is out of range.
    #[error("a prior parameter lies from 0.1 to 1000000, but {found} was given")]
    Prior {
        /// The number found.
        found: f64,
    },
    /// A request has another number of features than the policy.
    #[error("{found} features were given, but the policy has {wanted}")]
    Features {
        /// How many were given.
        found: usize,
        /// How many there must be, or may be at most.
        wanted: usize,
    },
    /// A feature is not a number, or too large.
    #[error("a feature is a number from -1e9 to 1e9, but the one at {at} is {found}")]
    Feature {
        /// Its place, from zero.
        at: usize,
        /// What was given.
        found: f64,
    },
    /// A setting is out of range.
    #[error("`{name}` lies from {least} to {most}, but {found} was given")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What was given.
        found: f64,
        /// The least that it can be.
        least: f64,
        /// The most that it can be.
        most: f64,
    },
    /// A stored policy does not hold together.
    #[error("the parts of a stored bandit do not fit each other; learn it again, or take another copy")]
    Stored,
    /// The share of exploration is out of range.
    #[error("epsilon lies from 0 to 1, but {found} was given")]
    Epsilon {
        /// The number found.
        found: f64,
    },
}

#[cfg(test)]
mod tests;
