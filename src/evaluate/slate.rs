//! Judging who ranks: slates with a reward for each position.
//!
//! How a slate's probability counts depends on what the reward of a position is taken to depend on. With logged and
//! target probabilities p and π of the item at each position, a position's weight is the product of π / p over
//!
//! ```text
//! Standard      all positions            any reward may depend on the whole slate
//! Cascade       it and those before it   people read from the top (RIPS: McInerney, Brost, Chandar, Mehrotra and
//!                                        Carterette, "Counterfactual evaluation of slate recommendations with
//!                                        sequential reward interactions", KDD 2020)
//! Independent   it alone                 an item is judged by itself at its position (the item-position model of Li,
//!                                        Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen, "Offline evaluation of
//!                                        ranking policies with click models", KDD 2018)
//! ```
//!
//! The fewer positions count, the smaller the error, and the more is assumed. A slate is worth the sum of its rewards.
//! Cost: two passes over the positions.

use serde::{Deserialize, Serialize};

use super::estimator::Influence;
use super::off_policy::{effective, error};
use super::{Guard, OffPolicyError};
use crate::bandit::Reward;
use crate::decision::Propensity;
use crate::stats::{Alpha, Evidence, Interval, Moments};

/// One position of a logged slate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlatePosition {
    /// What was paid for it.
    pub reward: f64,
    /// With what probability the item stood there: given the items before it, as [`Ranked`](crate::decision::Ranked) has
    /// it; for [`SlateAssumption::Independent`] whatever they are.
    pub logged: Propensity,
    /// With what probability the target would have put the same item there, understood the same way; from 0 to 1.
    pub target: f64,
}

/// What the reward of a position is taken to depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlateAssumption {
    /// On the whole slate (SIPS).
    Standard,
    /// On the item and those before it (RIPS).
    #[default]
    Cascade,
    /// On the item and its position alone (IIPS).
    Independent,
}

/// Logged slates with what a target would have done; each from the top down, and of any length.
///
/// ```
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::{Guard, OffPolicyError, SlateAssumption, SlateLog, SlatePosition};
/// use bespoke::stats::Alpha;
/// // The target agrees with half of what was drawn evenly from two items, at the first position.
/// let slate = |n: usize| {
///     let half = Propensity::new(0.5).unwrap();
///     let first = SlatePosition { reward: (n % 3) as f64, logged: half, target: (n % 2) as f64 };
///     vec![first, SlatePosition { reward: 1.0, logged: Propensity::CERTAIN, target: 1.0 }]
/// };
/// let log = SlateLog::new((0..600).map(slate).collect())?;
/// let found = log.estimate(SlateAssumption::Cascade, true, Guard::default(), Alpha::USUAL)?;
/// assert!((found.value - 2.0).abs() < 1e-12);
/// assert_eq!((found.effective_size, found.largest_weight), (300.0, 2.0));
/// # Ok::<(), OffPolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SlateLog {
    slates: Vec<Vec<SlatePosition>>,
}

/// What a target's slates are worth, and what that rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlateEstimate {
    /// What rewards were taken to depend on.
    pub assumption: SlateAssumption,
    /// Whether weights were divided by their mean, position by position.
    pub normalised: bool,
    /// The mean reward of a slate, over all its positions.
    pub value: f64,
    /// Its standard error, by the delta method.
    pub error: f64,
    /// Where the value is likely to lie.
    pub interval: Interval,
    /// For how many slates of the target's own the log counts, at the position where it is least.
    pub effective_size: f64,
    /// The largest weight of a position.
    pub largest_weight: f64,
    /// How many slates there are.
    pub count: u64,
    /// How many positions have a reward above zero, and a weight above zero.
    pub positives: u64,
}

impl SlateLog {
    /// Checks the slates.
    ///
    /// # Errors
    /// [`OffPolicyError::Empty`], or of the first that does not fit: [`OffPolicyError::EmptySlate`] or
    /// [`OffPolicyError::SlateNumber`].
    pub fn new(slates: Vec<Vec<SlatePosition>>) -> Result<Self, OffPolicyError> {
        if slates.is_empty() {
            return Err(OffPolicyError::Empty);
        }
        for (at, slate) in slates.iter().enumerate() {
            if slate.is_empty() {
                return Err(OffPolicyError::EmptySlate { at });
            }
            for (position, of) in slate.iter().enumerate() {
                let wrong = |found| OffPolicyError::SlateNumber { at, position, found };
                if Reward::new(of.reward).is_err() {
                    return Err(wrong(of.reward));
                }
                if !(0.0..=1.0).contains(&of.target) {
                    return Err(wrong(of.target));
                }
            }
        }
        Ok(Self { slates })
    }

    /// The slates, in the order given; at least one, and none empty.
    #[must_use]
    pub fn slates(&self) -> &[Vec<SlatePosition>] {
        &self.slates
    }

    /// What the target's slates are worth. Dividing the weights by their mean at each position (`normalised`) makes the
    /// error smaller, and the estimate slightly biased where there are few slates.
    ///
    /// # Errors
    /// [`OffPolicyError::NoOverlap`] where no slate counts at some position, [`OffPolicyError::TooFewEffective`] and
    /// [`OffPolicyError::TooFewPositive`] as the guard says, and [`OffPolicyError::Undefined`] where nothing varies.
    pub fn estimate(
        &self,
        assumption: SlateAssumption,
        normalised: bool,
        guard: Guard,
        alpha: Alpha,
    ) -> Result<SlateEstimate, OffPolicyError> {
        let weights: Vec<Vec<f64>> = self.slates.iter().map(|slate| assumption.weights(slate)).collect();
        let longest = weights.iter().map(Vec::len).max().unwrap_or(0);
        let largest_weight = weights.iter().flatten().copied().fold(0.0, f64::max);
        // At each position: the mean weighted reward over the mean weight, and one over the mean weight.
        let (mut means, mut scales, mut effective_size) = (Vec::new(), Vec::new(), f64::INFINITY);
        for position in 0..longest {
            let of = |weights: &Vec<f64>| weights.get(position).copied();
            let there: Vec<f64> = weights.iter().filter_map(of).collect();
            let (sum, largest) = (there.iter().sum::<f64>(), there.iter().copied().fold(0.0, f64::max));
            if largest <= 0.0 {
                return Err(OffPolicyError::NoOverlap);
            }
            effective_size = effective_size.min(effective(&there, largest));
            let paid = self.slates.iter().zip(&weights).filter_map(|(slate, weights)| {
                slate.get(position).zip(weights.get(position)).map(|(of, weight)| of.reward * weight)
            });
            means.push(paid.sum::<f64>() / sum);
            scales.push(there.len() as f64 / sum);
        }
        let cells = || self.slates.iter().zip(&weights).flat_map(|(slate, weights)| slate.iter().zip(weights));
        let positives = cells().filter(|(of, weight)| of.reward > 0.0 && **weight > 0.0).count() as u64;
        guard.check(effective_size, positives)?;
        let part = |(slate, weights): (&Vec<SlatePosition>, &Vec<f64>)| {
            let plain = slate.iter().zip(weights).map(|(of, weight)| of.reward * weight);
            let shares = slate.iter().zip(weights).zip(means.iter().zip(&scales));
            let normal = shares.map(|((of, weight), (mean, scale))| mean + scale * weight * (of.reward - mean));
            if normalised { normal.sum::<f64>() } else { plain.sum() }
        };
        let influence = Influence::of(self.slates.iter().zip(&weights).map(part).collect());
        let of_mean: Moments = influence.parts.iter().copied().collect();
        let evidence = Evidence::new(influence.value, error(&of_mean), of_mean.count())?;
        Ok(SlateEstimate {
            assumption,
            normalised,
            value: evidence.estimate(),
            error: evidence.error(),
            interval: evidence.interval(alpha),
            effective_size,
            largest_weight,
            count: evidence.units(),
            positives,
        })
    }
}

impl SlateAssumption {
    /// The usual abbreviation, in lower case, without the `sn` of the self-normalised form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "sips",
            Self::Cascade => "rips",
            Self::Independent => "iips",
        }
    }

    /// The weight of each position.
    fn weights(self, slate: &[SlatePosition]) -> Vec<f64> {
        let own = slate.iter().map(|of| of.target / of.logged.value());
        match self {
            Self::Independent => own.collect(),
            Self::Standard => vec![own.product(); slate.len()],
            Self::Cascade => {
                let so_far = |product: &mut f64, of: f64| {
                    *product *= of;
                    Some(*product)
                };
                own.scan(1.0, so_far).collect()
            }
        }
    }
}
