//! What the largest values of a metric do to a difference of means.

use super::findings::Tail;
use super::{Arm, difference};
use crate::stats::{Alpha, Evidence, Moments};

/// What the largest values do to the gap between the control, which is the first, and each other arm; `all` are the
/// moments of the same values, capped at this quantile of all arms together. None without values. `O(values)`.
pub(super) fn tails(values: &[Vec<f64>], all: &[Moments], quantile: f64, alpha: Alpha) -> Vec<Option<Tail>> {
    let mut pooled = values.concat();
    let Some(cap) = linear_quantile(&mut pooled, quantile) else { return vec![None; values.len()] };
    let above = |values: &Vec<f64>| values.iter().filter(|value| **value > cap).count() as u64;
    let units_capped = values.iter().map(above).sum();
    let arms = values.iter().zip(all);
    // An arm's extremes serve every comparison that it is in.
    let edges: Vec<Option<Edge>> = arms.clone().map(|(values, all)| Edge::new(values, all)).collect();
    let capped: Vec<Moments> = arms.map(|(values, all)| moments(values, None, cap, all.mean())).collect();
    let mut without: Vec<Option<Moments>> = vec![None; values.len()];
    let mut tail = |arm: usize| {
        let (of_a, of_b) = (edges[0]?, edges[arm]?);
        let mover = if of_a.shift >= of_b.shift { 0 } else { arm };
        let Edge { at, shift: moved_by } = if mover == 0 { of_a } else { of_b };
        let rest =
            *without[mover].get_or_insert_with(|| moments(&values[mover], Some(at), f64::INFINITY, all[mover].mean()));
        let left = if mover == 0 { gap(&rest, &all[arm])? } else { gap(&all[0], &rest)? };
        let effect = |found: &Evidence| (found.estimate(), found.interval(alpha), found.p());
        Some(Tail {
            moved_by,
            is_heavy: moved_by > HEAVY * gap(&all[0], &all[arm])?.error(),
            without: effect(&left).into(),
            cap,
            units_capped,
            capped: effect(&gap(&capped[0], &capped[arm])?).into(),
        })
    };
    (0..values.len()).map(|arm| if arm == 0 { None } else { tail(arm) }).collect()
}

/// The value of an arm that is farthest from its mean, the first of those, and by how much the mean moves without it.
#[derive(Clone, Copy)]
struct Edge {
    at: usize,
    shift: f64,
}

impl Edge {
    fn new(values: &[f64], all: &Moments) -> Option<Self> {
        let left = values.len().checked_sub(1).filter(|left| *left > 0)?;
        let (mut at, mut most) = (0, -1.0);
        for (i, value) in values.iter().enumerate() {
            let off = (value - all.mean()).abs();
            if off > most {
                (at, most) = (i, off);
            }
        }
        Some(Self { at, shift: most / left as f64 })
    }
}

fn gap(a: &Moments, b: &Moments) -> Option<Evidence> {
    difference(&Arm::from(a), &Arm::from(b)).ok()
}

/// Of values below a cap, with one left out; in two passes from somewhere near the mean, which are quicker than one that
/// divides at each value.
fn moments(values: &[f64], left_out: Option<usize>, cap: f64, near: f64) -> Moments {
    let (before, after) = left_out.map_or((values, &values[..0]), |at| (&values[..at], &values[at + 1..]));
    let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
        let part = |values: &[f64]| values.iter().map(|value| of(value.min(cap))).sum::<f64>();
        part(before) + part(after)
    };
    let many = before.len() + after.len();
    let mean = near + sum(&|value| value - near) / many.max(1) as f64;
    let squares = sum(&|value| (value - mean) * (value - mean));
    let variance = squares / many.saturating_sub(1).max(1) as f64;
    Moments::new(many as u64, mean, variance).unwrap_or_default()
}

/// Between the two order statistics next to it, as numpy does by default; the numbers change their order. `O(n)`.
pub(super) fn linear_quantile(numbers: &mut [f64], q: f64) -> Option<f64> {
    let at = q * numbers.len().checked_sub(1)? as f64;
    // The quantile lies in (0, 1), so that both are indices.
    let (_, low, above) = numbers.select_nth_unstable_by(libm::floor(at) as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
    Some(*low + (next - *low) * (at - libm::floor(at)))
}

/// A tail is heavy if one unit moves the gap by more than so many of its standard errors.
const HEAVY: f64 = 0.5;
