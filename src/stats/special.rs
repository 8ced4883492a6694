//! The regularised incomplete beta function, and the scale of log-odds on which it is easy.
//!
//! Densities use the saddle-point form of Loader ("Fast and accurate computation of binomial probabilities", 2000): the
//! height of the peak from Stirling's corrections, and the fall from it by `expm1` and `log1p`. The textbook form
//! subtracts numbers of the size of `a ln a` and loses as many digits as they have.

use super::quadrature::{NODES, WEIGHTS};

/// A beta distribution seen on the scale of log-odds, `t = ln(x / (1 - x))`.
///
/// Its density there is `x^a (1-x)^b / B(a, b)`: log-concave, with the peak at `ln(a / b)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogOdds {
    a: f64,
    b: f64,
    /// Where the peak is.
    pub(crate) center: f64,
    /// The log of the density at the peak.
    pub(crate) ln_peak: f64,
}

impl LogOdds {
    pub(crate) fn new(a: f64, b: f64) -> Self {
        let n = a + b;
        // ln[p^a q^b / B(a, b)] with p = a/n, where the terms in `a ln a` cancel on paper.
        let ln_peak = 0.5 * (libm::log(a / n * b) - LN_2PI) + stirling(n) - stirling(a) - stirling(b);
        Self { a, b, center: libm::log(a / b), ln_peak }
    }

    /// By how much the log density at `t` is below the peak.
    pub(crate) fn drop(&self, t: f64) -> f64 {
        let n = self.a + self.b;
        let s = t - self.center;
        // The smaller side, so that what cancels is small.
        if self.a <= self.b { n * ln_mix(self.a / n, s) - self.a * s } else { n * ln_mix(self.b / n, -s) + self.b * s }
    }

    /// The slope of the log density at `t`.
    pub(crate) fn slope(&self, t: f64) -> f64 {
        self.a * logistic(-t) - self.b * logistic(t)
    }

    /// The log of the density at `t`.
    pub(crate) fn ln_density(&self, t: f64) -> f64 {
        self.ln_peak - self.drop(t)
    }

    /// The point on the left (`sign` = -1) or right (+1) where the log density is `depth` below the peak; a little
    /// further out rather than in, to about 1e-3 of `depth`.
    pub(crate) fn reach(&self, depth: f64, sign: f64) -> f64 {
        let mut t = self.center + sign * libm::sqrt(2.0 * depth * (1.0 / self.a + 1.0 / self.b));
        // The drop is convex: after one step Newton's method comes from outside and does not leave it.
        for _ in 0..60 {
            let excess = self.drop(t) - depth;
            if (0.0..=1e-3 * depth).contains(&excess) {
                break;
            }
            t += excess / self.slope(t);
        }
        t
    }

    /// Parameters, for code that shares the work between several distributions.
    pub(crate) fn parameters(&self) -> (f64, f64) {
        (self.a, self.b)
    }

    /// The mass below `t` by quadrature outwards, for parameters so large that the continued fraction is slow.
    fn lower_by_quadrature(&self, t: f64) -> f64 {
        let width = 1.5 * libm::sqrt(1.0 / self.a + 1.0 / self.b);
        let (mut top, mut sum) = (t, 0.0);
        let floor = self.drop(t).max(0.0) + 45.0;
        while self.drop(top) < floor || top > self.center {
            // Far out the density falls faster than at the peak, by its slope.
            let h = 0.5 * width.min(6.0 / self.slope(top).abs().max(f64::MIN_POSITIVE));
            for (node, weight) in NODES.iter().zip(WEIGHTS) {
                sum += h * weight * libm::exp(self.ln_density(top + h * (node - 1.0)));
            }
            top -= 2.0 * h;
        }
        sum
    }
}

/// The two tails of a distribution at a point; they sum to one, and each is accurate on its own where it is small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// The probability of less.
    pub lower: f64,
    /// The probability of more.
    pub upper: f64,
}

/// Both tails of the regularised incomplete beta function `I_x(a, b)`, at the log-odds of `x`.
pub(crate) fn tails_at(beta: &LogOdds, t: f64) -> Tails {
    let (a, b) = (beta.a, beta.b);
    let mirrored = LogOdds { a: b, b: a, center: -beta.center, ln_peak: beta.ln_peak };
    if a > LARGE && b > LARGE {
        return if t <= beta.center {
            let lower = beta.lower_by_quadrature(t).min(1.0);
            Tails { lower, upper: 1.0 - lower }
        } else {
            let upper = mirrored.lower_by_quadrature(-t).min(1.0);
            Tails { lower: 1.0 - upper, upper }
        };
    }
    // x <= (a + 1) / (a + b + 2), without rounding x near one.
    if (b + 1.0) * logistic(t) <= (a + 1.0) * logistic(-t) {
        let lower = lower_by_fraction(beta, t);
        Tails { lower, upper: 1.0 - lower }
    } else {
        let upper = lower_by_fraction(&mirrored, -t);
        Tails { lower: 1.0 - upper, upper }
    }
}

/// The regularised incomplete beta function `I_x(a, b)` and its complement.
///
/// `x` is cut to [0, 1]. The smaller tail is computed itself, by the continued fraction of Didonato
/// and Morris (ACM TOMS 18, 1992, equation 9) or, where both parameters exceed 3,000, by quadrature; it is good to about
/// 1e-13 for parameters up to a thousand, and loses digits with their square root.
///
/// ```
/// // I_x(1, b) = 1 - (1 - x)^b
/// let tails = bespoke::stats::regularized_beta(1.0, 2.0, 0.5);
/// assert!((tails.lower - 0.75).abs() < 1e-15 && (tails.upper - 0.25).abs() < 1e-15);
/// ```
#[must_use]
pub fn regularized_beta(a: f64, b: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails { lower: 0.0, upper: 1.0 };
    }
    if x >= 1.0 {
        return Tails { lower: 1.0, upper: 0.0 };
    }
    tails_at(&LogOdds::new(a, b), log_odds(x))
}

/// The point below which the mass is `p`, at most one half, of a distribution whose density is log-concave: Newton's
/// method for the log of its lower tail, from `start`.
pub(crate) fn lower_quantile(start: f64, p: f64, lower: impl Fn(f64) -> f64, ln_density: impl Fn(f64) -> f64) -> f64 {
    let target = libm::log(p);
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut t = start;
    for _ in 0..200 {
        let mass = lower(t);
        let off = libm::log(mass) - target;
        if off > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let step = off * mass / libm::exp(ln_density(t));
        let next = t - step;
        if step.abs() <= 4e-16 * (1.0 + t.abs()) {
            return next;
        }
        // A tail that underflows gives no slope; halving towards the last point that had one always works.
        t = if next > low && next < high { next } else { 0.5 * (low.max(high - 1e3) + high.min(low + 1e3)) };
        if high - low <= 4e-16 * (1.0 + t.abs()) {
            break;
        }
    }
    t
}

/// `1 / (1 + e^-t)`, accurate at both ends.
pub(crate) fn logistic(t: f64) -> f64 {
    if t >= 0.0 {
        1.0 / (1.0 + libm::exp(-t))
    } else {
        let e = libm::exp(t);
        e / (1.0 + e)
    }
}

/// `ln(x / (1 - x))` for `x` in (0, 1).
pub(crate) fn log_odds(x: f64) -> f64 {
    // Near one half the quotient is near one, and its log would be that of a rounded number.
    if (0.25..=0.75).contains(&x) { libm::log1p((2.0 * x - 1.0) / (1.0 - x)) } else { libm::log(x / (1.0 - x)) }
}

/// `ln(1 - p + p e^s)`.
pub(crate) fn ln_mix(p: f64, s: f64) -> f64 {
    // Past 700 `e^s` overflows, and what is left out is below 1e-280.
    if s > 700.0 { s + libm::log(p) } else { libm::log1p(p * libm::expm1(s)) }
}

/// The mass below `t` by the continued fraction of Didonato and Morris (ACM TOMS 18, 1992, equation 9), where `x` is the
/// logistic of `t` and `y` the rest of it: neither may lose what the other keeps.
fn lower_by_fraction(beta: &LogOdds, t: f64) -> f64 {
    let (a, b) = (beta.a, beta.b);
    let (x, y) = (logistic(t), logistic(-t));
    let off = a * y - b * x;
    // Modified Lentz: no denominator may vanish.
    let keep = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / keep(a / (a + 1.0) * (off + 1.0));
    let mut value = d;
    for n in 1..20_000 {
        let n = f64::from(n);
        let double = a + 2.0 * n - 1.0;
        let w = n * (b - n) * x;
        let above = (a + n - 1.0) * (a + b + n - 1.0) * w * x / (double * double);
        let below = n + w / double + (a + n) / (double + 2.0) * (off + 1.0 + n * (1.0 + y));
        d = 1.0 / keep(below + above * d);
        c = keep(below + above / c);
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (libm::exp(beta.ln_density(t)) * value).min(1.0)
}

/// What Stirling's formula leaves out: `ln Γ(z) - (z - 1/2) ln z + z - ln √(2π)`.
pub(crate) fn stirling(z: f64) -> f64 {
    if z < 12.0 {
        return libm::lgamma(z) - (z - 0.5) * libm::log(z) + z - 0.5 * LN_2PI;
    }
    // Abramowitz and Stegun 6.1.41; the next term is below 1e-16 from 12 on.
    let w = 1.0 / (z * z);
    let series = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    series.iter().rev().fold(0.0, |sum, term| sum * w + term) / z
}

pub(crate) const LN_2PI: f64 = 1.837_877_066_409_345_6;
const TINY: f64 = 1e-300;
/// From here on quadrature is faster than the continued fraction, which takes about the root of the parameter.
const LARGE: f64 = 3_000.0;
