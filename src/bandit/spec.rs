//! Which policy a campaign uses, as written down, and the policy that comes of it.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{ArmTally, Arms, BanditError, Choice, EpsilonGreedy, Policy, Reward, Thompson};
use crate::{
    state::State,
    stats::{Alpha, Interval},
};

/// The definition of a bandit.
///
/// ```
/// use bespoke::bandit::BanditSpec;
/// let spec: BanditSpec = serde_json::from_str(r#"{"epsilon_greedy": {"epsilon": 0.1}}"#)?;
/// assert_eq!(spec, BanditSpec::EpsilonGreedy { epsilon: 0.1 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BanditSpec {
    /// [`Thompson`] sampling, for rewards from 0 to 1.
    Thompson {
        /// Successes and failures of every arm before anything is known, each from 0.1 to 10^6.
        #[serde(default = "flat")]
        prior: [f64; 2],
    },
    /// [`EpsilonGreedy`], for rewards of any size.
    EpsilonGreedy {
        /// The share of choices that explore, from 0 to 1.
        epsilon: f64,
    },
}

impl BanditSpec {
    /// Checks what is written, without building anything from it.
    ///
    /// # Errors
    /// [`BanditError::Prior`] or [`BanditError::Epsilon`].
    pub fn check(&self) -> Result<(), BanditError> {
        Bandit::new(self, 1).map(|_| ())
    }
}

impl Default for BanditSpec {
    /// Thompson sampling from a flat prior.
    fn default() -> Self {
        Self::Thompson { prior: flat() }
    }
}

/// Any of the policies, to be kept and stored as one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bandit {
    /// Thompson sampling.
    Thompson(Thompson),
    /// ε-greedy.
    EpsilonGreedy(EpsilonGreedy),
}

impl Bandit {
    /// A fresh policy of the kind that the definition names.
    ///
    /// # Errors
    /// [`BanditError::Arms`], [`BanditError::Prior`] or [`BanditError::Epsilon`].
    pub fn new(spec: &BanditSpec, arms: usize) -> Result<Self, BanditError> {
        Ok(match *spec {
            BanditSpec::Thompson { prior } => Self::Thompson(Thompson::new(arms, prior)?),
            BanditSpec::EpsilonGreedy { epsilon } => Self::EpsilonGreedy(EpsilonGreedy::new(arms, epsilon)?),
        })
    }
}

impl Bandit {
    /// The policy that a changed definition asks for, with what is known of the arms that stay: `was[i]` says which
    /// arm of this policy the new arm `i` is, if any. A new arm begins with nothing.
    ///
    /// # Errors
    /// As [`Bandit::new`].
    pub fn rearranged(&self, spec: &BanditSpec, was: &[Option<usize>]) -> Result<Self, BanditError> {
        let mut bandit = Self::new(spec, was.len())?;
        let tally = |was: &Option<usize>| was.and_then(|arm| self.tallies().get(arm).copied()).unwrap_or_default();
        let tallies: Vec<ArmTally> = was.iter().map(tally).collect();
        match &mut bandit {
            Self::Thompson(policy) => policy.absorb(&tallies),
            Self::EpsilonGreedy(policy) => policy.absorb(&tallies),
        }
        Ok(bandit)
    }
}

impl Policy for Bandit {
    fn tallies(&self) -> &[ArmTally] {
        match self {
            Self::Thompson(policy) => policy.tallies(),
            Self::EpsilonGreedy(policy) => policy.tallies(),
        }
    }

    fn propensities(&self, eligible: Arms) -> Vec<f64> {
        match self {
            Self::Thompson(policy) => policy.propensities(eligible),
            Self::EpsilonGreedy(policy) => policy.propensities(eligible),
        }
    }

    fn choose(&self, eligible: Arms, rng: &mut dyn Rng) -> Option<Choice> {
        match self {
            Self::Thompson(policy) => policy.choose(eligible, rng),
            Self::EpsilonGreedy(policy) => policy.choose(eligible, rng),
        }
    }

    fn expose(&mut self, arm: usize) -> Result<(), BanditError> {
        match self {
            Self::Thompson(policy) => policy.expose(arm),
            Self::EpsilonGreedy(policy) => policy.expose(arm),
        }
    }

    fn learn(&mut self, arm: usize, reward: Reward) -> Result<(), BanditError> {
        match self {
            Self::Thompson(policy) => policy.learn(arm, reward),
            Self::EpsilonGreedy(policy) => policy.learn(arm, reward),
        }
    }

    fn best(&self) -> Option<Vec<f64>> {
        match self {
            Self::Thompson(policy) => policy.best(),
            Self::EpsilonGreedy(policy) => policy.best(),
        }
    }

    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval> {
        match self {
            Self::Thompson(policy) => policy.interval(arm, alpha),
            Self::EpsilonGreedy(policy) => policy.interval(arm, alpha),
        }
    }
}

impl State for Bandit {
    const KIND: &'static str = "bandit";
    const VERSION: u16 = 1;

    /// Adds the other's tallies, of whichever kind it is: what the arms have shown and earned means the same to both,
    /// so that a changed definition keeps what was learned. Kind and settings stay; the longer gives the arms.
    fn merge(&mut self, other: &Self) {
        match self {
            Self::Thompson(policy) => policy.absorb(other.tallies()),
            Self::EpsilonGreedy(policy) => policy.absorb(other.tallies()),
        }
    }
}

fn flat() -> [f64; 2] {
    [1.0, 1.0]
}
