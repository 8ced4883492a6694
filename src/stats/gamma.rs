//! The gamma function, its logarithmic derivative and its incomplete forms.

use super::quadrature::{NODES, WEIGHTS};
use super::special::{LN_2PI, Tails, lower_quantile, stirling};

/// The natural log of the gamma function for `x > 0`.
///
/// ```
/// assert!((bespoke::stats::ln_gamma(5.0) - 24_f64.ln()).abs() < 1e-15);
/// ```
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The natural log of the beta function, `ln [Γ(a) Γ(b) / Γ(a + b)]`, for positive `a` and `b`.
///
/// Large parameters go through Stirling's corrections, where the textbook form subtracts numbers of the size of
/// `a ln a` and loses as many digits as they have.
///
/// ```
/// assert!((bespoke::stats::ln_beta(793.0, 2426.0) + 1_799.410_834_916_147_2).abs() < 1e-11); // mpmath
/// ```
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large < SMALL {
        return libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    }
    let n = a + b;
    if small < SMALL {
        // Γ(b)/Γ(n) for large b: (b - 1/2) ln(b/n) - a ln n + a.
        return libm::lgamma(small) - (large - 0.5) * libm::log1p(small / large) - small * libm::log(n)
            + small
            + stirling(large)
            - stirling(n);
    }
    -small * libm::log1p(large / small) - large * libm::log1p(small / large)
        + 0.5 * (LN_2PI + libm::log(n / a / b))
        + stirling(a)
        + stirling(b)
        - stirling(n)
}

/// The derivative of `ln Γ` at `x > 0`.
///
/// ```
/// assert!((bespoke::stats::digamma(1.0) + 0.577_215_664_901_532_9).abs() < 1e-15); // Euler's constant
/// ```
#[must_use]
pub fn digamma(x: f64) -> f64 {
    // ψ(x) = ψ(x + 1) - 1/x, up to where the asymptotic series (Abramowitz and Stegun 6.3.18) holds to the last digit.
    let (mut at, mut below) = (x, 0.0);
    while at < SMALL {
        below += 1.0 / at;
        at += 1.0;
    }
    let w = 1.0 / (at * at);
    let series = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0, 1.0 / 12.0];
    let tail = series.iter().rev().fold(0.0, |sum, term| sum * w + term) * w;
    libm::log(at) - 0.5 / at - tail - below
}

/// The regularised incomplete gamma functions `P(a, x)` and `Q(a, x)`, for `a > 0`; `x` below zero counts as zero.
///
/// The smaller tail is computed itself and keeps its digits down to 1e-300: by the series, by Legendre's continued
/// fraction, or for `a` beyond 3,000 by quadrature outwards from `x`, which takes as long however large `a` is.
///
/// ```
/// let tails = bespoke::stats::regularized_gamma(1.0, 50.0); // Q(1, x) = e^-x
/// assert!((tails.upper / (-50_f64).exp() - 1.0).abs() < 1e-13);
/// ```
#[must_use]
pub fn regularized_gamma(a: f64, x: f64) -> Tails {
    if x.is_nan() || x <= 0.0 {
        return Tails { lower: 0.0, upper: 1.0 };
    }
    Shape::new(a).tails(x)
}

/// The point that a gamma variable of shape `a` and unit scale exceeds with probability `tail`.
///
/// Newton's method on the log of the smaller tail; infinite at 0, zero at 1.
///
/// ```
/// // A gamma variable of shape one is exponential.
/// assert!((bespoke::stats::gamma_upper_quantile(1.0, 1e-9) - 20.723_265_836_946_41).abs() < 1e-13);
/// ```
#[must_use]
pub fn gamma_upper_quantile(a: f64, tail: f64) -> f64 {
    quantile(a, 1.0 - tail, tail)
}

/// The point below which a gamma variable of shape `a` and unit scale lies with probability `p`.
///
/// ```
/// assert!((bespoke::stats::gamma_lower_quantile(1.0, 0.5) - core::f64::consts::LN_2).abs() < 1e-15);
/// ```
#[must_use]
pub fn gamma_lower_quantile(a: f64, p: f64) -> f64 {
    quantile(a, p, 1.0 - p)
}

fn quantile(a: f64, lower: f64, upper: f64) -> f64 {
    if lower.is_nan() || lower <= 0.0 {
        return 0.0;
    }
    if upper <= 0.0 {
        return f64::INFINITY;
    }
    let shape = Shape::new(a);
    let t = if lower <= upper {
        lower_quantile(0.0, lower, |t| shape.tails_at(t).lower, |t| shape.ln_density(t))
    } else {
        -lower_quantile(0.0, upper, |t| shape.tails_at(-t).upper, |t| shape.ln_density(-t))
    };
    a * libm::exp(t)
}

/// A gamma variable `x` of unit scale, seen at `t = ln(x / a)`, where its density is `x^a e^-x / Γ(a)` and its peak at 0.
struct Shape {
    a: f64,
    ln_peak: f64,
}

impl Shape {
    fn new(a: f64) -> Self {
        Self { a, ln_peak: 0.5 * (libm::log(a) - LN_2PI) - stirling(a) }
    }

    fn ln_density(&self, t: f64) -> f64 {
        self.ln_peak - self.a * exp_less(t)
    }

    fn tails(&self, x: f64) -> Tails {
        let off = (x - self.a) / self.a;
        let t = if off.abs() < 0.5 { libm::log1p(off) } else { libm::log(x / self.a) };
        self.both(t, x)
    }

    fn tails_at(&self, t: f64) -> Tails {
        self.both(t, self.a * libm::exp(t))
    }

    fn both(&self, t: f64, x: f64) -> Tails {
        if x.is_infinite() {
            return Tails { lower: 1.0, upper: 0.0 };
        }
        let lower_is_small = x < self.a + 1.0;
        let small = if self.a > LARGE {
            self.by_quadrature(t, if lower_is_small { -1.0 } else { 1.0 })
        } else if lower_is_small {
            libm::exp(self.ln_density(t)) / self.a * self.series(x)
        } else {
            libm::exp(self.ln_density(t)) * self.fraction(x)
        };
        let small = small.min(1.0);
        if lower_is_small {
            Tails { lower: small, upper: 1.0 - small }
        } else {
            Tails { lower: 1.0 - small, upper: small }
        }
    }

    /// `Γ(a + 1) x^-a e^x P(a, x)` (Abramowitz and Stegun 6.5.29).
    fn series(&self, x: f64) -> f64 {
        let (mut term, mut sum, mut n) = (1.0, 1.0, 1.0);
        while term > 1e-17 * sum && n < 1e5 {
            term *= x / (self.a + n);
            sum += term;
            n += 1.0;
        }
        sum
    }

    /// `Γ(a) x^-a e^x Q(a, x)` by Lentz's method on Legendre's continued fraction (Abramowitz and Stegun 6.5.31).
    fn fraction(&self, x: f64) -> f64 {
        let keep = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
        let mut b = x + 1.0 - self.a;
        let mut c = 1e300;
        let mut d = 1.0 / keep(b);
        let mut value = d;
        for i in 1..100_000 {
            let i = f64::from(i);
            b += 2.0;
            let an = -i * (i - self.a);
            d = 1.0 / keep(an * d + b);
            c = keep(b + an / c);
            let factor = c * d;
            value *= factor;
            if (factor - 1.0).abs() < 1e-16 {
                break;
            }
        }
        value
    }

    /// The mass beyond `t` on the side of `sign`.
    fn by_quadrature(&self, t: f64, sign: f64) -> f64 {
        let width = 1.5 / libm::sqrt(self.a);
        let floor = self.a * exp_less(t) + 45.0;
        let (mut at, mut sum) = (t, 0.0);
        while self.a * exp_less(at) < floor || at * sign < 0.0 {
            // Far out the density falls faster than at the peak, by its slope.
            let slope = self.a * libm::expm1(at).abs();
            let h = 0.5 * width.min(6.0 / slope.max(f64::MIN_POSITIVE));
            for (node, weight) in NODES.iter().zip(WEIGHTS) {
                sum += h * weight * libm::exp(self.ln_density(at + sign * h * (1.0 - node)));
            }
            at += sign * 2.0 * h;
        }
        sum
    }
}

/// `e^t - 1 - t`.
fn exp_less(t: f64) -> f64 {
    if t.abs() > 0.35 {
        return libm::expm1(t) - t;
    }
    // The series, whose terms do not cancel: t²/2 (1 + t/3 (1 + t/4 (…))).
    0.5 * t * t * (3..20).rev().fold(1.0, |sum, k| 1.0 + t / f64::from(k) * sum)
}

/// Below this, sums of `ln Γ` lose nothing, and above it the asymptotic series are exact.
const SMALL: f64 = 12.0;
/// From here on quadrature is faster than series and fraction, which take about the root of the parameter.
const LARGE: f64 = 3_000.0;
