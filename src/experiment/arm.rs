//! One arm of an experiment as a metric sees it: how many units, its value, and the variance of a unit.
//!
//! Every metric reduces to this. The variance is that of one unit, so that the squared error of the value is
//! `variance / units`; for a ratio or a quantile it is what the delta method or the order statistics give.

use serde::{Deserialize, Serialize};

use crate::stats::undefined::finite;
use crate::stats::{Alpha, JointMoments, Moments, Proportion, Undefined, normal_upper_quantile};

/// A metric in one arm: units, value, and variance per unit.
///
/// ```
/// use bespoke::experiment::Arm;
/// use bespoke::stats::Proportion;
/// let arm = Arm::from(&Proportion::new(30, 100)?);
/// assert_eq!((arm.units(), arm.value(), arm.variance()), (100, 0.3, 0.21));
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    units: u64,
    value: f64,
    variance: f64,
}

impl Arm {
    /// So many units with this value, and this variance of a unit.
    ///
    /// # Errors
    /// [`Undefined::NotFinite`] or [`Undefined::NegativeVariance`].
    pub fn new(units: u64, value: f64, variance: f64) -> Result<Self, Undefined> {
        let (value, variance) = (finite(value)?, finite(variance)?);
        if variance < 0.0 {
            return Err(Undefined::NegativeVariance);
        }
        Ok(Self { units, value, variance })
    }

    /// A ratio of sums, number 0 over number 1, such as revenue per order where users are randomised: by the delta
    /// method (Deng, Knoblich and Lu, "Applying the delta method in metric analytics", 2018), per unit of
    /// randomisation.
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`], [`Undefined::ZeroBaseline`] for a denominator of zero, and [`Undefined::NotFinite`].
    ///
    /// ```
    /// use bespoke::experiment::Arm;
    /// use bespoke::stats::JointMoments;
    /// let mut orders = JointMoments::default();
    /// [[30.0, 2.0], [10.0, 1.0], [0.0, 1.0], [40.0, 2.0]].into_iter().for_each(|user| orders.observe(user));
    /// assert_eq!(Arm::ratio(&orders)?.value(), 80.0 / 6.0);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn ratio(sums: &JointMoments<2>) -> Result<Self, Undefined> {
        if sums.count() == 0 {
            return Err(Undefined::EmptyArm);
        }
        let (m, d) = (sums.mean(0), sums.mean(1));
        if d.abs() <= 0.0 {
            return Err(Undefined::ZeroBaseline);
        }
        // Rounding may take a perfectly correlated ratio below zero.
        Self::new(sums.count(), m / d, sums.variance_along(&[1.0 / d, -m / (d * d)]).max(0.0))
    }

    /// A quantile, from its estimate and where its own confidence interval lies, as a query over order statistics
    /// gives them (GrowthBook's convention): `star` is the sample size with which the ranks were computed.
    ///
    /// # Errors
    /// [`Undefined::BoundsOutOfOrder`], [`Undefined::OneUnit`] for fewer than two, and [`Undefined::NotFinite`].
    pub fn quantile(units: u64, star: u64, value: f64, low: f64, high: f64) -> Result<Self, Undefined> {
        if low > high {
            return Err(Undefined::BoundsOutOfOrder);
        }
        if units < 2 {
            return Err(Undefined::OneUnit);
        }
        let spread = (finite(high)? - finite(low)?) / (2.0 * Alpha::USUAL.z());
        Self::new(units, value, star as f64 / units as f64 * (units - 1) as f64 * spread * spread)
    }

    /// How many units there are.
    #[must_use]
    pub const fn units(&self) -> u64 {
        self.units
    }
    /// The metric's value.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }
    /// The variance of a unit.
    #[must_use]
    pub const fn variance(&self) -> f64 {
        self.variance
    }
    /// The squared standard error of the value.
    #[must_use]
    pub fn squared_error(&self) -> f64 {
        self.variance / self.units.max(1) as f64
    }
}

impl From<&Moments> for Arm {
    fn from(moments: &Moments) -> Self {
        Self { units: moments.count(), value: moments.mean(), variance: moments.variance() }
    }
}

impl From<&Proportion> for Arm {
    fn from(proportion: &Proportion) -> Self {
        Self { units: proportion.trials(), value: proportion.rate(), variance: proportion.variance() }
    }
}

/// The ranks, from 1, of the order statistics between which a quantile lies, by the normal approximation, and how
/// likely that is by the binomial distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileRanks {
    /// The rank of the lower end.
    pub low: u64,
    /// The rank of the upper end.
    pub high: u64,
    /// The exact probability that the quantile lies between them.
    pub coverage: f64,
}

impl QuantileRanks {
    /// For quantile `q` of a sample of `n`.
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`], or [`Undefined::Rate`] unless `q` lies between 0 and 1.
    ///
    /// ```
    /// use bespoke::{experiment::QuantileRanks, stats::Alpha};
    /// let ranks = QuantileRanks::new(1_000, 0.9, Alpha::USUAL)?;
    /// assert_eq!((ranks.low, ranks.high), (881, 919));
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn new(n: u64, q: f64, alpha: Alpha) -> Result<Self, Undefined> {
        if n == 0 {
            return Err(Undefined::EmptyArm);
        }
        if !(q > 0.0 && q < 1.0) {
            return Err(Undefined::Rate);
        }
        let count = n as f64;
        let reach = normal_upper_quantile(alpha.tail()) * libm::sqrt(count * q * (1.0 - q));
        // Casts from `f64` saturate, and the ends are cut to the sample.
        let low = (libm::floor(count * q - reach).max(1.0) as u64).min(n);
        let high = (libm::ceil(count * q + reach) as u64).clamp(1, n);
        let coverage = crate::stats::binomial_between(low, high.saturating_sub(1), n, q);
        Ok(Self { low, high, coverage })
    }
}
