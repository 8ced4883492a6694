//! The ways in which a [`Contextual`](super::Contextual) bandit chooses.

use serde::{Deserialize, Serialize};

use crate::bandit::BanditError;
use crate::bandit::error::check_setting;

/// How a [`Contextual`](super::Contextual) bandit chooses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextualScheme {
    /// The default: shrinks towards a bandit without features as far as the features say nothing.
    Shrunk(Shrunk),
    /// The highest upper bound.
    LinUcb(LinUcb),
    /// Draws from the posterior of each arm.
    LinThompson(LinThompson),
    /// The worse an arm looks, the rarer.
    SquareCb(SquareCb),
}

/// The default: a hierarchical model whose shrinkage is learned, and Thompson's choice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shrunk {
    /// The deviation of an arm's score that a choice allows for, as a share of that of its posterior, from 0.01 to 10.
    /// One is Thompson sampling as it stands; less favours what looks best, and may, rarely, stay with the second best.
    pub exploration: f64,
    /// How many trials of an arm have to have paid before its deviation is half-way from the whole to that share, from 0
    /// to 1000. Of rare rewards the first few say less than a normal distribution has it: what has not paid yet may
    /// still.
    pub caution: f64,
}

impl Default for Shrunk {
    /// Chosen on a randomised e-mail campaign, on classification with bandit feedback and on simulated rates.
    fn default() -> Self {
        Self { exploration: 0.4, caution: 2.0 }
    }
}

impl Shrunk {
    /// By how much the deviation of an arm is narrowed, of which so many trials have paid.
    pub(super) fn narrowed(&self, paid: f64) -> f64 {
        let known = paid / (paid + self.caution).max(f64::MIN_POSITIVE);
        1.0 + (self.exploration - 1.0) * if self.caution > 0.0 { known } else { 1.0 }
    }
}

/// The highest upper bound of a ridge regression for each arm (LinUCB with disjoint models: Li, Chu, Langford and
/// Schapire, "A contextual-bandit approach to personalized news article recommendation", WWW 2010, algorithm 1).
///
/// Deterministic, like [`Ucb`](crate::bandit::Ucb), with what follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinUcb {
    /// How many deviations of an arm's score the bound lies above it, in units of the estimated residual, from 0 to 100.
    pub alpha: f64,
    /// The ridge: how many trials of size one the prior, at zero, counts as, from 1e-6 to 1e9.
    pub ridge: f64,
}

impl Default for LinUcb {
    fn default() -> Self {
        Self { alpha: 1.0, ridge: 1.0 }
    }
}

/// Thompson sampling of a ridge regression for each arm, with the whole covariance (Agrawal and Goyal, "Thompson
/// sampling for contextual bandits with linear payoffs", ICML 2013). The probabilities are computed, and the arm drawn
/// from them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinThompson {
    /// The deviation of an arm's score in units of that of its posterior, from 0.01 to 10.
    pub exploration: f64,
    /// The ridge, as of [`LinUcb`].
    pub ridge: f64,
}

impl Default for LinThompson {
    fn default() -> Self {
        Self { exploration: 1.0, ridge: 1.0 }
    }
}

/// Weighs each arm by the inverse of how far it lies behind the best (SquareCB: Foster and Rakhlin, "Beyond UCB: optimal
/// and efficient contextual bandits with regression oracles", ICML 2020, algorithm 1, after Abe and Long, 1999).
///
/// Of `k` arms, one that is expected to pay `g` residual deviations less than the best has the propensity
/// `1 / (k + gamma √(k n) g)` after `n` trials; the best has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SquareCb {
    /// How soon it prefers what looks best, from 0.001 to 1000.
    pub gamma: f64,
    /// The ridge, as of [`LinUcb`].
    pub ridge: f64,
}

impl Default for SquareCb {
    fn default() -> Self {
        Self { gamma: 1.0, ridge: 1.0 }
    }
}

impl ContextualScheme {
    pub(crate) fn check(&self) -> Result<(), BanditError> {
        let check_ridge = |ridge| check_setting("ridge", ridge, 1e-6, 1e9);
        match *self {
            Self::Shrunk(Shrunk { exploration, caution }) => {
                check_setting("exploration", exploration, 0.01, 10.0)?;
                check_setting("caution", caution, 0.0, 1e3)
            }
            Self::LinUcb(LinUcb { alpha, ridge }) => {
                check_setting("alpha", alpha, 0.0, 100.0)?;
                check_ridge(ridge)
            }
            Self::LinThompson(LinThompson { exploration, ridge }) => {
                check_setting("exploration", exploration, 0.01, 10.0)?;
                check_ridge(ridge)
            }
            Self::SquareCb(SquareCb { gamma, ridge }) => {
                check_setting("gamma", gamma, 0.001, 1e3)?;
                check_ridge(ridge)
            }
        }
    }

    /// The ridge, where it is set rather than learned.
    pub(super) const fn ridge(&self) -> Option<f64> {
        match self {
            Self::Shrunk(_) => None,
            Self::LinUcb(LinUcb { ridge, .. })
            | Self::LinThompson(LinThompson { ridge, .. })
            | Self::SquareCb(SquareCb { ridge, .. }) => Some(*ridge),
        }
    }

    pub(super) const fn is_deterministic(&self) -> bool {
        matches!(self, Self::LinUcb(_))
    }
}

impl From<Shrunk> for ContextualScheme {
    fn from(scheme: Shrunk) -> Self {
        Self::Shrunk(scheme)
    }
}

impl From<LinUcb> for ContextualScheme {
    fn from(scheme: LinUcb) -> Self {
        Self::LinUcb(scheme)
    }
}

impl From<LinThompson> for ContextualScheme {
    fn from(scheme: LinThompson) -> Self {
        Self::LinThompson(scheme)
    }
}

impl From<SquareCb> for ContextualScheme {
    fn from(scheme: SquareCb) -> Self {
        Self::SquareCb(scheme)
    }
}

/// The shares of arms that are expected to pay so much, for a residual deviation and a number of trials.
pub(super) fn inverse_gap(means: &[f64], gamma: f64, deviation: f64, trials: f64) -> Vec<f64> {
    let top = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Arms are counted exactly.
    let arms = means.len() as f64;
    let per = gamma * libm::sqrt(arms * trials) / deviation.max(f64::MIN_POSITIVE);
    let mut shares: Vec<f64> = means.iter().map(|mean| 1.0 / (arms + (per * (top - mean)).min(f64::MAX))).collect();
    // Those that are level with the best have their share of what is left.
    let level = |mean: &f64| *mean >= top;
    let behind: f64 = means.iter().zip(&shares).filter(|(mean, _)| !level(mean)).map(|(_, share)| share).sum();
    let count = means.iter().filter(|mean| level(mean)).count() as f64;
    let best = (1.0 - behind) / count;
    means.iter().zip(&mut shares).filter(|(mean, _)| level(mean)).for_each(|(_, share)| *share = best);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: gaps of 0 and 0.5 with γ√(kn)/σ = √200 and k = 2; and two that are level.
    #[test]
    fn what_lies_behind_is_weighed_by_its_gap() {
        let shares = inverse_gap(&[0.7, 0.2], 1.0, 1.0, 100.0);
        assert!(
            (shares[1] - 1.0 / (2.0 + 200_f64.sqrt() * 0.5)).abs() < 1e-15
                && (shares[0] + shares[1] - 1.0).abs() < 1e-15
        );
        assert_eq!(inverse_gap(&[0.5, 0.5], 1.0, 1.0, 9.0), [0.5, 0.5]);
        assert!((inverse_gap(&[1.0, 0.0], 1.0, 0.0, 9.0)[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_deviation_narrows_as_an_arm_pays() {
        let scheme = Shrunk { exploration: 0.4, caution: 2.0 };
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        close(scheme.narrowed(0.0), 1.0);
        close(scheme.narrowed(2.0), 0.7);
        close(Shrunk { caution: 0.0, ..scheme }.narrowed(0.0), 0.4);
    }
}
