//! What one arm did on one metric: sufficient statistics that take in units one at a time, or a warehouse's aggregates.
//!
//! Units are what is randomised (users, devices): a tally takes in each unit once, with all it did. Both ways give the
//! same answer up to rounding, tallies of shards merge, and what they hold does not grow. A unit costs a few
//! nanoseconds.

use serde::{Deserialize, Serialize};

use super::{Adjusted, Arm, difference};
use crate::state::State;
use crate::stats::{Evidence, JointMoments, Moments, Proportion, Undefined};

/// The statistics of one arm, by the kind of metric.
///
/// ```
/// use bespoke::experiment::Tally;
/// use bespoke::state::State;
/// use bespoke::stats::Moments;
/// let mut seen = Tally::Mean(Moments::default());
/// [3.0, 4.0, 8.0].into_iter().for_each(|revenue| seen.observe(&[revenue]));
/// let told = Tally::Mean(Moments::from_sums(3.0, 15.0, 89.0)?);
/// assert_eq!(seen.arm()?, told.arm()?);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tally {
    /// The share of units that did something.
    Rate(Proportion),
    /// A number per unit.
    Mean(Moments),
    /// A number per unit, and a covariate from before the experiment.
    MeanGiven(JointMoments<2>),
    /// A sum over another, such as revenue over orders: numerator and denominator of each unit.
    Ratio(JointMoments<2>),
    /// The same with numerator and denominator from before the experiment as covariate.
    RatioGiven(JointMoments<4>),
}

impl Tally {
    /// Takes in a unit: as many numbers as the kind needs. Fewer count as zero, and more as nothing; a rate counts any
    /// number but zero as done. A unit with a number that is not finite is left out.
    #[inline]
    pub fn observe(&mut self, unit: &[f64]) {
        let at = |i: usize| unit.get(i).copied().unwrap_or(0.0);
        if !unit.iter().all(|number| number.is_finite()) {
            return;
        }
        match self {
            Self::Rate(seen) => seen.observe(at(0).abs() > 0.0),
            Self::Mean(seen) => seen.observe(at(0)),
            Self::MeanGiven(seen) | Self::Ratio(seen) => seen.observe([at(0), at(1)]),
            Self::RatioGiven(seen) => seen.observe([at(0), at(1), at(2), at(3)]),
        }
    }

    /// How many units there were.
    #[must_use]
    pub const fn units(&self) -> u64 {
        match self {
            Self::Rate(seen) => seen.trials(),
            Self::Mean(seen) => seen.count(),
            Self::MeanGiven(seen) | Self::Ratio(seen) => seen.count(),
            Self::RatioGiven(seen) => seen.count(),
        }
    }

    /// The metric's value, without its covariate.
    ///
    /// # Errors
    /// As [`Arm::ratio`].
    pub fn arm(&self) -> Result<Arm, Undefined> {
        match self {
            Self::Rate(seen) => Ok(Arm::from(seen)),
            Self::Mean(seen) => Ok(Arm::from(seen)),
            Self::MeanGiven(seen) => Ok(Arm::from(&seen.moments(0))),
            Self::Ratio(seen) => Arm::ratio(seen),
            Self::RatioGiven(seen) => Arm::ratio(&seen.part([0, 1])),
        }
    }

    /// The difference between two arms, adjusted for the covariate where there is one.
    ///
    /// # Errors
    /// As [`difference`], and [`Undefined::LengthMismatch`] for tallies of two kinds.
    pub fn difference(control: &Self, treatment: &Self) -> Result<Evidence, Undefined> {
        match (control, treatment) {
            (Self::MeanGiven(a), Self::MeanGiven(b)) => Ok(Adjusted::mean(a, b)?.difference),
            (Self::RatioGiven(a), Self::RatioGiven(b)) => Ok(Adjusted::ratio(a, b)?.difference),
            (a, b) if core::mem::discriminant(a) == core::mem::discriminant(b) => difference(&a.arm()?, &b.arm()?),
            _ => Err(Undefined::LengthMismatch),
        }
    }
}

impl State for Tally {
    const KIND: &'static str = "experiment-tally";
    const VERSION: u16 = 1;

    /// Takes in what another shard has seen of the same arm and metric; a tally of another kind counts as nothing. Sums
    /// are equal up to rounding whatever the order.
    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Rate(ours), Self::Rate(theirs)) => ours.merge(theirs),
            (Self::Mean(ours), Self::Mean(theirs)) => ours.merge(theirs),
            (Self::MeanGiven(ours), Self::MeanGiven(theirs)) | (Self::Ratio(ours), Self::Ratio(theirs)) => {
                ours.merge(theirs);
            }
            (Self::RatioGiven(ours), Self::RatioGiven(theirs)) => ours.merge(theirs),
            _ => {}
        }
    }
}
