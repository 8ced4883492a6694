//! At which alpha a group sequential design would reject here: its p-value, for many effects at one look.
//!
//! The smallest alpha is where the bound of the last look is |z|. One bound costs an integration over all looks, and a
//! report asks for hundreds of p-values at the same looks, so bounds are tabulated once, where they are needed, at nodes
//! uniform in `w`, the bound that a single look would have (`alpha = 2 (1 - Φ(w))`): of a single look the bound is `w`
//! itself, and of any look it is smooth and all but straight along it. The table is inverted by a polynomial through
//! eight nodes. Where that and one through six of them disagree, or bounds are infinite since nothing may be spent, the
//! bound itself is solved for.

use std::cell::Cell;

use super::{GroupSequential, Spending};
use crate::stats::root::falling_root;
use crate::stats::{Alpha, normal_both_tails};

/// The bounds of the last of some looks by alpha.
#[derive(Clone, Debug)]
pub(in crate::experiment) struct Levels {
    information: Vec<f64>,
    spending: Spending,
    /// The bound at each node; NaN where nobody has asked yet.
    nodes: Vec<Cell<f64>>,
}

impl Levels {
    /// Looks at these fractions of information, of which the last is this one.
    pub(in crate::experiment) fn new(information: Vec<f64>, spending: Spending) -> Self {
        Self { information, spending, nodes: vec![Cell::new(f64::NAN); NODES] }
    }

    /// The bound of the last look; infinite without looks in order.
    pub(in crate::experiment) fn bound(&self, alpha: Alpha) -> f64 {
        let design = GroupSequential::spending(&self.information, self.spending, alpha);
        design.ok().and_then(|design| design.bounds().last().copied()).unwrap_or(f64::INFINITY)
    }

    /// The alpha at which the bound is |z|, to a part in 10^7; above a fifth, where nothing is decided, in 10^5, and
    /// above a half in 10^3. At least the p of one look, since a bound is never below that look's own quantile; 1 where
    /// no alpha is enough, and no less than 10^-290.
    pub(in crate::experiment) fn smallest_alpha(&self, z: f64) -> f64 {
        let z = z.abs();
        self.read(z).unwrap_or_else(|| self.solved(z))
    }

    /// By the table; none where it cannot tell.
    fn read(&self, z: f64) -> Option<f64> {
        if self.node(0) >= z {
            return Some(1.0);
        }
        // The bound of one look is the least there can be. Casts from `f64` saturate.
        let mut upper = (libm::ceil(z / STEP).max(1.0) as usize).min(NODES - 1);
        while upper > 1 && self.node(upper - 1) > z {
            upper -= 1;
        }
        let first = upper.saturating_sub(4).min(NODES - 8);
        let around: [f64; 8] = core::array::from_fn(|at| self.node(first + at));
        if around.iter().any(|bound| bound.is_infinite()) {
            return None;
        }
        let (below, above) = (upper - 1 - first, upper - first);
        let (low, high) = (around[below], around[above]);
        if !(low <= z && z < high) {
            return None;
        }
        let excess = |x: f64| z - through(&around, x);
        let x = falling_root((below as f64, z - low), (above as f64, z - high), 1e-12, 1e-12, excess);
        // The six nodes in the middle, of those that are nearer the edge of the table the first.
        let from = below.saturating_sub(2).min(2);
        let off = (through(&around[from..from + 6], x - from as f64) - z).abs() * STEP / (high - low);
        let w = STEP * (first as f64 + x);
        // Where w is off, ln alpha is off by that times the hazard of a normal variable, which is below w + 1.
        let sure = SURE.iter().find(|(upto, _)| w < *upto).map_or(0.0, |(_, sure)| *sure);
        (off * (w + 1.0) <= sure).then(|| normal_both_tails(w))
    }

    /// By the bound itself.
    fn solved(&self, z: f64) -> f64 {
        let excess = |ln_alpha: f64| {
            let alpha = Alpha::new(libm::exp(ln_alpha));
            alpha.map_or(f64::NEG_INFINITY, |alpha| self.bound(alpha) - z)
        };
        let (low, high) = (libm::log(normal_both_tails(z).max(LEAST)), NEAREST);
        let (at_low, at_high) = (excess(low), excess(high));
        if low >= high || at_low <= 0.0 {
            return libm::exp(low.min(0.0));
        }
        if at_high >= 0.0 {
            return 1.0;
        }
        libm::exp(falling_root((low, at_low), (high, at_high), 1e-9, 1e-10, excess))
    }

    /// The bound at a node.
    fn node(&self, at: usize) -> f64 {
        let Some(node) = self.nodes.get(at) else { return f64::INFINITY };
        if node.get().is_nan() {
            let alpha = Alpha::new(normal_both_tails(STEP * at as f64).min(libm::exp(NEAREST)));
            node.set(alpha.map_or(f64::INFINITY, |alpha| self.bound(alpha)));
        }
        node.get()
    }
}

/// The polynomial through values at 0, 1, 2 …, of which there are at most eight, by Neville's scheme.
fn through(values: &[f64], x: f64) -> f64 {
    let mut row = [0.0; 8];
    let many = values.len().min(row.len());
    row[..many].copy_from_slice(&values[..many]);
    for width in 1..many {
        for from in 0..many - width {
            let (near, far) = (x - from as f64, (from + width) as f64 - x);
            row[from] = (far * row[from] + near * row[from + 1]) / width as f64;
        }
    }
    row[0]
}

/// The distance of the nodes.
const STEP: f64 = 0.125;
/// How many there are: down to alpha of 10^-290, and what the last interval needs beyond.
const NODES: usize = 300;
/// The smallest alpha that is told.
const LEAST: f64 = 1e-290;
/// The largest, as its log: of 1 there is no error rate.
const NEAREST: f64 = -1e-12;
/// How far the polynomials may disagree, as a part of alpha, up to which bound of one look: where alpha is above a half
/// or a fifth nothing is decided. The one through eight nodes is nearer by far than they are to each other.
const SURE: [(f64, f64); 3] = [(0.675, 1e-3), (1.28, 1e-5), (f64::INFINITY, 1e-6)];

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks early, at the end and after it, together and apart; up to 5.4 errors, beyond which the quadrature itself
    /// loses digits of so small an alpha.
    #[test]
    fn the_table_tells_what_the_bound_says() {
        for looks in [
            &[0.1][..],
            &[1.0],
            &[0.5, 1.0],
            &[0.2, 0.4, 0.6, 0.8],
            &[0.01, 0.02, 1.0],
            &[0.999, 1.0],
            &[0.3, 1.0, 1.3],
        ] {
            for spending in [Spending::OBrienFleming, Spending::Pocock] {
                let levels = Levels::new(looks.to_vec(), spending);
                let mut read = 0;
                for step in 1..=22 {
                    // Not on the nodes.
                    let z = 0.2437 * f64::from(step);
                    let wanted = levels.solved(z);
                    let found = levels.smallest_alpha(z);
                    let bound = if wanted < 0.2 {
                        1e-7
                    } else if wanted < 0.5 {
                        1e-5
                    } else {
                        1e-3
                    };
                    assert!((found / wanted - 1.0).abs() <= bound, "{looks:?} {spending:?} {z} {found:e} {wanted:e}");
                    read += u32::from(levels.read(z).is_some());
                }
                assert!(read >= 11, "{looks:?} {spending:?} {read}");
            }
        }
    }

    #[test]
    fn far_effects_and_none_have_a_level() {
        let levels = Levels::new(vec![0.25, 0.5], Spending::OBrienFleming);
        assert!((levels.smallest_alpha(0.0) - 1.0).abs() < 1e-9);
        for z in [30.0, 36.0, 40.0, 1e300, f64::INFINITY] {
            assert!((1e-290..1e-100).contains(&levels.smallest_alpha(z)), "{z} {:e}", levels.smallest_alpha(z));
        }
        let none = Levels::new(Vec::new(), Spending::Pocock);
        assert!((none.smallest_alpha(3.0) - 1.0).abs() < 1e-9);
    }

    /// A polynomial of degree seven is its own.
    #[test]
    fn eight_values_are_joined_by_a_polynomial() {
        let of = |x: f64| ((((((x - 3.0) * x + 1.0) * x - 2.0) * x + 0.5) * x - 1.0) * x + 2.0) * x - 4.0;
        let values: [f64; 8] = core::array::from_fn(|at| of(at as f64));
        for x in [0.0, 0.3, 3.5, 6.9] {
            assert!((through(&values, x) - of(x)).abs() < 1e-8 * of(x).abs().max(1.0), "{x}");
        }
    }
}
