//! Counts of successes: the binomial distribution, and Fisher's exact test of two of them.

use super::{Proportion, Undefined, regularized_beta};

/// The probability of at most `k` successes in `n` trials that each succeed with probability `p`, cut to [0, 1].
///
/// ```
/// let p = bespoke::stats::binomial_lower_tail(1, 3, 0.5);
/// assert!((p - 0.5).abs() < 1e-15);
/// ```
#[must_use]
pub fn binomial_lower_tail(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    // Abramowitz and Stegun 26.5.24. Counts beyond 2^53 are rounded by a part in 10^16.
    regularized_beta(k as f64 + 1.0, (n - k) as f64, p.clamp(0.0, 1.0)).upper
}

/// The probability that a binomial count lies from `low` to `high`, both included.
#[must_use]
pub fn binomial_between(low: u64, high: u64, n: u64, p: f64) -> f64 {
    if low > high {
        return 0.0;
    }
    let below = if low == 0 { 0.0 } else { binomial_lower_tail(low - 1, n, p) };
    binomial_lower_tail(high, n, p) - below
}

/// Fisher's exact test (1922) of two proportions: the probability of all tables with these margins that are no more
/// likely than the one seen, up to a part in 10^7, as R and scipy count ties. `O(successes)`.
///
/// # Errors
/// [`Undefined::EmptyArm`].
///
/// ```
/// use bespoke::stats::{Proportion, fisher_exact};
/// // R: fisher.test(matrix(c(0, 12, 5, 5), 2))
/// let p = fisher_exact(&Proportion::new(0, 12)?, &Proportion::new(5, 10)?)?;
/// assert!((p - 0.009_569_377_990_430_62).abs() < 1e-14);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn fisher_exact(a: &Proportion, b: &Proportion) -> Result<f64, Undefined> {
    if a.trials() == 0 || b.trials() == 0 {
        return Err(Undefined::EmptyArm);
    }
    let (n_a, n_b, all) = (a.trials(), b.trials(), a.successes() + b.successes());
    let (first, last) = (all.saturating_sub(n_b), all.min(n_a));
    // By how much the table with one more success in `a` is the more likely one.
    let ratio = |k: u64| {
        let (k, n_a, n_b, all) = (k as f64, n_a as f64, n_b as f64, all as f64);
        (all - k) * (n_a - k) / ((k + 1.0) * (n_b - all + k + 1.0))
    };
    // From the mode outwards, whose weight is one, so that nothing overflows and what underflows does not count.
    let mode = ((n_a + 1) as f64 * ((all + 1) as f64 / (n_a + n_b + 2) as f64)) as u64;
    let mode = mode.clamp(first, last);
    let mut weights = vec![(mode, 1.0)];
    let (mut up, mut down) = (1.0, 1.0);
    for k in mode..last {
        up *= ratio(k);
        weights.push((k + 1, up));
        if up < 1e-300 {
            break;
        }
    }
    for k in (first..mode).rev() {
        down /= ratio(k);
        weights.push((k, down));
        if down < 1e-300 {
            break;
        }
    }
    let seen = weights.iter().find(|(k, _)| *k == a.successes()).map_or(0.0, |(_, weight)| *weight);
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let tail: f64 = weights.iter().map(|(_, weight)| weight).filter(|weight| **weight <= seen * (1.0 + 1e-7)).sum();
    Ok((tail / total).min(1.0))
}
