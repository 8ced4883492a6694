//! What each arm would have paid at each record, as a model predicts it: what the direct and the doubly robust estimators
//! read.
//!
//! The model that is built in is the one of [`Contextual`](crate::bandit::Contextual): linear in the features, each arm's
//! coefficients shrunk towards what all arms have in common by as much as the rewards justify; without features these are
//! shrunk means of the arms. It is cross-fitted, so that no record is predicted from its own reward (Chernozhukov et al.,
//! "Double/debiased machine learning", The Econometrics Journal 21, 2018): a model that has seen a reward corrects it
//! less than it should.

use super::{Log, OffPolicyError};
use crate::bandit::Regression;
use crate::hash::combine;

/// The predicted reward of every arm, for every record of one log.
///
/// Memory: 8 bytes for each record and arm.
///
/// ```
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::{Log, Logged, OffPolicyError, Predicted};
/// let half = Propensity::new(0.5).unwrap();
/// let records = (0..400).map(|n| Logged::new(n % 2, half, if n % 2 == 1 { 3.0 } else { 1.0 + (n % 3) as f64 }));
/// let log = Log::new(2, records.collect())?;
/// let predicted = Predicted::cross_fitted(&log, 5, 0)?;
/// assert!((predicted.of(0)[0] - 2.0).abs() < 0.1 && (predicted.of(0)[1] - 3.0).abs() < 0.1);
/// # Ok::<(), OffPolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    arms: usize,
    rewards: Vec<f64>,
}

impl Predicted {
    /// The predictions of a model of one's own, record by record, each with all arms in order.
    ///
    /// # Errors
    /// [`OffPolicyError::Length`], or [`OffPolicyError::Prediction`] for one that is not finite.
    pub fn new(log: &Log, rewards: Vec<f64>) -> Result<Self, OffPolicyError> {
        let arms = log.arms();
        super::fits(log, arms, rewards.len())?;
        match rewards.iter().position(|of| !of.is_finite()) {
            Some(at) => Err(OffPolicyError::Prediction { at: at / arms, arm: at % arms, found: rewards[at] }),
            None => Ok(Self { arms, rewards }),
        }
    }

    /// Predicts each record by a model of the records in the other folds, to which a seed deals them out evenly at
    /// random; periods in the log do not matter. No prediction leaves the range of the rewards that were seen.
    ///
    /// Cost for n records, k arms, d features and f folds: n d² to learn, some 10 f k d³ to fit, n k d to predict.
    /// Memory while fitting: 8 f k d² bytes.
    ///
    /// # Errors
    /// [`OffPolicyError::Folds`] unless there are from 2 folds to one for each record.
    pub fn cross_fitted(log: &Log, folds: usize, seed: u64) -> Result<Self, OffPolicyError> {
        let records = log.records();
        if !(2..=records.len()).contains(&folds) {
            return Err(OffPolicyError::Folds { found: folds, records: records.len() });
        }
        let fold = dealt(records.len(), folds, seed);
        let mut parts = vec![Regression::new(log.arms(), log.features()); folds];
        for (record, fold) in records.iter().zip(&fold) {
            parts[*fold].observe(record.arm, &record.features, record.reward);
        }
        let model = |without: usize| {
            let mut rest = Regression::new(log.arms(), log.features());
            parts.iter().enumerate().filter(|(at, _)| *at != without).for_each(|(_, part)| rest.merge(part));
            rest.fit()
        };
        let models: Vec<_> = (0..folds).map(model).collect();
        let all = || records.iter().map(|record| record.reward);
        let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let mut rewards = Vec::with_capacity(records.len() * log.arms());
        for (record, fold) in records.iter().zip(&fold) {
            rewards.extend(models[*fold].expected(&record.features).map(|of| of.clamp(least, most)));
        }
        Self::new(log, rewards)
    }

    /// The predictions for all arms at a record; none of a record past the last.
    #[must_use]
    pub fn of(&self, record: usize) -> &[f64] {
        self.rewards.chunks_exact(self.arms).nth(record).unwrap_or_default()
    }

    /// All of them by record.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.rewards.chunks_exact(self.arms)
    }

    /// That they were made for a log of this shape.
    pub(super) fn check(&self, log: &Log) -> Result<(), OffPolicyError> {
        super::fits(log, self.arms, self.rewards.len())
    }
}

/// The fold of each record: in the order of a hash of seed and record, they take turns.
fn dealt(records: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..records).collect();
    order.sort_by_cached_key(|at| combine(&[seed, *at as u64]));
    let mut fold = vec![0; records];
    order.iter().enumerate().for_each(|(turn, at)| fold[*at] = turn % folds);
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 1,000 records with a period of five, each fold has 200; the period's first 200 would be in one fold by index,
    /// and are expected to be 40 in each here, with a standard deviation of 5.1; the bound is five of them.
    #[test]
    fn folds_are_even_and_know_no_period() {
        let fold = dealt(1_000, 5, 7);
        for of in 0..5 {
            let all = fold.iter().filter(|fold| **fold == of).count();
            let periodic = fold.iter().step_by(5).filter(|fold| **fold == of).count();
            assert!(all == 200 && periodic.abs_diff(40) <= 25, "{of}: {all} {periodic}");
        }
        assert_ne!(fold, dealt(1_000, 5, 8));
    }
}
