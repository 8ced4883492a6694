//! The beta distribution: what is known of a rate after so many successes and failures.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{
    Alpha, Interval, StatsError,
    special::{LogOdds, Tails, log_odds, logistic, lower_quantile, regularized_beta, tails_at},
};

/// A beta distribution with parameters α and β, both from [`Beta::MIN`] to [`Beta::MAX`].
///
/// ```
/// use bespoke::stats::Beta;
/// let rate = Beta::new(1.0 + 30.0, 1.0 + 70.0)?; // 30 of 100, from a flat prior
/// assert!((rate.mean() - 31.0 / 102.0).abs() < 1e-15);
/// assert!(rate.quantile(0.025) > 0.21 && rate.quantile(0.975) < 0.40);
/// # Ok::<(), bespoke::stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct Beta {
    alpha: f64,
    beta: f64,
}

impl Beta {
    /// The smallest parameter.
    ///
    /// Below it most of the mass lies so near 0 and 1 that a double cannot tell it from them.
    pub const MIN: f64 = 0.1;
    /// The largest parameter. Beyond it a standard deviation is near what rounding does to a log-odds.
    pub const MAX: f64 = 1e12;

    /// The distribution with these parameters.
    ///
    /// # Errors
    /// [`StatsError::BetaParameter`] if one is below [`Self::MIN`], above [`Self::MAX`] or not a number.
    pub fn new(alpha: f64, beta: f64) -> Result<Self, StatsError> {
        match [alpha, beta].into_iter().find(|p| !(Self::MIN..=Self::MAX).contains(p)) {
            Some(found) => Err(StatsError::BetaParameter { found }),
            None => Ok(Self { alpha, beta }),
        }
    }

    /// The nearest distribution there is: scaled down to [`Self::MAX`] if too sharp, so that the mean stays.
    pub(crate) fn nearest(alpha: f64, beta: f64) -> Self {
        let scale = (Self::MAX / alpha.max(beta)).min(1.0);
        let cut = |p: f64| (p * scale).clamp(Self::MIN, Self::MAX);
        Self { alpha: cut(alpha), beta: cut(beta) }
    }

    /// The first parameter: successes, those of the prior included.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The second parameter: failures, those of the prior included.
    #[must_use]
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The expected rate, α / (α + β).
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// The variance, αβ / ((α + β)² (α + β + 1)).
    #[must_use]
    pub fn variance(&self) -> f64 {
        let n = self.alpha + self.beta;
        self.alpha / n * (self.beta / n) / (n + 1.0)
    }

    /// The natural log of the density at `x`: minus infinity outside [0, 1], infinity at an end where it diverges.
    #[must_use]
    pub fn ln_density(&self, x: f64) -> f64 {
        if !(0.0..=1.0).contains(&x) {
            return f64::NEG_INFINITY;
        }
        if x > 0.0 && x < 1.0 {
            // dt = dx / (x (1 - x))
            return self.log_odds().ln_density(log_odds(x)) - libm::log(x) - libm::log1p(-x);
        }
        let (here, there) = if x > 0.5 { (self.beta, self.alpha) } else { (self.alpha, self.beta) };
        match here.total_cmp(&1.0) {
            core::cmp::Ordering::Less => f64::INFINITY,
            core::cmp::Ordering::Equal => libm::log(there),
            core::cmp::Ordering::Greater => f64::NEG_INFINITY,
        }
    }

    /// The probability of a rate below `x`.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        self.tails(x).lower
    }

    /// The probability of a rate above `x`, accurate also where it is tiny.
    #[must_use]
    pub fn sf(&self, x: f64) -> f64 {
        self.tails(x).upper
    }

    /// The rate below which the probability is `p`, which is cut to [0, 1].
    ///
    /// Newton's method for the log of the smaller tail, on the scale of log-odds; some ten evaluations of the tails.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        if p.is_nan() || p <= 0.0 {
            0.0
        } else if p >= 1.0 {
            1.0
        } else if p <= 0.5 {
            logistic(lower_log_odds(&self.log_odds(), p))
        } else {
            // 1 - p is exact here.
            logistic(-lower_log_odds(&LogOdds::new(self.beta, self.alpha), 1.0 - p))
        }
    }

    /// The rate above which the probability is `tail`, which is cut to [0, 1]; also where one less it rounds.
    #[must_use]
    pub fn upper_quantile(&self, tail: f64) -> f64 {
        if tail > 0.0 && tail <= 0.5 {
            logistic(-lower_log_odds(&LogOdds::new(self.beta, self.alpha), tail))
        } else {
            self.quantile(1.0 - tail)
        }
    }

    /// Between which rates it lies, with equal tails on both sides.
    #[must_use]
    pub fn interval(&self, alpha: impl Into<Alpha>) -> Interval {
        let tail = alpha.into().tail();
        Interval { low: self.quantile(tail), high: self.upper_quantile(tail) }
    }

    /// Draws a rate.
    ///
    /// Two gamma variates by Marsaglia and Tsang (ACM TOMS 26, 2000), each from polar normals (Marsaglia and Bray,
    /// 1964). The stream of draws is this crate's own and pinned by a test. A few draws from `rng` on average.
    pub fn sample(&self, rng: &mut dyn Rng) -> f64 {
        let first = ln_gamma_variate(self.alpha, rng);
        let second = ln_gamma_variate(self.beta, rng);
        logistic(first - second)
    }

    pub(crate) fn log_odds(&self) -> LogOdds {
        LogOdds::new(self.alpha, self.beta)
    }

    fn tails(&self, x: f64) -> Tails {
        regularized_beta(self.alpha, self.beta, x)
    }
}

impl TryFrom<(f64, f64)> for Beta {
    type Error = StatsError;
    fn try_from((alpha, beta): (f64, f64)) -> Result<Self, StatsError> {
        Self::new(alpha, beta)
    }
}

impl From<Beta> for (f64, f64) {
    fn from(beta: Beta) -> Self {
        (beta.alpha, beta.beta)
    }
}

/// The log-odds below which the probability is `p`, at most one half.
fn lower_log_odds(beta: &LogOdds, p: f64) -> f64 {
    lower_quantile(beta.center, p, |t| tails_at(beta, t).lower, |t| beta.ln_density(t))
}

/// The log of a gamma variate of unit scale.
///
/// The log, because for a small shape the variate itself underflows.
fn ln_gamma_variate(shape: f64, rng: &mut dyn Rng) -> f64 {
    if shape < 1.0 {
        // Gamma(a) = Gamma(a + 1) U^(1/a)
        let above = ln_gamma_variate(shape + 1.0, rng);
        return above + libm::log(open_unit(rng)) / shape;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let z = normal(rng);
        let root = 1.0 + c * z;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        let u = open_unit(rng);
        if libm::log(u) < 0.5 * z * z + d - d * v + d * libm::log(v) {
            return libm::log(d) + libm::log(v);
        }
    }
}

/// A standard normal variate; the second of each pair is dropped, so that no state outlives the call.
fn normal(rng: &mut dyn Rng) -> f64 {
    loop {
        let x = 2.0 * open_unit(rng) - 1.0;
        let y = 2.0 * open_unit(rng) - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * libm::sqrt(-2.0 * libm::log(square) / square);
        }
    }
}

/// A uniform number in (0, 1): the middle of one of 2^52 equal parts.
fn open_unit(rng: &mut dyn Rng) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
}

#[cfg(test)]
mod tests;
