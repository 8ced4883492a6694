//! Bandits: trying alternatives, and favouring what pays.
//!
//! A [`Policy`] chooses among arms and learns from what they paid. Every choice carries its exact [`Propensity`]: the
//! probabilities are computed first, and the arm is then drawn from them with one uniform number. So logged choices can
//! be judged by other policies afterwards (inverse propensity weighting), and a choice is reproduced from the state and
//! the generator alone.
//!
//! | Policy | For |
//! |---|---|
//! | [`Contextual`] with [`Shrunk`] | the default with features of the request: uses them as far as they tell anything |
//! | [`Contextual`] with [`LinUcb`], [`LinThompson`], [`SquareCb`] | the classics with features, to compare with |
//! | [`Logistic`] | Thompson sampling of a logistic regression, for rates that depend on features |
//! | [`Tallied`] with [`Thompson`] | the default without: rates, amounts or revenue, no setting needed; top-two |
//! | [`Tallied`] with [`EpsilonGreedy`], [`Softmax`], [`Ucb`] | the classics, to compare with |
//!
//! [`Bandit`] is any of them, as a [`BanditSpec`] says, behind [`Guards`]: a floor, a burn-in, a fixed share for the
//! control, and how fast shares may move.
//!
//! ```
//! use bespoke::Timestamp;
//! use bespoke::bandit::{Arms, Bandit, BanditSpec, Policy, Reward, Trial, Turn};
//! let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
//! let spec: BanditSpec = serde_json::from_str(r#"{"thompson": {}, "floor": 0.01}"#)?;
//! let mut bandit = Bandit::new(&spec, 2, 0)?;
//! for _ in 0..100 {
//!     bandit.observe(&Trial::new(0, now), Reward::NONE)?;
//!     bandit.observe(&Trial::new(1, now), Reward::new(1.0)?)?;
//! }
//! let shares = bandit.propensities(&Turn::new(Arms::first(2), now))?;
//! assert!((shares[0] - 0.01).abs() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`choose_slate`] and [`learn_cascade`] show several arms at once, [`Examination`] learns from where they stood;
//! [`DriftWatch`] says when an arm has changed, and so when a policy had better forget ([`HalfLife`]).
//!
//! A trial counts from when it is exposed, as one that has paid nothing, until a reward is learned: minutes or weeks
//! later, in any order, in batches. A reward that turns out to be another one (a refund) is revised.

mod arms;
#[expect(clippy::module_inception, reason = "the module of the type `Bandit`")]
mod bandit;
mod contextual;
mod drift;
mod epsilon_greedy;
mod error;
mod fading;
mod guard;
mod logistic;
mod position;
mod slate;
mod softmax;
mod spec;
mod tallied;
mod tally;
mod thompson;
mod turn;
mod ucb;

use rand::Rng;

use crate::stats::{Alpha, Interval};

pub use arms::{Arms, Choice};
pub use bandit::{Bandit, BanditWarning};
pub(crate) use contextual::Regression;
pub use contextual::{Contextual, ContextualScheme, LinThompson, LinUcb, Shrunk, SquareCb};
pub use drift::{Drift, DriftWatch};
pub use epsilon_greedy::EpsilonGreedy;
pub use error::BanditError;
pub use fading::HalfLife;
pub use guard::{Budget, Control, Guards};
pub use logistic::{Logistic, LogisticThompson};
pub use position::{Examination, PositionLog};
pub use slate::{choose_slate, learn_cascade};
pub use softmax::Softmax;
pub use spec::{BanditSpec, PolicySpec};
pub use tallied::{Scheme, Tallied};
pub use tally::ArmTally;
pub use thompson::{Payoff, Thompson};
pub use turn::{Reward, Trial, Turn};
pub use ucb::Ucb;

pub use crate::decision::Propensity;

/// The most arms that a policy can have.
pub const MAX_ARMS: usize = 4_096;

/// Something that chooses among arms and learns from what they pay. Every one is a [`State`](crate::state::State) too.
pub trait Policy {
    /// What each arm has shown and earned.
    fn tallies(&self) -> &[ArmTally];

    /// The exact probability of each arm, by index: 0 for those not eligible, and summing to one unless none is.
    ///
    /// # Errors
    /// [`BanditError::Features`] or [`BanditError::Feature`] if the policy cannot work with the features.
    fn propensities(&self, turn: &Turn<'_>) -> Result<Vec<f64>, BanditError>;

    /// Chooses among the eligible arms, with one number from `rng`; nothing if none is eligible.
    ///
    /// # Errors
    /// As [`Policy::propensities`].
    fn choose(&self, turn: &Turn<'_>, rng: &mut dyn Rng) -> Result<Option<Choice>, BanditError> {
        Ok(arms::draw(&self.propensities(turn)?, rng))
    }

    /// Whether a reward of a trial could be learned.
    ///
    /// # Errors
    /// [`BanditError::NoSuchArm`], [`BanditError::Features`], [`BanditError::Feature`], or [`BanditError::RewardRange`]
    /// if the policy cannot learn from such a reward.
    fn check(&self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError>;

    /// Counts one more trial: an arm was shown to somebody. It has paid nothing, until a reward is learned.
    ///
    /// # Errors
    /// As [`Policy::check`]; nothing is counted then.
    fn expose(&mut self, trial: &Trial<'_>) -> Result<(), BanditError>;

    /// Replaces the reward of an earlier exposure by another, such as after a refund.
    ///
    /// # Errors
    /// As [`Policy::check`]; nothing is learned then.
    fn revise(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) -> Result<(), BanditError>;

    /// Adds the reward of an earlier exposure.
    ///
    /// # Errors
    /// As [`Policy::check`]; nothing is learned then.
    fn learn(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.revise(trial, Reward::NONE, reward)
    }

    /// Counts a trial together with its reward, where that is known at once.
    ///
    /// # Errors
    /// As [`Policy::check`]; nothing is learned then.
    fn observe(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        self.expose(trial)?;
        self.learn(trial, reward)
    }

    /// Forgets one trial and what it paid in all, as if it had never been: where somebody asks to be erased, and the
    /// host still knows which trials were theirs.
    ///
    /// # Errors
    /// As [`Policy::check`]; [`BanditError::NothingToForget`] if the arm has no trial, [`BanditError::Unforgettable`]
    /// if the policy cannot tell it from the others. Nothing is forgotten then.
    fn forget(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        Err(BanditError::Unforgettable { policy: "policy" })
    }

    /// The probability that each arm is the best of all, where the policy has a posterior to say so; with features, at
    /// their means.
    fn best(&self) -> Option<Vec<f64>>;

    /// Where the arm's mean reward is likely to lie, where the policy has a posterior to say so.
    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval>;

    /// Whether the same state and request always give the same arm, but for ties. Such a policy shows one arm only
    /// between two batches of rewards, and its log cannot be judged by others.
    fn is_deterministic(&self) -> bool {
        false
    }

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

#[cfg(test)]
mod tests;
