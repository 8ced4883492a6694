//! Takes the arm with the best mean, and now and then any arm (Sutton and Barto, Reinforcement Learning, section 2.2).

use serde::{Deserialize, Serialize};

use super::{ArmTally, Arms, BanditError, Policy, Reward, tally};
use crate::{
    state::State,
    stats::{Alpha, Interval},
};

/// ε-greedy, for rewards of any size and sign.
///
/// With probability ε any eligible arm is chosen, all being equally likely; otherwise the one with the highest mean
/// reward per exposure. An arm never shown goes before all others, since nothing speaks against it, and ties share
/// evenly: a greedy arm of `t` among `k` has propensity `ε/k + (1 − ε)/t`, another `ε/k`. O(arms).
///
/// ```
/// use bespoke::bandit::{Arms, EpsilonGreedy, Policy, Reward};
/// let mut policy = EpsilonGreedy::new(2, 0.5)?;
/// policy.expose(0)?;
/// policy.learn(0, Reward::new(19.90)?)?;
/// policy.expose(1)?;
/// assert_eq!(policy.propensities(Arms::first(2)), [0.75, 0.25]);
/// # Ok::<(), bespoke::bandit::BanditError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct EpsilonGreedy {
    epsilon: f64,
    tallies: Vec<ArmTally>,
}

impl EpsilonGreedy {
    /// A fresh policy that explores with probability `epsilon`.
    ///
    /// # Errors
    /// [`BanditError::Arms`] unless there are 1 to 64 arms, [`BanditError::Epsilon`] unless it lies from 0 to 1.
    pub fn new(arms: usize, epsilon: f64) -> Result<Self, BanditError> {
        Self::try_from(Stored { epsilon, tallies: tally::fresh(arms)? })
    }

    pub(super) fn absorb(&mut self, tallies: &[ArmTally]) {
        tally::merge(&mut self.tallies, tallies);
    }
}

impl Policy for EpsilonGreedy {
    fn tallies(&self) -> &[ArmTally] {
        &self.tallies
    }

    fn propensities(&self, eligible: Arms) -> Vec<f64> {
        let eligible = eligible.and(Arms::first(self.arms()));
        let mean = |arm: usize| self.tallies[arm].mean().unwrap_or(f64::INFINITY);
        let highest = eligible.iter().map(mean).fold(f64::NEG_INFINITY, f64::max);
        let greedy: Arms = eligible.iter().filter(|arm| mean(*arm) >= highest).collect();
        let any = self.epsilon / eligible.len() as f64;
        let favoured = any + (1.0 - self.epsilon) / greedy.len() as f64;
        let mut probabilities = vec![0.0; self.arms()];
        for arm in eligible.iter() {
            probabilities[arm] = if greedy.contains(arm) { favoured } else { any };
        }
        probabilities
    }

    fn expose(&mut self, arm: usize) -> Result<(), BanditError> {
        tally::of(&mut self.tallies, arm)?.expose();
        Ok(())
    }

    fn learn(&mut self, arm: usize, reward: Reward) -> Result<(), BanditError> {
        tally::of(&mut self.tallies, arm)?.learn(reward);
        Ok(())
    }

    /// Nothing: a mean without a spread has no posterior.
    fn best(&self) -> Option<Vec<f64>> {
        None
    }

    /// Nothing: a mean without a spread has no posterior.
    fn interval(&self, _: usize, _: Alpha) -> Option<Interval> {
        None
    }
}

impl State for EpsilonGreedy {
    const KIND: &'static str = "epsilon_greedy";
    const VERSION: u16 = 1;

    /// Adds the other's tallies; epsilon stays. The longer of the two gives the number of arms.
    fn merge(&mut self, other: &Self) {
        self.absorb(&other.tallies);
    }
}

#[derive(Deserialize)]
struct Stored {
    epsilon: f64,
    tallies: Vec<ArmTally>,
}

impl TryFrom<Stored> for EpsilonGreedy {
    type Error = BanditError;
    fn try_from(Stored { epsilon, tallies }: Stored) -> Result<Self, BanditError> {
        tally::check_count(tallies.len())?;
        if (0.0..=1.0).contains(&epsilon) {
            Ok(Self { epsilon, tallies })
        } else {
            Err(BanditError::Epsilon { found: epsilon })
        }
    }
}
