//! How likely each of several normally distributed means is to be the highest.
//!
//! `P(i is best) = ∫ f_i Π_{j≠i} F_j`, integrated downwards by 16-point Gauss–Legendre panels, none wider than twice the
//! deviation of any mean that changes within it. What lies more than seven deviations below another mean's lowest is
//! never the best.

use smallvec::SmallVec;

use super::normal::{normal_density, normal_lower_tail};
use super::quadrature::{NODES, WEIGHTS};

/// Leaves in `best` the probability of each mean to be the highest, from pairs of a mean and its deviation; they sum to
/// one up to rounding.
///
/// Within 1e-9. Where nothing is known to be finite all are as likely. Cost: about a microsecond for each pair and panel,
/// of which there are some seven where the deviations are alike.
///
/// ```
/// let mut best = Vec::new();
/// bespoke::stats::best_means(&[(0.1, 0.02), (0.12, 0.02)], &mut best);
/// // Φ(0.02 / (0.02 √2)), by mpmath
/// assert!((best[1] - 0.760_249_938_906_523_3).abs() < 1e-9);
/// ```
pub fn best_means(means: &[(f64, f64)], best: &mut Vec<f64>) {
    best.clear();
    best.resize(means.len(), 0.0);
    if means.iter().any(|(mean, deviation)| !mean.is_finite() || !deviation.is_finite()) {
        // Numbers of arms are exact.
        best.fill(1.0 / means.len() as f64);
        return;
    }
    let size = means.iter().map(|(mean, _)| mean.abs()).fold(0.0, f64::max);
    // Without any doubt, equal means share.
    let spread = |deviation: f64| deviation.max(1e-12 * size).max(f64::MIN_POSITIVE);
    let low = |(mean, deviation): &(f64, f64)| mean - REACH * spread(*deviation);
    let high = |(mean, deviation): &(f64, f64)| mean + REACH * spread(*deviation);
    let floor = means.iter().map(low).fold(f64::NEG_INFINITY, f64::max);
    let mut top = means.iter().map(high).fold(f64::NEG_INFINITY, f64::max);
    let mut below = SmallVec::<[f64; 16]>::new();
    while top > floor {
        let mut width = top - floor;
        let mut bottom = floor;
        for of in means {
            // A density begins at a panel's end, never inside.
            if high(of) >= top { width = width.min(2.0 * spread(of.1)) } else { bottom = bottom.max(high(of)) }
        }
        bottom = bottom.max(top - width);
        if bottom >= top {
            break;
        }
        let half = 0.5 * (top - bottom);
        for (node, weight) in NODES.iter().zip(WEIGHTS) {
            let x = bottom + half * (1.0 + node);
            below.clear();
            let tail = |of: &(f64, f64)| {
                // Where x is far above a mean its tail is one; below, it is something, so that dividing by it is safe.
                if high(of) < x { 1.0 } else { normal_lower_tail((x - of.0) / spread(of.1)).max(1e-30) }
            };
            below.extend(means.iter().map(tail));
            let all: f64 = below.iter().product();
            for ((of, best), below) in
                means.iter().zip(best.iter_mut()).zip(&below).filter(|((of, _), _)| high(of) >= x)
            {
                let spread = spread(of.1);
                *best += half * weight * normal_density((x - of.0) / spread) / spread * (all / below);
            }
        }
        top = bottom;
    }
    let total: f64 = best.iter().sum();
    if total > 0.0 && total.is_finite() {
        best.iter_mut().for_each(|best| *best /= total);
    } else {
        best.fill(1.0 / means.len() as f64);
    }
}

/// How many deviations from its mean a density is followed.
const REACH: f64 = 7.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of(means: &[(f64, f64)]) -> Vec<f64> {
        let mut best = Vec::new();
        best_means(means, &mut best);
        best
    }

    #[test]
    fn two_means_are_as_the_difference_has_it() {
        for (a, b) in
            [((0.0, 1.0), (0.3, 1.0)), ((0.0, 1.0), (2.0, 0.01)), ((5.0, 1e-6), (5.0, 3.0)), ((0.0, 1.0), (9.0, 1.0))]
        {
            let wanted = normal_lower_tail((b.0 - a.0) / libm::hypot(a.1, b.1));
            assert!((best_of(&[a, b])[1] - wanted).abs() < 1e-9, "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_apart_shares() {
        for of in [(0.0, 0.0), (3.0, 0.0), (1e300, 1e290), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            best_of(&[of; 3]).iter().for_each(|share| assert!((share - 1.0 / 3.0).abs() < 1e-9, "{of:?}"));
        }
        assert!(best_of(&[]).is_empty());
    }

    #[test]
    fn shares_are_how_often_draws_win() {
        // A share of 10^5 draws has a standard error of at most 0.0016; the bound is five of them.
        let means = [(0.1, 0.05), (0.12, 0.01), (0.05, 0.1), (0.0, 0.02)];
        let mut wins = [0.0; 4];
        let mut state = 1_u64;
        let mut unit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        for _ in 0..100_000 {
            let draws = means.map(|(mean, deviation)| mean + deviation * crate::stats::normal_quantile(unit()));
            let won = (0..4).max_by(|a, b| draws[*a].total_cmp(&draws[*b])).unwrap();
            wins[won] += 1e-5;
        }
        for (share, wins) in best_of(&means).iter().zip(wins) {
            assert!((share - wins).abs() < 0.008, "{share} {wins}");
        }
    }
}
