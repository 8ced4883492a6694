//! What the largest values of a metric do to a difference of means.

use super::findings::Tail;
use super::{Arm, difference};
use crate::stats::{Alpha, Evidence, Moments};

/// Where a metric is capped in all arms, and the control as that leaves it.
pub(super) struct Cap {
    at: f64,
    units: u64,
    control: Moments,
}

impl Cap {
    /// At this quantile of all arms together, of which the first is the control; none without values.
    pub(super) fn new(arms: &[Vec<f64>], quantile: f64) -> Option<Self> {
        let mut pooled = arms.concat();
        let at = linear_quantile(&mut pooled, quantile)?;
        let above = |values: &Vec<f64>| values.iter().filter(|value| **value > at).count() as u64;
        Some(Self { at, units: arms.iter().map(above).sum(), control: capped(arms.first()?, at) })
    }

    /// What the largest values do to the gap between the control and an arm.
    pub(super) fn tail(
        &self,
        control: &[f64],
        arm: &[f64],
        [all_a, all_b]: [Moments; 2],
        alpha: Alpha,
    ) -> Option<Tail> {
        let farthest = |values: &[f64], mean: f64| {
            let off = |at: &usize| (values[*at] - mean).abs();
            (0..values.len()).max_by(|x, y| off(x).total_cmp(&off(y)).then(y.cmp(x)))
        };
        let (of_a, of_b) = (farthest(control, all_a.mean())?, farthest(arm, all_b.mean())?);
        // By how much the mean falls when one of its n values goes.
        let shift = |value: f64, of: &Moments| {
            let left = of.count().checked_sub(1).filter(|left| *left > 0)?;
            Some(((value - of.mean()) / left as f64).abs())
        };
        let (shift_a, shift_b) = (shift(control[of_a], &all_a)?, shift(arm[of_b], &all_b)?);
        let without = |values: &[f64], at: usize| -> Moments {
            let (before, after) = (&values[..at], &values[at + 1..]);
            before.iter().chain(after).copied().collect()
        };
        let (moved_by, left) = if shift_a >= shift_b {
            (shift_a, gap(&without(control, of_a), &all_b)?)
        } else {
            (shift_b, gap(&all_a, &without(arm, of_b))?)
        };
        let capped = gap(&self.control, &capped(arm, self.at))?;
        let effect = |found: &Evidence| (found.estimate(), found.interval(alpha), found.p());
        Some(Tail {
            moved_by,
            is_heavy: moved_by > HEAVY * gap(&all_a, &all_b)?.error(),
            without: effect(&left).into(),
            cap: self.at,
            units_capped: self.units,
            capped: effect(&capped).into(),
        })
    }
}

fn gap(a: &Moments, b: &Moments) -> Option<Evidence> {
    difference(&Arm::from(a), &Arm::from(b)).ok()
}

fn capped(values: &[f64], at: f64) -> Moments {
    values.iter().map(|value| value.min(at)).collect()
}

/// Between the two order statistics next to it, as numpy does by default; the numbers change their order. `O(n)`.
fn linear_quantile(numbers: &mut [f64], q: f64) -> Option<f64> {
    let at = q * numbers.len().checked_sub(1)? as f64;
    // The quantile lies in (0, 1), so that both are indices.
    let (_, low, above) = numbers.select_nth_unstable_by(libm::floor(at) as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
    Some(*low + (next - *low) * (at - libm::floor(at)))
}

/// A tail is heavy if one unit moves the gap by more than so many of its standard errors.
const HEAVY: f64 = 0.5;
