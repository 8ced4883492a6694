//! Student's t (1908): tails, quantiles, and the noncentral distribution on which exact sample sizes rest.
//!
//! The tail is an incomplete beta function (Abramowitz and Stegun 26.7.1) at `x = ν / (ν + t²)`. Near one `x` has no
//! digits left; its log-odds `ln(ν / t²)` has them all.

use super::normal::{normal_lower_tail, normal_quantile, normal_upper_tail};
use super::quadrature::{NODES, WEIGHTS};
use super::special::{LN_2PI, LogOdds, lower_quantile, stirling, tails_at};

/// The probability that Student's t with `freedom` degrees exceeds `t`; with infinite freedom that of a normal number.
///
/// ```
/// let tail = bespoke::stats::student_upper_tail(2.0, 5.0);
/// assert!((tail - 0.050_969_739_414_929_18).abs() < 1e-15); // mpmath
/// ```
#[must_use]
pub fn student_upper_tail(t: f64, freedom: f64) -> f64 {
    let half = 0.5 * student_both_tails(t, freedom);
    if t > 0.0 { half } else { 1.0 - half }
}

/// The probability that Student's t lies further from zero than `t`, on either side.
#[must_use]
pub fn student_both_tails(t: f64, freedom: f64) -> f64 {
    if freedom.is_infinite() {
        return super::normal_both_tails(t);
    }
    if t.abs() <= f64::MIN_POSITIVE {
        return 1.0;
    }
    let at = libm::log(freedom) - 2.0 * libm::log(t.abs());
    tails_at(&LogOdds::new(0.5 * freedom, 0.5), at).lower
}

/// What Student's t exceeds with probability `tail`; infinite at 0 and 1.
///
/// ```
/// let t = bespoke::stats::student_upper_quantile(0.025, 10.0);
/// assert!((t - 2.228_138_851_964_939).abs() < 1e-13); // R's qt(0.975, 10)
/// ```
#[must_use]
pub fn student_upper_quantile(tail: f64, freedom: f64) -> f64 {
    if freedom.is_infinite() {
        return -normal_quantile(tail);
    }
    if tail > 0.5 {
        return -student_upper_quantile(1.0 - tail, freedom);
    }
    if tail.is_nan() || tail <= 0.0 {
        return f64::INFINITY;
    }
    let (outer, inner) = (LogOdds::new(0.5 * freedom, 0.5), LogOdds::new(0.5, 0.5 * freedom));
    let solve = |beta: &LogOdds, p: f64| {
        lower_quantile(beta.center, p, |at| tails_at(beta, at).lower, |at| beta.ln_density(at))
    };
    // 1 - 2 · tail is exact from a quarter on.
    let ln_ratio = if tail < 0.25 {
        -solve(&outer, 2.0 * tail)
    } else if tail < 0.5 {
        solve(&inner, 1.0 - 2.0 * tail)
    } else {
        return 0.0;
    };
    libm::exp(0.5 * (libm::log(freedom) + ln_ratio))
}

/// The probability that a noncentral t, `(z + shift) / √(χ² / freedom)`, lies further from zero than `t`.
///
/// The normal tail integrated over the chi distribution by quadrature; good to 1e-12. It is the power of a t test
/// whose effect is `shift` standard errors.
///
/// ```
/// // R: pt(1.979, 126, 2.828, lower.tail = FALSE) + pt(-1.979, 126, 2.828)
/// let power = bespoke::stats::noncentral_student_both_tails(1.979, 126.0, 2.828);
/// assert!((power - 0.801).abs() < 2e-3);
/// // Without a shift it is Student's.
/// let central = bespoke::stats::student_both_tails(1.5, 7.0);
/// assert!((bespoke::stats::noncentral_student_both_tails(1.5, 7.0, 0.0) - central).abs() < 1e-13);
/// ```
#[must_use]
pub fn noncentral_student_both_tails(t: f64, freedom: f64, shift: f64) -> f64 {
    let t = t.abs();
    if freedom.is_infinite() {
        return normal_upper_tail(t - shift) + normal_lower_tail(-t - shift);
    }
    // u = ln √(χ²/ν) has the density exp(peak - ν (e^{2u} - 1 - 2u) / 2).
    let half = 0.5 * freedom;
    let ln_peak = 0.5 * (libm::log(half) - LN_2PI) - stirling(half) + core::f64::consts::LN_2;
    let drop = |u: f64| half * (libm::expm1(2.0 * u) - 2.0 * u);
    let width = 0.5 / libm::sqrt(2.0 * freedom).max(0.5);
    let mut sum = 0.0;
    for sign in [-1.0, 1.0] {
        let mut from = 0.0;
        while drop(from) < 45.0 {
            for (node, weight) in NODES.iter().zip(WEIGHTS) {
                let u = from + sign * width * (1.0 + node);
                let scaled = t * libm::exp(u);
                let both = normal_upper_tail(scaled - shift) + normal_lower_tail(-scaled - shift);
                sum += width * weight * libm::exp(ln_peak - drop(u)) * both;
            }
            from += sign * 2.0 * width;
        }
    }
    sum
}
