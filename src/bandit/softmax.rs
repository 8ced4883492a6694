//! Chooses the likelier the better an arm has paid: Boltzmann exploration (Sutton and Barto, Reinforcement Learning,
//! section 2.8; Cesa-Bianchi, Gentile, Lugosi and Neu, "Boltzmann exploration done right", NIPS 2017, on its limits).

use serde::{Deserialize, Serialize};

use super::BanditError;
use super::error::check_setting;
use super::fading::Seen;
use super::tallied::{All, Scheme, Weigh};

/// Softmax over mean rewards, for rewards of any size and sign: a [`Scheme`].
///
/// An arm is chosen with a probability proportional to `exp(mean / temperature)`; one never shown counts with the mean
/// of all. It goes on exploring for ever, by how far means lie apart and not by how much is known of them. O(arms).
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Policy, Reward, Softmax, Tallied, Trial, Turn};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Tallied::new(2, Softmax { temperature: 0.5 })?;
/// policy.observe(&Trial::new(0, now), Reward::new(1.0)?)?;
/// policy.observe(&Trial::new(1, now), Reward::NONE)?;
/// let shares = policy.propensities(&Turn::new(Arms::first(2), now))?;
/// assert!((shares[0] / shares[1] - 2_f64.exp()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {
    /// By how much means have to differ for one arm to be chosen e times as often, in units of the reward, from 1e-9 to
    /// 1e9.
    pub temperature: f64,
}

impl Weigh for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn check(&self) -> Result<(), BanditError> {
        check_setting("temperature", self.temperature, 1e-9, 1e9)
    }

    fn takes_amounts(&self) -> bool {
        true
    }

    fn weigh(&self, seen: &[Seen], all: &All) -> Vec<f64> {
        let overall = all.seen.mean().unwrap_or(0.0);
        let worth = |seen: &Seen| all.worth(seen.mean().unwrap_or(overall));
        let mut shares: Vec<f64> = seen.iter().map(worth).collect();
        let top = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        shares.iter_mut().for_each(|share| *share = libm::exp((*share - top) / self.temperature));
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= total);
        shares
    }
}

impl From<Softmax> for Scheme {
    fn from(scheme: Softmax) -> Self {
        Self::Softmax(scheme)
    }
}
