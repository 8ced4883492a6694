//! What is believed of one arm's coefficients, kept up with every trial.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::linalg::{dot64, quadratic};

/// The posterior of one arm's coefficients, in standardised features: its inverse precision over the residual variance,
/// what the rewards pull it to, and its mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Belief {
    inverse: Vec<f64>,
    pull: Vec<f64>,
    pub(super) mean: Vec<f64>,
}

impl Belief {
    /// Before the arm was shown: what the arms have in common.
    pub(super) fn new(lambda: &[f64], common: &[f64]) -> Self {
        let width = lambda.len();
        let mut inverse = vec![0.0; width * width];
        (0..width).for_each(|at| inverse[at * width + at] = 1.0 / lambda[at]);
        let pull = lambda.iter().zip(common).map(|(lambda, common)| lambda * common).collect();
        Self { inverse, pull, mean: common.to_vec() }
    }

    /// After it was: the pull is that of the prior still.
    pub(super) fn replace(&mut self, inverse: Vec<f64>, rewards: &[f64]) {
        self.inverse = inverse;
        self.pull.iter_mut().zip(rewards).for_each(|(pull, reward)| *pull += reward);
        self.settle();
    }

    fn settle(&mut self) {
        let rows = self.inverse.chunks_exact(self.pull.len());
        self.mean.iter_mut().zip(rows).for_each(|(mean, row)| *mean = dot64(row, &self.pull));
    }

    /// Adds one observation (Sherman and Morrison, 1950); the mean moves by what it came short of, as in a Kalman filter.
    /// Gives what it adds to the squares that the regression leaves.
    pub(super) fn learn(&mut self, z: &[f64], reward: f64) -> f64 {
        let width = z.len();
        let image: SmallVec<[f64; 32]> = self.inverse.chunks_exact(width).map(|row| dot64(row, z)).collect();
        let whole = 1.0 + dot64(&image, z);
        for (row, of_row) in self.inverse.chunks_exact_mut(width).zip(&image) {
            let share = of_row / whole;
            row.iter_mut().zip(&image).for_each(|(cell, of)| *cell -= share * of);
        }
        self.pull.iter_mut().zip(z).for_each(|(pull, z)| *pull += z * reward);
        let off = reward - dot64(z, &self.mean);
        let short = off / whole;
        self.mean.iter_mut().zip(&image).for_each(|(mean, of)| *mean += short * of);
        off * short
    }

    /// Replaces the reward of an earlier observation. Gives what it adds to the squares that the regression leaves.
    pub(super) fn revise(&mut self, z: &[f64], from: f64, to: f64) -> f64 {
        let by = to - from;
        let off = from - dot64(z, &self.mean);
        self.pull.iter_mut().zip(z).for_each(|(pull, z)| *pull += z * by);
        let mut lever = 0.0;
        for ((mean, z_row), row) in self.mean.iter_mut().zip(z).zip(self.inverse.chunks_exact(z.len())) {
            let image = dot64(row, z);
            lever += z_row * image;
            *mean += by * image;
        }
        // Of yᵀ (I − H) y, where H has the lever on its diagonal.
        2.0 * by * off + by * by * (1.0 - lever)
    }

    /// The mean and the deviation of the arm's score.
    pub(super) fn score(&self, z: &[f64], variance: f64) -> (f64, f64) {
        (dot64(z, &self.mean), libm::sqrt((variance * quadratic(&self.inverse, z)).max(0.0)))
    }

    /// The mean of the arm's score.
    pub(super) fn expected(&self, z: &[f64]) -> f64 {
        dot64(z, &self.mean)
    }

    /// Whether it is for so many coefficients, and all its numbers can be worked with.
    pub(super) fn is_sound(&self, cells: usize) -> bool {
        let sizes = [self.pull.len(), self.mean.len()];
        let all = self.inverse.iter().chain(&self.pull).chain(&self.mean);
        sizes == [cells; 2] && self.inverse.len() == cells * cells && all.into_iter().all(|cell| cell.is_finite())
    }
}
