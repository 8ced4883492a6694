//! Time-uniform boundaries of sums (Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic
//! confidence sequences", Annals of Statistics 49, 2021), with the conventions of their package confseq.
//!
//! A sum `S` with intrinsic time `V` (the sum of its variances, or what bounds them) stays below the boundary at all
//! times together with probability 1 - alpha.

use serde::{Deserialize, Serialize};

use crate::stats::undefined::positive;
use crate::stats::{Alpha, Undefined, ln_gamma, normal_lower_tail, regularized_gamma};

use super::approximate_ratio;

/// A boundary `u(V)`.
///
/// ```
/// use bespoke::{experiment::Boundary, stats::Alpha};
/// let boundary = Boundary::normal(100.0, Alpha::USUAL)?;
/// // confseq: normal_mixture_bound(100, alpha=.01, v_opt=100, alpha_opt=.05, is_one_sided=False)
/// assert!((boundary.at(100.0, Alpha::new(0.01)?)? - 35.828_711_742_523).abs() < 1e-10);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boundary(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Normal { rho: f64 },
    NormalOneSided { rho: f64 },
    GammaExponential { rho: f64, scale: f64 },
    Stitched { least: f64, exponent: f64, growth: f64, scale: f64 },
}

impl Boundary {
    /// The two-sided normal mixture, for `|S|` of sub-Gaussian sums: lowest at intrinsic time `best` for `alpha`.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless `best` is finite and above zero.
    pub fn normal(best: f64, alpha: Alpha) -> Result<Self, Undefined> {
        Ok(Self(Kind::Normal { rho: rho(best, alpha)? }))
    }

    /// The one-sided normal mixture, for sub-Gaussian sums.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] for `best`, and [`Undefined::Alpha`] for one of a half and more.
    pub fn normal_one_sided(best: f64, alpha: Alpha) -> Result<Self, Undefined> {
        Ok(Self(Kind::NormalOneSided { rho: rho(best, doubled(alpha)?)? }))
    }

    /// The gamma-exponential mixture (proposition 9), for sub-exponential sums of this scale: what empirical-Bernstein
    /// bounds need.
    ///
    /// # Errors
    /// As [`Boundary::normal_one_sided`], and [`Undefined::Parameter`] for the scale.
    pub fn gamma_exponential(best: f64, alpha: Alpha, scale: f64) -> Result<Self, Undefined> {
        let rho = rho(best, doubled(alpha)?)?;
        Ok(Self(Kind::GammaExponential { rho, scale: positive(scale)? }))
    }

    /// The polynomial stitched boundary (equation 10), which grows like `√(V ln ln V)`: from intrinsic time `least`,
    /// with exponent `s > 1` and epochs that grow by `eta > 1`; 1.4 and 2 are usual. `scale` is that of a sub-gamma
    /// sum, 0 for a sub-Gaussian one.
    ///
    /// # Errors
    /// [`Undefined::Parameter`].
    pub fn stitched(least: f64, exponent: f64, growth: f64, scale: f64) -> Result<Self, Undefined> {
        let above_one = |v: f64| v > 1.0 && v.is_finite();
        if !(above_one(exponent) && above_one(growth) && scale >= 0.0 && scale.is_finite()) {
            return Err(Undefined::Parameter);
        }
        Ok(Self(Kind::Stitched { least: positive(least)?, exponent, growth, scale }))
    }

    /// The boundary at intrinsic time `v`.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] for a time that is negative or not finite.
    pub fn at(&self, v: f64, alpha: Alpha) -> Result<f64, Undefined> {
        if !(v >= 0.0 && v.is_finite()) {
            return Err(Undefined::Parameter);
        }
        let wanted = -libm::log(alpha.value());
        Ok(match self.0 {
            Kind::Normal { rho } => libm::sqrt((v + rho) * (libm::log1p(v / rho) + 2.0 * wanted)),
            Kind::NormalOneSided { rho } => rising_root(libm::sqrt(v + rho), wanted, |s| {
                0.5 * libm::log(4.0 * rho / (v + rho))
                    + s * s / (2.0 * (v + rho))
                    + libm::log(normal_lower_tail(s / libm::sqrt(v + rho)))
            }),
            Kind::GammaExponential { rho, scale } => {
                let c2 = scale * scale;
                let (k, m) = (rho / c2, (v + rho) / c2);
                let ln_lower = |shape: f64, x: f64| libm::log(regularized_gamma(shape, x).lower);
                let start = k * libm::log(k) - ln_gamma(k) - ln_lower(k, k);
                rising_root(libm::sqrt(v + rho), wanted, |s| {
                    let q = (scale * s + v + rho) / c2;
                    start + ln_gamma(m) + ln_lower(m, q) - m * libm::log(q) + (scale * s + v) / c2
                })
            }
            Kind::Stitched { least, exponent, growth, scale } => {
                let v = v.max(least);
                let ell = exponent * libm::log(libm::log(growth * v / least))
                    + libm::log(zeta(exponent) / libm::pow(libm::log(growth), exponent))
                    + wanted;
                let root = libm::sqrt(libm::sqrt(growth));
                let k1 = (root + 1.0 / root) * core::f64::consts::FRAC_1_SQRT_2;
                let linear = 0.5 * (libm::sqrt(growth) + 1.0) * scale * ell;
                libm::sqrt(k1 * k1 * v * ell + linear * linear) + linear
            }
        })
    }
}

/// Where the mixing variance puts the lowest point.
fn rho(best: f64, alpha: Alpha) -> Result<f64, Undefined> {
    Ok(positive(best)? / approximate_ratio(alpha))
}

fn doubled(alpha: Alpha) -> Result<Alpha, Undefined> {
    Alpha::new(2.0 * alpha.value())
}

/// Where a function that rises reaches `wanted`, by bisection from zero upwards.
fn rising_root(scale: f64, wanted: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, scale);
    for _ in 0..200 {
        if f(high) >= wanted {
            break;
        }
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..200 {
        let s = 0.5 * (low + high);
        if s <= low || s >= high {
            break;
        }
        if f(s) < wanted { low = s } else { high = s }
    }
    high
}

/// Riemann's zeta function above 1, by the Euler–Maclaurin sum (Abramowitz and Stegun 23.2.4 and 23.1.30).
fn zeta(s: f64) -> f64 {
    let n = 20.0;
    let head: f64 = (1..20).map(|k| libm::pow(f64::from(k), -s)).sum();
    let mut sum = head + libm::pow(n, 1.0 - s) / (s - 1.0) + 0.5 * libm::pow(n, -s);
    let mut factor = s * libm::pow(n, -s - 1.0);
    // B_2k / (2k)!
    let terms = [1.0 / 12.0, -1.0 / 720.0, 1.0 / 30_240.0, -1.0 / 1_209_600.0, 1.0 / 47_900_160.0];
    for (k, term) in terms.into_iter().enumerate() {
        sum += term * factor;
        let at = s + 2.0 * k as f64 + 1.0;
        factor *= at * (at + 1.0) / (n * n);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mpmath: zeta(1.4), zeta(2), zeta(1.05), zeta(3).
    #[test]
    fn the_zeta_function_is_riemanns() {
        for (s, wanted) in [
            (1.4, 3.105_547_277_977_580_4),
            (2.0, 1.644_934_066_848_226_4),
            (1.05, 20.580_844_302_037),
            (3.0, 1.202_056_903_159_594_2),
        ] {
            assert!((zeta(s) / wanted - 1.0).abs() < 1e-13, "{s} {}", zeta(s));
        }
    }
}
