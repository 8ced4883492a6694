//! Intervals for a proportion, from successes and trials.
//!
//! Both kinds keep close to their level on average for every rate, small ones included, as the textbook interval
//! `p ± z √(pq/n)` does not (Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", 2001).

use serde::{Deserialize, Serialize};

use super::{Beta, StatsError, special::normal_upper_quantile};

/// A confidence level, strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Level(f64);

impl Level {
    /// The usual level of 0.95.
    pub const USUAL: Self = Self(0.95);

    /// Checks a level.
    ///
    /// # Errors
    /// [`StatsError::Level`] unless it lies strictly between 0 and 1.
    pub fn new(level: f64) -> Result<Self, StatsError> {
        if level > 0.0 && level < 1.0 { Ok(Self(level)) } else { Err(StatsError::Level { found: level }) }
    }

    /// The probability left out on each side.
    #[must_use]
    pub fn tail(self) -> f64 {
        0.5 * (1.0 - self.0)
    }
}

impl TryFrom<f64> for Level {
    type Error = StatsError;
    fn try_from(level: f64) -> Result<Self, StatsError> {
        Self::new(level)
    }
}

impl From<Level> for f64 {
    fn from(level: Level) -> Self {
        level.0
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
}

/// Wilson's score interval (1927; Brown, Cai and DasGupta, equation 4). No trials give [`Interval::WHOLE`].
///
/// # Errors
/// [`StatsError::MoreSuccessesThanTrials`].
///
/// ```
/// use bespoke::stats::{Level, wilson};
/// let interval = wilson(10, 100, Level::USUAL)?;
/// assert!((interval.low - 0.05523).abs() < 1e-5 && (interval.high - 0.17437).abs() < 1e-5);
/// # Ok::<(), bespoke::stats::StatsError>(())
/// ```
pub fn wilson(successes: u64, trials: u64, level: Level) -> Result<Interval, StatsError> {
    let Some((s, n)) = checked(successes, trials)? else { return Ok(Interval::WHOLE) };
    let z = normal_upper_quantile(level.tail());
    let z2 = z * z;
    let spread = z * libm::sqrt(s * ((n - s) / n) + 0.25 * z2);
    // At the ends the root cancels on paper, but not in floating point.
    let low = if successes == 0 { 0.0 } else { (s + 0.5 * z2 - spread) / (n + z2) };
    let high = if successes == trials { 1.0 } else { (s + 0.5 * z2 + spread) / (n + z2) };
    Ok(Interval { low: low.max(0.0), high: high.min(1.0) })
}

/// The Jeffreys interval: equal tails of the posterior under Beta(1/2, 1/2) (Brown, Cai and DasGupta, section 4.3).
///
/// As they advise, the lower end is 0 if nothing succeeded, the upper 1 if everything did. No trials give
/// [`Interval::WHOLE`].
///
/// # Errors
/// [`StatsError::MoreSuccessesThanTrials`].
///
/// ```
/// use bespoke::stats::{Interval, Level, jeffreys};
/// assert_eq!(jeffreys(0, 0, Level::USUAL)?, Interval::WHOLE);
/// let interval = jeffreys(0, 10, Level::USUAL)?;
/// assert_eq!(interval.low, 0.0);
/// assert!((interval.high - 0.21720).abs() < 1e-4);
/// # Ok::<(), bespoke::stats::StatsError>(())
/// ```
pub fn jeffreys(successes: u64, trials: u64, level: Level) -> Result<Interval, StatsError> {
    let Some((s, n)) = checked(successes, trials)? else { return Ok(Interval::WHOLE) };
    let posterior = Beta::nearest(s + 0.5, n - s + 0.5);
    let low = if successes == 0 { 0.0 } else { posterior.quantile(level.tail()) };
    let high = if successes == trials { 1.0 } else { posterior.quantile(1.0 - level.tail()) };
    Ok(Interval { low, high })
}

fn checked(successes: u64, trials: u64) -> Result<Option<(f64, f64)>, StatsError> {
    if successes > trials {
        return Err(StatsError::MoreSuccessesThanTrials { successes, trials });
    }
    // Beyond 2^53 a count is rounded by a part in 10^16, which no interval shows.
    Ok((trials > 0).then_some((successes as f64, trials as f64)))
}
