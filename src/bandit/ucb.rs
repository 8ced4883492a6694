//! Takes the arm that could be the best: UCB1-tuned (Auer, Cesa-Bianchi and Fischer, "Finite-time analysis of the
//! multiarmed bandit problem", Machine Learning 2002, §4).

use serde::{Deserialize, Serialize};

use super::BanditError;
use super::epsilon_greedy::highest;
use super::fading::Seen;
use super::tallied::{All, Scheme, Weigh};

/// UCB1-tuned, for rewards from 0 to 1: a [`Scheme`].
///
/// Of `n` trials in all and `m` of an arm, the bound is `mean + √(ln n / m · min(¼, variance + √(2 ln n / m)))`; an arm
/// never shown goes before all others, and ties share evenly. Given the same state it always takes the same arm, so logs
/// of it cannot be judged by other policies, and between two batches of rewards it shows one arm only. O(arms).
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Policy, Reward, Tallied, Trial, Turn, Ucb};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Tallied::new(2, Ucb {})?;
/// policy.observe(&Trial::new(0, now), Reward::new(1.0)?)?;
/// assert_eq!(policy.propensities(&Turn::new(Arms::first(2), now))?, [0.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ucb {}

impl Weigh for Ucb {
    fn name(&self) -> &'static str {
        "ucb"
    }

    fn check(&self) -> Result<(), BanditError> {
        Ok(())
    }

    fn takes_amounts(&self) -> bool {
        false
    }

    fn weigh(&self, seen: &[Seen], all: &All) -> Vec<f64> {
        let ln = libm::log(seen.iter().map(|seen| seen.trials).sum::<f64>().max(1.0));
        let bound = |seen: &Seen| {
            let Some(mean) = seen.mean() else { return f64::INFINITY };
            let variance = (seen.squares / seen.trials - mean * mean).max(0.0);
            let cautious = (variance + libm::sqrt(2.0 * ln / seen.trials)).min(0.25);
            all.worth(mean) + libm::sqrt(ln / seen.trials * cautious)
        };
        let mut shares: Vec<f64> = seen.iter().map(bound).collect();
        highest(&mut shares);
        shares
    }

    fn is_deterministic(&self) -> bool {
        true
    }
}

impl From<Ucb> for Scheme {
    fn from(scheme: Ucb) -> Self {
        Self::Ucb(scheme)
    }
}
