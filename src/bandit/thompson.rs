//! Chooses each arm as often as it is likely to be the best (Thompson, 1933; Chapelle and Li, 2011).
//!
//! The rate of each arm has a beta posterior. The usual implementation draws a rate from each and takes the highest; an
//! arm then wins with the probability that it is the best, which stays unknown. Here that probability is computed (see
//! `best`) and the arm drawn from it: the same policy, but its propensity is known exactly. The integral is kept until
//! something is learned, so that repeated choices cost one random number.

use std::sync::OnceLock;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{ArmTally, Arms, BanditError, Choice, Policy, Reward, propensity::draw, tally};
use crate::{
    state::State,
    stats::{Alpha, Beta, Interval, best_rates},
};

/// Thompson sampling for rewards from 0 to 1.
///
/// The posterior of an arm's rate is Beta(a + r, b + n − r), for a prior Beta(a, b), `n` exposures and rewards of `r` in
/// all. A reward between 0 and 1 counts as that share of a success. If more was paid than shown, there are no failures.
///
/// ```
/// use bespoke::bandit::{Policy, Reward, Thompson};
/// let mut policy = Thompson::new(3, [1.0, 1.0])?;
/// policy.expose(0)?;
/// policy.learn(0, Reward::new(1.0)?)?;
/// let posterior = policy.posterior(0).map(|beta| (beta.alpha(), beta.beta()));
/// assert_eq!(posterior, Some((2.0, 1.0)));
/// // The density 2x, and both uniform arms below x: ∫ 2x · x² dx = 1/2
/// assert!((policy.best().unwrap()[0] - 0.5).abs() < 1e-10);
/// # Ok::<(), bespoke::bandit::BanditError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Thompson {
    prior: [f64; 2],
    tallies: Vec<ArmTally>,
    #[serde(skip)]
    all: OnceLock<Vec<f64>>,
}

impl Thompson {
    /// A fresh policy; the prior is the successes and failures of each arm before anything is known, `[1.0, 1.0]` if
    /// every rate is as likely.
    ///
    /// # Errors
    /// [`BanditError::Arms`] unless there are 1 to 64 arms, [`BanditError::Prior`] unless both lie from 0.1 to 10^6.
    pub fn new(arms: usize, prior: [f64; 2]) -> Result<Self, BanditError> {
        check_prior(prior)?;
        Ok(Self { prior, tallies: tally::fresh(arms)?, all: OnceLock::new() })
    }

    /// What is known of the arm's rate, if there is such an arm.
    ///
    /// Past 10^12 successes or failures it gets no sharper.
    #[must_use]
    pub fn posterior(&self, arm: usize) -> Option<Beta> {
        self.tallies.get(arm).map(|tally| self.posterior_of(tally))
    }

    fn posterior_of(&self, tally: &ArmTally) -> Beta {
        let [a, b] = self.prior;
        let successes = tally.reward().max(0.0);
        let failures = (tally.exposures() as f64 - successes).max(0.0);
        Beta::nearest(a + successes, b + failures)
    }

    fn all(&self) -> &[f64] {
        self.all
            .get_or_init(|| best_rates(&self.tallies.iter().map(|tally| self.posterior_of(tally)).collect::<Vec<_>>()))
    }
}

impl Policy for Thompson {
    fn tallies(&self) -> &[ArmTally] {
        &self.tallies
    }

    fn propensities(&self, eligible: Arms) -> Vec<f64> {
        let eligible = eligible.and(Arms::first(self.arms()));
        if eligible.len() == self.arms() {
            return self.all().to_vec();
        }
        let posteriors: Vec<Beta> = eligible.iter().filter_map(|arm| self.posterior(arm)).collect();
        let mut probabilities = vec![0.0; self.arms()];
        for (arm, probability) in eligible.iter().zip(best_rates(&posteriors)) {
            probabilities[arm] = probability;
        }
        probabilities
    }

    fn choose(&self, eligible: Arms, rng: &mut dyn Rng) -> Option<Choice> {
        if eligible.and(Arms::first(self.arms())).len() == self.arms() {
            return draw(self.all(), rng);
        }
        draw(&self.propensities(eligible), rng)
    }

    fn expose(&mut self, arm: usize) -> Result<(), BanditError> {
        tally::of(&mut self.tallies, arm)?.expose();
        self.all = OnceLock::new();
        Ok(())
    }

    fn learn(&mut self, arm: usize, reward: Reward) -> Result<(), BanditError> {
        let tally = tally::of(&mut self.tallies, arm)?;
        if !(0.0..=1.0).contains(&reward.value()) {
            return Err(BanditError::RewardRange { found: reward.value() });
        }
        tally.learn(reward);
        self.all = OnceLock::new();
        Ok(())
    }

    fn best(&self) -> Option<Vec<f64>> {
        Some(self.all().to_vec())
    }

    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval> {
        let posterior = self.posterior(arm)?;
        let tail = alpha.tail();
        Some(Interval { low: posterior.quantile(tail), high: posterior.quantile(1.0 - tail) })
    }
}

impl State for Thompson {
    const KIND: &'static str = "thompson";
    const VERSION: u16 = 1;

    /// Adds the other's tallies; the prior stays. The longer of the two gives the number of arms.
    fn merge(&mut self, other: &Self) {
        self.absorb(&other.tallies);
    }
}

impl Thompson {
    pub(super) fn absorb(&mut self, tallies: &[ArmTally]) {
        tally::merge(&mut self.tallies, tallies);
        self.all = OnceLock::new();
    }
}

/// What was learned, and from what prior; not whether the integral has been taken yet.
impl PartialEq for Thompson {
    fn eq(&self, other: &Self) -> bool {
        self.prior.map(f64::to_bits) == other.prior.map(f64::to_bits) && self.tallies == other.tallies
    }
}

#[derive(Deserialize)]
struct Stored {
    prior: [f64; 2],
    tallies: Vec<ArmTally>,
}

impl TryFrom<Stored> for Thompson {
    type Error = BanditError;
    fn try_from(stored: Stored) -> Result<Self, BanditError> {
        check_prior(stored.prior)?;
        tally::check_count(stored.tallies.len())?;
        Ok(Self { prior: stored.prior, tallies: stored.tallies, all: OnceLock::new() })
    }
}

fn check_prior(prior: [f64; 2]) -> Result<(), BanditError> {
    match prior.into_iter().find(|p| !(Beta::MIN..=1e6).contains(p)) {
        Some(found) => Err(BanditError::Prior { found }),
        None => Ok(()),
    }
}
