//! Takes the arm with the best mean, and now and then any arm (Sutton and Barto, Reinforcement Learning, section 2.2).

use serde::{Deserialize, Serialize};

use super::BanditError;
use super::error::check_setting;
use super::fading::Seen;
use super::tallied::{All, Scheme, Weigh};

/// ε-greedy, for rewards of any size and sign: a [`Scheme`].
///
/// With probability ε any eligible arm is chosen, all being equally likely; otherwise the one with the highest mean
/// reward per exposure. An arm never shown goes before all others, since nothing speaks against it, and ties share
/// evenly: a greedy arm of `t` among `k` has propensity `ε/k + (1 − ε)/t`, another `ε/k`. O(arms).
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, EpsilonGreedy, Policy, Reward, Tallied, Trial, Turn};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Tallied::new(2, EpsilonGreedy { epsilon: 0.5 })?;
/// policy.observe(&Trial::new(0, now), Reward::new(19.90)?)?;
/// policy.observe(&Trial::new(1, now), Reward::NONE)?;
/// assert_eq!(policy.propensities(&Turn::new(Arms::first(2), now))?, [0.75, 0.25]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpsilonGreedy {
    /// The share of choices that explore, from 0 to 1.
    pub epsilon: f64,
}

impl Weigh for EpsilonGreedy {
    fn name(&self) -> &'static str {
        "epsilon_greedy"
    }

    fn check(&self) -> Result<(), BanditError> {
        check_setting("epsilon", self.epsilon, 0.0, 1.0)
    }

    fn takes_amounts(&self) -> bool {
        true
    }

    fn weigh(&self, seen: &[Seen], all: &All) -> Vec<f64> {
        let worth = |seen: &Seen| seen.mean().map_or(f64::INFINITY, |mean| all.worth(mean));
        let any = self.epsilon / seen.len() as f64;
        let mut shares: Vec<f64> = seen.iter().map(worth).collect();
        highest(&mut shares);
        shares.iter_mut().for_each(|share| *share = any + (1.0 - self.epsilon) * *share);
        shares
    }

    fn is_deterministic(&self) -> bool {
        self.epsilon <= 0.0
    }
}

impl From<EpsilonGreedy> for Scheme {
    fn from(scheme: EpsilonGreedy) -> Self {
        Self::EpsilonGreedy(scheme)
    }
}

/// Turns scores, which are numbers, into the shares of those that are the highest, evenly.
pub(super) fn highest(scores: &mut [f64]) {
    // Not `f64::max`, which would look for what is no number.
    let top = scores.iter().fold(f64::NEG_INFINITY, |top, score| if *score > top { *score } else { top });
    let count = scores.iter().filter(|score| **score >= top).count().max(1);
    let share = 1.0 / count as f64;
    scores.iter_mut().for_each(|score| *score = if *score >= top { share } else { 0.0 });
}
