//! How likely each of several normally distributed means is to be the highest.
//!
//! The integral ([`Share`]) goes downwards, by panels of which none is wider than twice the deviation of any mean that
//! changes within it, until nothing can be added. A mean that lies more than seven deviations of both below another is never the best.

use smallvec::SmallVec;

use super::normal::normal_density;
use super::quadrature::NODES;
use super::share::{POINTS, Share};

/// Leaves in `best` the probability of each mean to be the highest, from pairs of a mean and its deviation; they sum to
/// one up to rounding.
///
/// Within 1e-9. Where nothing is known to be finite all are as likely. Cost: O(panels · means);
/// some 2 µs for each mean, of ten as of 64, where their deviations are alike.
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
    let size = means.iter().map(|(mean, _)| mean.abs()).fold(0.0, f64::max);
    let sound = means.iter().all(|(mean, deviation)| mean.is_finite() && deviation.is_finite());
    // Without any doubt, equal means share.
    let spread = |deviation: f64| deviation.max(1e-12 * size).max(f64::MIN_POSITIVE);
    let floor = means.iter().map(|(mean, of)| mean - REACH * spread(*of)).fold(f64::NEG_INFINITY, f64::max);
    let arm = |(at, (mean, of)): (usize, &(f64, f64))| {
        let deviation = spread(*of);
        let arm = Arm { at, mean: *mean, deviation, high: mean + REACH * deviation, share: Share::new() };
        (arm.high > floor).then_some(arm)
    };
    let mut arms: SmallVec<[Arm; 4]> =
        if sound { means.iter().enumerate().filter_map(arm).collect() } else { SmallVec::new() };
    let mut top = arms.iter().map(|arm| arm.high).fold(f64::NEG_INFINITY, f64::max);
    while top > floor {
        let mut bottom = floor;
        for arm in &arms {
            // A density that begins inside is smooth over the whole panel, or else the panel ends above it.
            bottom = bottom.max(arm.high.min(top - 2.0 * arm.deviation));
        }
        if bottom >= top {
            break;
        }
        if panel(&mut arms, top, bottom) < 1e-14 {
            break;
        }
        top = bottom;
    }
    let total: f64 = arms.iter().map(|arm| arm.share.best).sum();
    if total > 0.0 && total.is_finite() {
        arms.iter().for_each(|arm| best[arm.at] = arm.share.best / total);
    } else {
        // Arms are counted exactly.
        best.fill(1.0 / means.len() as f64);
    }
}

/// A mean while it is being integrated.
struct Arm {
    /// Its place in the list.
    at: usize,
    mean: f64,
    deviation: f64,
    /// Where its density begins.
    high: f64,
    share: Share,
}

/// Adds one panel to the integrals of all whose density has begun; gives the most that any can still get.
fn panel(arms: &mut [Arm], top: f64, bottom: f64) -> f64 {
    let half = 0.5 * (top - bottom);
    let mut all = [1.0; POINTS];
    for arm in arms.iter_mut().filter(|arm| arm.high > bottom) {
        let (scale, from) = (1.0 / arm.deviation, (bottom - arm.mean) / arm.deviation);
        for (density, node) in arm.share.density.iter_mut().zip(NODES) {
            *density = half * scale * normal_density(from + half * scale * (1.0 + node));
        }
        arm.share.take_part(&mut all);
    }
    arms.iter_mut().filter(|arm| arm.high > bottom).map(|arm| arm.share.add(&all)).fold(0.0, f64::max)
}

/// How many deviations from its mean a density is followed.
const REACH: f64 = 7.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal_lower_tail;

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

    /// Against the trapezoidal rule with a hundredth of the least deviation, whose distribution functions are asked for.
    #[test]
    fn many_means_are_as_a_fine_rule_has_it() {
        let means: Vec<(f64, f64)> =
            (0..24).map(|n| (f64::from(n * 7 % 24) * 0.05, 0.1 + f64::from(n * 5 % 11) * 0.04)).collect();
        let (step, from) = (0.001, -5.0);
        let mut wanted = vec![0.0; means.len()];
        for at in 0..11_000 {
            let x = from + step * f64::from(at);
            let below = |of: &(f64, f64)| normal_lower_tail((x - of.0) / of.1);
            for (i, of) in means.iter().enumerate() {
                let others: f64 = means.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, of)| below(of)).product();
                wanted[i] += step * normal_density((x - of.0) / of.1) / of.1 * others;
            }
        }
        best_of(&means).iter().zip(wanted).for_each(|(found, wanted)| assert!((found - wanted).abs() < 1e-9));
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
