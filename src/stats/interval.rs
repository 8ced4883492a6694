//! Intervals, how sure they are, and those of a proportion, from successes and trials.
//!
//! Wilson's and the Jeffreys interval keep close to their level on average for every rate, small ones included, as the textbook interval
//! `p ± z √(pq/n)` does not (Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", 2001).

use serde::{Deserialize, Serialize};

use super::{Beta, Undefined, normal_upper_quantile};

/// How often a test may find something where nothing is, strictly between 0 and 1: of 0.05, intervals hold
/// 95 of 100 times.
///
/// ```
/// use bespoke::stats::Alpha;
/// assert_eq!(Alpha::new(0.05)?.tail(), 0.025);
/// assert!(Alpha::new(1.0).is_err());
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Alpha(f64);

impl Alpha {
    /// The usual 0.05.
    pub const USUAL: Self = Self(0.05);

    /// Checks an error rate.
    ///
    /// # Errors
    /// [`Undefined::Alpha`] unless it lies strictly between 0 and 1.
    pub fn new(alpha: f64) -> Result<Self, Undefined> {
        if alpha > 0.0 && alpha < 1.0 { Ok(Self(alpha)) } else { Err(Undefined::Alpha) }
    }

    /// The error rate of both sides together.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }

    /// The error rate of each side.
    #[must_use]
    pub fn tail(self) -> f64 {
        0.5 * self.0
    }

    /// By how many standard errors a normal estimate is off on either side so often.
    #[must_use]
    pub fn z(self) -> f64 {
        normal_upper_quantile(self.tail())
    }
}

impl TryFrom<f64> for Alpha {
    type Error = Undefined;
    fn try_from(alpha: f64) -> Result<Self, Undefined> {
        Self::new(alpha)
    }
}

impl From<Alpha> for f64 {
    fn from(alpha: Alpha) -> Self {
        alpha.0
    }
}

/// From where to where a quantity is likely to lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// All that a proportion can be: what no trials tell.
    pub const WHOLE: Self = Self { low: 0.0, high: 1.0 };

    /// As far below as above.
    pub(crate) fn around(center: f64, reach: f64) -> Self {
        Self { low: center - reach, high: center + reach }
    }
}

/// Wilson's score interval (1927; Brown, Cai and DasGupta, equation 4). No trials give [`Interval::WHOLE`].
///
/// # Errors
/// [`Undefined::MoreSuccessesThanUnits`].
///
/// ```
/// use bespoke::stats::{Alpha, wilson};
/// let interval = wilson(10, 100, Alpha::USUAL)?;
/// assert!((interval.low - 0.05523).abs() < 1e-5 && (interval.high - 0.17437).abs() < 1e-5);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn wilson(successes: u64, trials: u64, alpha: Alpha) -> Result<Interval, Undefined> {
    let Some((s, n)) = checked(successes, trials)? else { return Ok(Interval::WHOLE) };
    let z = alpha.z();
    let z2 = z * z;
    let spread = z * libm::sqrt(s * ((n - s) / n) + 0.25 * z2);
    // At the ends the root cancels on paper, but not in floating point.
    let low = if successes == 0 { 0.0 } else { (s + 0.5 * z2 - spread) / (n + z2) };
    let high = if successes == trials { 1.0 } else { (s + 0.5 * z2 + spread) / (n + z2) };
    Ok(Interval { low: low.max(0.0), high: high.min(1.0) })
}

/// The Jeffreys interval: equal tails of the posterior under Beta(1/2, 1/2) (Brown, Cai and DasGupta, section 4.3).
///
/// As they advise, the lower end is 0 if nothing succeeded, the upper 1 if everything did; [`Beta::interval`] gives
/// the tails without that. No trials give [`Interval::WHOLE`].
///
/// # Errors
/// [`Undefined::MoreSuccessesThanUnits`].
///
/// ```
/// use bespoke::stats::{Interval, Alpha, jeffreys};
/// assert_eq!(jeffreys(0, 0, Alpha::USUAL)?, Interval::WHOLE);
/// let interval = jeffreys(0, 10, Alpha::USUAL)?;
/// assert_eq!(interval.low, 0.0);
/// assert!((interval.high - 0.21720).abs() < 1e-4);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn jeffreys(successes: u64, trials: u64, alpha: Alpha) -> Result<Interval, Undefined> {
    let Some((s, n)) = checked(successes, trials)? else { return Ok(Interval::WHOLE) };
    let tails = Beta::nearest(s + 0.5, n - s + 0.5).interval(alpha);
    let low = if successes == 0 { 0.0 } else { tails.low };
    let high = if successes == trials { 1.0 } else { tails.high };
    Ok(Interval { low, high })
}

/// The exact interval of Clopper and Pearson (1934), which is never too short and often too long. No trials give
/// [`Interval::WHOLE`].
///
/// # Errors
/// [`Undefined::MoreSuccessesThanUnits`].
///
/// ```
/// use bespoke::stats::{Alpha, clopper_pearson};
/// // R: binom.test(20, 20)$conf.int
/// let interval = clopper_pearson(20, 20, Alpha::USUAL)?;
/// assert!((interval.low - 0.831_566_5).abs() < 1e-7 && interval.high == 1.0);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn clopper_pearson(successes: u64, trials: u64, alpha: Alpha) -> Result<Interval, Undefined> {
    let Some((s, n)) = checked(successes, trials)? else { return Ok(Interval::WHOLE) };
    let tail = alpha.tail();
    let low = if successes == 0 { 0.0 } else { Beta::nearest(s, n - s + 1.0).quantile(tail) };
    let high = if successes == trials { 1.0 } else { Beta::nearest(s + 1.0, n - s).upper_quantile(tail) };
    Ok(Interval { low, high })
}

/// The interval of Agresti and Coull (1998): the textbook form around Wilson's center, cut to [0, 1]. No trials give
/// [`Interval::WHOLE`].
///
/// # Errors
/// [`Undefined::MoreSuccessesThanUnits`].
pub fn agresti_coull(successes: u64, trials: u64, alpha: Alpha) -> Result<Interval, Undefined> {
    let Some((s, n)) = checked(successes, trials)? else { return Ok(Interval::WHOLE) };
    let z = alpha.z();
    let n = n + z * z;
    let center = (s + 0.5 * z * z) / n;
    let whole = Interval::around(center, z * libm::sqrt(center * (1.0 - center) / n));
    Ok(Interval { low: whole.low.max(0.0), high: whole.high.min(1.0) })
}

fn checked(successes: u64, trials: u64) -> Result<Option<(f64, f64)>, Undefined> {
    if successes > trials {
        return Err(Undefined::MoreSuccessesThanUnits);
    }
    // Beyond 2^53 a count is rounded by a part in 10^16, which no interval shows.
    Ok((trials > 0).then_some((successes as f64, trials as f64)))
}
