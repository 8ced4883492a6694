//! Why nothing can be inferred: reasons that a program can match on.

use serde::{Deserialize, Serialize};

/// Why an analysis has no answer.
///
/// Input for which no inference is defined (an empty arm, no variance, a number that is none) is refused with one of
/// these, and never answered with a NaN. [`Undefined::name`] is the short name that reports and logs carry.
///
/// ```
/// use bespoke::stats::{Moments, Evidence, Undefined};
/// let (one, some) = (Moments::new(1, 2.0, 0.0)?, Moments::new(5, 1.8, 0.95)?);
/// assert_eq!(Evidence::of_means(&one, &some), Err(Undefined::OneUnit));
/// # Ok::<(), Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Undefined {
    /// Nothing varies, so that chance has no size.
    #[error("nothing varies, so that no difference can be told from chance; at least one arm must vary")]
    ZeroVariance,
    /// An arm holds nobody.
    #[error("an arm is empty; each needs units")]
    EmptyArm,
    /// An arm holds one unit, which has no variance.
    #[error("an arm has one unit; a variance needs two")]
    OneUnit,
    /// What the control does is zero, so that nothing is relative to it.
    #[error("the control's value is zero; a relative lift needs another")]
    ZeroBaseline,
    /// A log-ratio or a baseline needs values above zero.
    #[error("a value is zero or below; a ratio needs both above zero")]
    NotPositive,
    /// No arm is to get anybody.
    #[error("no arm expects traffic; one weight must be above zero")]
    NoTraffic,
    /// Nobody was counted.
    #[error("nobody was counted; at least one unit is needed")]
    NoUnits,
    /// There is nothing to compare with.
    #[error("fewer than two arms are left; a comparison needs two")]
    OneArm,
    /// An experiment without variations assigns nobody.
    #[error("there are no variations; at least one is needed")]
    NoVariations,
    /// A number is infinite or not a number.
    #[error("a number is not finite")]
    NotFinite,
    /// A p-value is not a number.
    #[error("a p-value is not a number; it lies from 0 to 1")]
    NanP,
    /// A p-value lies outside 0 and 1.
    #[error("a p-value is out of range; it lies from 0 to 1")]
    OutOfRangeP,
    /// An error rate lies outside 0 and 1.
    #[error("alpha is out of range; it lies between 0 and 1, such as 0.05")]
    Alpha,
    /// A power does not lie between alpha and 1.
    #[error("the power is out of range; it lies between alpha and 1, such as 0.8")]
    Power,
    /// A rate lies outside 0 and 1.
    #[error("a rate is out of range; it lies between 0 and 1")]
    Rate,
    /// What is to be a rate is neither done nor not done.
    #[error("a unit of a rate is neither 0 nor 1; for other numbers let the metric be a mean")]
    NotZeroOrOne,
    /// More units succeeded than there were.
    #[error("more successes than units; they are at most as many")]
    MoreSuccessesThanUnits,
    /// A count is negative or broken.
    #[error("a count is not a whole number from 0")]
    NotACount,
    /// A variance is below zero.
    #[error("a variance is negative; sums of squares are at least the square of the sum over n")]
    NegativeVariance,
    /// A weight is below zero or not finite.
    #[error("a weight is negative or not finite")]
    BadWeight,
    /// Lists that belong together have different lengths.
    #[error("lists that belong together have different lengths")]
    LengthMismatch,
    /// A parameter lies where its distribution is not defined.
    #[error("a parameter is out of range; it is finite and above zero")]
    Parameter,
    /// Nothing is to be detected.
    #[error("the effect to detect is zero; no number of units finds that")]
    NoEffect,
    /// A quantile is asked of sums, which do not know it.
    #[error("a quantile is asked of sums, which do not tell it; observe the units themselves")]
    QuantileOfSums,
    /// Sums are larger than those of capped numbers can be.
    #[error("a sum is above the cap times the units; cap each unit before adding up")]
    AboveCap,
    /// Looks are not in order.
    #[error("looks are out of order; information rises from above 0")]
    LooksOutOfOrder,
    /// A quantile lies outside its own bounds.
    #[error("a bound is out of order; the lower is at most the upper")]
    BoundsOutOfOrder,
    /// No customer bought again.
    #[error("nobody bought again, so that the parameters are not identified")]
    NoRepeats,
    /// Purchases after the end of observation.
    #[error("a customer's last purchase is after the end of its observation")]
    RecencyAfterEnd,
    /// The likelihood has no maximum inside its parameters' range.
    #[error("the likelihood has no maximum at finite parameters; more customers, or more varied ones, are needed")]
    NoMaximum,
}

impl Undefined {
    /// The reason in a few words, for reports and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZeroVariance => "zero variance",
            Self::EmptyArm => "empty arm",
            Self::OneUnit => "arm with one unit",
            Self::ZeroBaseline => "zero baseline",
            Self::NotPositive => "not positive",
            Self::NoTraffic => "no expected traffic",
            Self::NoUnits => "no units",
            Self::OneArm => "fewer than two arms",
            Self::NoVariations => "no variations",
            Self::NotFinite => "not finite",
            Self::NanP => "NaN p",
            Self::OutOfRangeP => "p out of range",
            Self::Alpha => "alpha out of range",
            Self::Power => "power out of range",
            Self::Rate => "rate out of range",
            Self::NotZeroOrOne => "neither 0 nor 1",
            Self::MoreSuccessesThanUnits => "more successes than units",
            Self::NotACount => "not a count",
            Self::NegativeVariance => "negative variance",
            Self::BadWeight => "negative weight",
            Self::LengthMismatch => "lengths differ",
            Self::Parameter => "parameter out of range",
            Self::NoEffect => "no effect",
            Self::QuantileOfSums => "quantile of sums",
            Self::AboveCap => "sums above the cap",
            Self::LooksOutOfOrder => "looks out of order",
            Self::BoundsOutOfOrder => "bounds out of order",
            Self::NoRepeats => "no repeat purchases: parameters not identified",
            Self::RecencyAfterEnd => "recency after end",
            Self::NoMaximum => "no maximum",
        }
    }
}

/// The number, if it is finite.
pub(crate) fn finite(number: f64) -> Result<f64, Undefined> {
    if number.is_finite() { Ok(number) } else { Err(Undefined::NotFinite) }
}

/// The number, if it is finite and above zero.
pub(crate) fn positive(number: f64) -> Result<f64, Undefined> {
    if number > 0.0 && number.is_finite() { Ok(number) } else { Err(Undefined::Parameter) }
}

/// A count that came as a floating-point number, as aggregates from a warehouse do.
pub(crate) fn count(number: f64) -> Result<u64, Undefined> {
    // Up to 2^53 every whole number is exact.
    let whole = (0.0..=9_007_199_254_740_992.0).contains(&number) && libm::trunc(number).total_cmp(&number).is_eq();
    if whole { Ok(number as u64) } else { Err(Undefined::NotACount) }
}
