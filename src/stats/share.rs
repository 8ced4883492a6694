//! One quantity's part in the integral of which of several is the highest, panel by panel from above.
//!
//! `P(i is best) = ∫ f_i Π_{j≠i} F_j` by a 16-point Gauss–Legendre rule. The distribution functions come from the
//! densities at the same points, by the integral of their interpolating polynomial, so that a point costs one
//! exponential.

use super::quadrature::{NODES, UPPER, WEIGHTS};

/// How many points a panel has.
pub(super) const POINTS: usize = NODES.len();

/// A quantity while it is being integrated.
pub(super) struct Share {
    /// The integral so far.
    pub(super) best: f64,
    /// At the points of the panel, half its width times the density.
    pub(super) density: [f64; POINTS],
    /// The mass above the panel.
    above: f64,
    /// The distribution function at the points of the panel.
    below: [f64; POINTS],
}

impl Share {
    pub(super) const fn new() -> Self {
        Self { best: 0.0, density: [0.0; POINTS], above: 0.0, below: [1.0; POINTS] }
    }

    /// From the densities of a panel, multiplies the distribution function into that of the highest.
    pub(super) fn take_part(&mut self, all: &mut [f64; POINTS]) {
        let mut mass = 0.0;
        let mut upper = [self.above; POINTS];
        // Points outermost, so that the inner loop is one of independent sums.
        for ((density, column), weight) in self.density.iter().zip(&UPPER).zip(WEIGHTS) {
            mass += density * weight;
            for (upper, share) in upper.iter_mut().zip(column) {
                *upper += density * share;
            }
        }
        self.above += mass;
        for ((below, upper), all) in self.below.iter_mut().zip(upper).zip(all) {
            // Rounding may take it past nothing; dividing by it below needs it to be something.
            *below = (1.0 - upper).max(1e-18);
            *all *= *below;
        }
    }

    /// Adds the panel, once all have taken part in it; gives how likely the others all lie below its lowest point, which
    /// is more than what may still come.
    pub(super) fn add(&mut self, all: &[f64; POINTS]) -> f64 {
        let mut others = 1.0;
        for k in 0..POINTS {
            others = all[k] / self.below[k];
            self.best += WEIGHTS[k] * self.density[k] * others;
        }
        others
    }
}
