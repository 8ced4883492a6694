//! Judging one policy, or two against each other, by a log of a third.

use serde::{Deserialize, Serialize};

use super::estimator::Influence;
use super::{Estimator, Log, OffPolicyError, Predicted, Target};
use crate::stats::{Alpha, Evidence, Interval, Moments};

/// How policies are judged, and when no answer is given.
///
/// ```
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::{Log, Logged, OffPolicy, OffPolicyError, Target};
/// // Two arms, drawn evenly; the second pays three times out of four, the first one time out of four.
/// let half = Propensity::new(0.5).unwrap();
/// let pays = |n: usize| if n % 2 == 1 { n % 8 != 1 } else { n % 8 == 0 };
/// let log = Log::new(2, (0..800).map(|n| Logged::new(n % 2, half, f64::from(u8::from(pays(n))))).collect())?;
///
/// let second = Target::from_fn(&log, |_| vec![0.0, 1.0])?;
/// let judge = OffPolicy::default();
/// let found = judge.estimate(&log, &second, None)?;
/// assert!((found.value - 0.75).abs() < 0.01 && found.interval.low < 0.75 && found.interval.high > 0.75);
/// assert_eq!((found.effective_size, found.largest_weight, found.positives), (400.0, 2.0, 300));
///
/// let mixed = Target::from_fn(&log, |_| vec![0.5, 0.5])?;
/// let gain = judge.compare(&log, &mixed, &second, None)?;
/// assert!((gain.difference.estimate() - 0.25).abs() < 0.01 && gain.interval.low > 0.15);
/// # Ok::<(), OffPolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OffPolicy {
    /// The estimator.
    pub estimator: Estimator,
    /// Below what no answer is given.
    pub guard: Guard,
    /// How sure intervals are.
    pub alpha: Alpha,
    /// In how many folds the log is split where predictions are needed and none are given; at least 2.
    pub folds: usize,
    /// The seed by which records are dealt to folds.
    pub seed: u64,
}

impl Default for OffPolicy {
    /// The default estimator and guard, intervals of 95 %, five folds.
    fn default() -> Self {
        Self { estimator: Estimator::default(), guard: Guard::default(), alpha: Alpha::USUAL, folds: 5, seed: 0 }
    }
}

/// What a log must have for a target to be judged by it: with less, errors cannot be told from the log either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// The least effective size.
    pub effective_size: u64,
    /// The least number of records with a reward above zero, and a weight above zero.
    pub positives: u64,
}

impl Guard {
    /// Every answer is given, also those that mean nothing: to look at how far off a log is.
    pub const NONE: Self = Self { effective_size: 0, positives: 0 };

    pub(super) fn check(self, effective_size: f64, positives: u64) -> Result<(), OffPolicyError> {
        // It is none where a weight is infinite. Exact: limits are far below 2^53.
        if effective_size.is_nan() || effective_size < self.effective_size as f64 {
            return Err(OffPolicyError::TooFewEffective { found: effective_size, needed: self.effective_size });
        }
        if positives < self.positives {
            return Err(OffPolicyError::TooFewPositive { found: positives, needed: self.positives });
        }
        Ok(())
    }
}

impl Default for Guard {
    /// Fifty of each.
    fn default() -> Self {
        Self { effective_size: 50, positives: 50 }
    }
}

/// What a policy is worth per decision, in units of the reward, and what that rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// How it was estimated.
    pub estimator: Estimator,
    /// The mean reward of a decision.
    pub value: f64,
    /// Its standard error: of the self-normalised estimators by the delta method. That of [`Estimator::Dm`] is the doubly
    /// robust one's, since the model's own error shows nowhere else; for it and [`Estimator::Switch`] bias comes on top.
    pub error: f64,
    /// Where the value is likely to lie.
    pub interval: Interval,
    /// For how many records of the target's own the log counts: (Σ w)² / Σ w² (Kish, "Survey Sampling", 1965).
    pub effective_size: f64,
    /// The largest weight: how many times as likely as the logged policy the target is to do what was done.
    pub largest_weight: f64,
    /// How many records there are.
    pub count: u64,
    /// How many have a reward above zero, and a weight above zero.
    pub positives: u64,
    /// The share of the target's choices that fall on arms the log does not have; see [`Target::unsupported`].
    pub unsupported: f64,
}

/// Two policies judged by the same records.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The first.
    pub first: Estimate,
    /// The second.
    pub second: Estimate,
    /// The second less the first. Its error is that of the difference record by record: what both share cancels.
    pub difference: Evidence,
    /// Where the difference is likely to lie.
    pub interval: Interval,
}

impl OffPolicy {
    /// What the target is worth. Predictions that are not given are [cross-fitted](Predicted::cross_fitted) where the
    /// estimator needs some.
    ///
    /// # Errors
    /// [`OffPolicyError::Length`] where target or predictions were made for a log of another shape,
    /// [`OffPolicyError::Folds`], [`OffPolicyError::NoOverlap`], [`OffPolicyError::TooFewEffective`] and
    /// [`OffPolicyError::TooFewPositive`] as the [`Guard`] says, and [`OffPolicyError::Undefined`] where nothing varies.
    pub fn estimate(
        &self,
        log: &Log,
        target: &Target,
        predicted: Option<&Predicted>,
    ) -> Result<Estimate, OffPolicyError> {
        let own = self.predictions(log, predicted)?;
        Ok(self.judge(log, target, own.as_ref().or(predicted))?.0)
    }

    /// What the second target is worth more than the first, by the same weights and predictions.
    ///
    /// # Errors
    /// As [`Self::estimate`] of either; [`OffPolicyError::Undefined`] if they never differ on the log.
    pub fn compare(
        &self,
        log: &Log,
        first: &Target,
        second: &Target,
        predicted: Option<&Predicted>,
    ) -> Result<Comparison, OffPolicyError> {
        let own = self.predictions(log, predicted)?;
        let predicted = own.as_ref().or(predicted);
        let (first, of_first) = self.judge(log, first, predicted)?;
        let (second, of_second) = self.judge(log, second, predicted)?;
        let apart: Moments =
            of_second.parts.iter().zip(&of_first.parts).map(|(second, first)| second - first).collect();
        let difference = Evidence::new(second.value - first.value, error(&apart), first.count)?;
        Ok(Comparison { first, second, interval: difference.interval(self.alpha), difference })
    }

    /// Cross-fitted predictions, if some are needed and none are given.
    fn predictions(&self, log: &Log, given: Option<&Predicted>) -> Result<Option<Predicted>, OffPolicyError> {
        match given {
            None if self.estimator.needs_model() => Predicted::cross_fitted(log, self.folds, self.seed).map(Some),
            Some(given) => given.check(log).map(|()| None),
            None => Ok(None),
        }
    }

    fn judge(
        &self,
        log: &Log,
        target: &Target,
        predicted: Option<&Predicted>,
    ) -> Result<(Estimate, Influence), OffPolicyError> {
        target.check(log)?;
        let of = |(row, record): (&[f64], &super::Logged)| row[record.arm] / record.propensity.value();
        let weights: Vec<f64> = target.rows().zip(log.records()).map(of).collect();
        let largest_weight = weights.iter().copied().fold(0.0, f64::max);
        if largest_weight <= 0.0 {
            return Err(OffPolicyError::NoOverlap);
        }
        let effective_size = effective(&weights, largest_weight);
        let positives = log.records().iter().zip(&weights).filter(|(record, w)| record.reward > 0.0 && **w > 0.0);
        let positives = positives.count() as u64;
        self.guard.check(effective_size, positives)?;
        let predicted = predicted.filter(|_| self.estimator.needs_model());
        let influence = self.estimator.apply(log, target, &weights, predicted);
        let evidence =
            Evidence::new(influence.value, error(&influence.parts.iter().copied().collect()), weights.len() as u64)?;
        let estimate = Estimate {
            estimator: self.estimator,
            value: evidence.estimate(),
            error: evidence.error(),
            interval: evidence.interval(self.alpha),
            effective_size,
            largest_weight,
            count: evidence.units(),
            positives,
            unsupported: target.unsupported(log),
        };
        Ok((estimate, influence))
    }
}

/// Kish's effective size. Weights as shares of the largest neither overflow nor underflow when squared.
pub(super) fn effective(weights: &[f64], largest: f64) -> f64 {
    let sums = weights
        .iter()
        .map(|weight| weight / largest)
        .fold((0.0, 0.0), |(sum, squares), share| (sum + share, squares + share * share));
    sums.0 * sums.0 / sums.1
}

/// The standard error of a mean.
pub(super) fn error(of: &Moments) -> f64 {
    // At least one.
    libm::sqrt(of.variance() / of.count() as f64)
}
