//! Lambert's W on its lower branch, and Gauss's hypergeometric function.

/// The lower branch of Lambert's W: the `w <= -1` with `w e^w = x`, for `x` from -1/e to below 0; `None` elsewhere.
///
/// With `w = -1 - u` it is the `u` of `u - ln(1 + u) = -1 - ln(-x)`, which Newton's method approaches from above.
///
/// ```
/// let w = bespoke::stats::lambert_lower(-1e-10).unwrap();
/// assert!((w + 26.295_238_819_246_926).abs() < 1e-13); // mpmath
/// ```
#[must_use]
pub fn lambert_lower(x: f64) -> Option<f64> {
    if !(-INVERSE_E..0.0).contains(&x) {
        return None;
    }
    // Near the branch point 1 + e x has the digits that the log has lost; e in two parts.
    let near = one_and_e_times(x);
    let rest = if near < 0.1 { -libm::log1p(-near) } else { -1.0 - libm::log(-x) };
    Some(-1.0 - above_log(rest.max(0.0)))
}

/// The `u >= 0` with `u - ln(1 + u) = y`.
pub(crate) fn above_log(y: f64) -> f64 {
    // An upper bound (Chatzigeorgiou, 2013), from which Newton's method descends.
    let mut u = y + libm::sqrt(2.0 * y);
    for _ in 0..60 {
        let step = (log_gap(u) - y) * (1.0 + u) / u;
        if step.is_nan() || step <= 1e-16 * u {
            break;
        }
        u -= step;
    }
    u
}

/// `u - ln(1 + u)`.
fn log_gap(u: f64) -> f64 {
    if u > 0.3 {
        return u - libm::log1p(u);
    }
    // With s = u / (2 + u), ln(1 + u) = 2 (s + s³/3 + …), and u - 2 s = u s.
    let s = u / (2.0 + u);
    let tail = (1..20).rev().fold(0.0, |sum, k| (sum + 1.0 / f64::from(2 * k + 1)) * s * s);
    u * s - 2.0 * s * tail
}

/// `1 + e x`, exact to the last digit near zero.
fn one_and_e_times(x: f64) -> f64 {
    // Halves of 26 bits have exact products (Dekker, 1971).
    let split = |v: f64| {
        let t = 134_217_729.0 * v;
        let high = t - (t - v);
        (high, v - high)
    };
    let ((a, b), (c, d)) = (split(core::f64::consts::E), split(x));
    let product = core::f64::consts::E * x;
    let error = ((a * c - product) + a * d + b * c) + b * d;
    (1.0 + product) + (error + E_REST * x)
}

/// Gauss's hypergeometric function `₂F₁(a, b; c; z)` for real `z < 1`; `None` at 1 and beyond, where `c` is zero or a
/// negative whole number, and where the series does not settle in a million terms (`z` within about 1e-5 of 1).
///
/// By the plain series, after Euler's transform where that makes all terms fall, and after Pfaff's for negative `z`
/// (Abramowitz and Stegun 15.3.3 and 15.3.4).
///
/// ```
/// // ₂F₁(1, 1; 2; z) = -ln(1 - z) / z
/// let found = bespoke::stats::hypergeometric(1.0, 1.0, 2.0, 0.5).unwrap();
/// assert!((found - 2.0 * core::f64::consts::LN_2).abs() < 1e-15);
/// ```
#[must_use]
pub fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> Option<f64> {
    if z.is_nan() || z >= 1.0 {
        return None;
    }
    if z < 0.0 {
        return Some(libm::pow(1.0 - z, -a) * hypergeometric(a, c - b, c, z / (z - 1.0))?);
    }
    if c - a - b < 0.0 {
        return Some(libm::exp((c - a - b) * libm::log1p(-z)) * gauss_series(c - a, c - b, c, z)?);
    }
    gauss_series(a, b, c, z)
}

/// `Σ (a)_k (b)_k / (c)_k z^k / k!`.
pub(crate) fn gauss_series(a: f64, b: f64, c: f64, z: f64) -> Option<f64> {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 0..1_000_000 {
        let k = f64::from(k);
        term *= (a + k) * (b + k) / (c + k) * z / (k + 1.0);
        sum += term;
        if !f64::is_finite(sum) {
            return None;
        }
        // Once the terms fall by at least this factor, what is left is below the last term over one less it.
        let factor = ((a + k + 1.0) * (b + k + 1.0) / ((c + k + 1.0) * (k + 2.0))).abs().max(1.0) * z;
        if term.abs() <= 1e-17 * sum.abs() * (1.0 - factor) || term.abs() <= 0.0 {
            return Some(sum);
        }
    }
    None
}

const INVERSE_E: f64 = 0.367_879_441_171_442_33;
/// What e has beyond a double.
const E_REST: f64 = 1.445_646_891_729_250_2e-16;
