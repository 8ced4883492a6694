//! Many tests at once: what each p-value says once their number is taken into account.

use serde::{Deserialize, Serialize};

use super::Undefined;

/// How p-values are adjusted for their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// Each times their number.
    Bonferroni,
    /// Step-down (Holm, 1979): no test is wrong but with probability alpha, whatever hangs together. The default for
    /// what decides.
    Holm,
    /// Step-up (Hochberg, 1988): the same for tests that are independent or rise together.
    Hochberg,
    /// `1 - (1 - p)^m` (Šidák, 1967), for independent tests.
    Sidak,
    /// The share of false discoveries (Benjamini and Hochberg, 1995), for tests that are independent or rise together.
    FalseDiscovery,
    /// The share of false discoveries whatever hangs together (Benjamini and Yekutieli, 2001).
    FalseDiscoveryAny,
}

/// The adjusted p-values, in the order of the tests, each at most one. `O(n log n)`.
///
/// # Errors
/// [`Undefined::NanP`] or [`Undefined::OutOfRangeP`].
///
/// ```
/// use bespoke::stats::{Adjustment, adjusted};
/// // R: p.adjust(c(0.01, 0.04, 0.03), "holm")
/// let holm = adjusted(&[0.01, 0.04, 0.03], Adjustment::Holm)?;
/// assert!(holm.iter().zip([0.03, 0.06, 0.06]).all(|(p, wanted)| (p - wanted).abs() < 1e-12));
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn adjusted(p: &[f64], by: Adjustment) -> Result<Vec<f64>, Undefined> {
    if p.iter().any(|p| p.is_nan()) {
        return Err(Undefined::NanP);
    }
    if p.iter().any(|p| !(0.0..=1.0).contains(p)) {
        return Err(Undefined::OutOfRangeP);
    }
    // Tests are far fewer than 2^53.
    let m = p.len() as f64;
    let step = |factor: &dyn Fn(f64) -> f64, up: bool| {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
        let mut out = vec![1.0; p.len()];
        let mut bound: f64 = if up { 1.0 } else { 0.0 };
        let mut fold = |rank: usize| {
            let value = (p[order[rank]] * factor((rank + 1) as f64)).min(1.0);
            bound = if up { bound.min(value) } else { bound.max(value) };
            out[order[rank]] = bound;
        };
        if up {
            (0..p.len()).rev().for_each(&mut fold)
        } else {
            (0..p.len()).for_each(&mut fold)
        }
        out
    };
    Ok(match by {
        Adjustment::Bonferroni => p.iter().map(|p| (p * m).min(1.0)).collect(),
        Adjustment::Sidak => p.iter().map(|p| -libm::expm1(m * libm::log1p(-p))).collect(),
        Adjustment::Holm => step(&|rank| m + 1.0 - rank, false),
        Adjustment::Hochberg => step(&|rank| m + 1.0 - rank, true),
        Adjustment::FalseDiscovery => step(&|rank| m / rank, true),
        Adjustment::FalseDiscoveryAny => {
            let harmonic: f64 = (1..=p.len()).map(|k| 1.0 / k as f64).sum();
            step(&|rank| m * harmonic / rank, true)
        }
    })
}

/// Bonferroni's bound with unequal weights, such as more of alpha for the primary metric: each `p / w`, the weights
/// scaled to sum to one, capped at one.
///
/// # Errors
/// As [`adjusted`], and [`Undefined::LengthMismatch`], [`Undefined::BadWeight`] (all weights zero included).
///
/// ```
/// let p = bespoke::stats::adjusted_by_weight(&[0.02, 0.02], &[4.0, 1.0])?;
/// assert!((p[0] - 0.025).abs() < 1e-15 && (p[1] - 0.1).abs() < 1e-15);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn adjusted_by_weight(p: &[f64], weights: &[f64]) -> Result<Vec<f64>, Undefined> {
    // What is wrong with the p-values themselves.
    adjusted(p, Adjustment::Bonferroni)?;
    if p.len() != weights.len() {
        return Err(Undefined::LengthMismatch);
    }
    let total: f64 = weights.iter().sum();
    if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || !p.is_empty() && total <= 0.0 {
        return Err(Undefined::BadWeight);
    }
    let one = |(p, w): (&f64, &f64)| if *w > 0.0 { (p * total / w).min(1.0) } else { 1.0 };
    Ok(p.iter().zip(weights).map(one).collect())
}
